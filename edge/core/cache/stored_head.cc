#include "edge/core/cache/stored_head.h"

#include <algorithm>
#include <array>

#include "shared/core/ascii.h"

namespace edge {
namespace {

// Whose place is the message's and not the response's.
bool is_stored(const http::Field& field, const http::ConnectionOptions& connection,
               const ResponseDirectives& directives, CookiePolicy cookies) {
  switch (field.id) {
    case http::FieldId::age:
    case http::FieldId::content_length:
    case http::FieldId::proxy_authenticate:
    case http::FieldId::proxy_authentication_info:
    case http::FieldId::proxy_authorization:
    case http::FieldId::trailer:
      return false;
    case http::FieldId::set_cookie:
      return cookies == CookiePolicy::store && !directives.omits(field.name);
    default:
      break;
  }
  if (http::is_hop_by_hop(field.id) || directives.omits(field.name)) return false;
  return connection.named_count == 0 || http::is_protected(field.id) || !connection.names(field.name);
}

// What the stored octets are is not what a 304 may change.
bool is_of_the_body(const http::Field& field) {
  return field.id == http::FieldId::content_encoding || shared::equals_ignoring_case(field.name, "Content-Range") ||
         shared::equals_ignoring_case(field.name, "Content-MD5");
}

}  // namespace

StoredHead::StoredHead(const http::ResponseHead& head, const ResponseDirectives& directives, CookiePolicy cookies,
                       http::UnixSeconds heard_at)
    : status_(head.status), version_(head.version), reason_size_(head.reason.size()), text_(head.reason) {
  const http::ConnectionOptions connection = http::connection_options(head.fields);
  std::array<const http::Field*, http::FieldList::kCapacity> kept;  // NOLINT(*-member-init): written before it is read
  std::size_t count = 0;
  std::size_t size = text_.size();
  for (const http::Field& field : head.fields) {
    if (!is_stored(field, connection, directives, cookies)) continue;
    kept[count++] = &field;
    size += field.name.size() + field.value.size();
  }
  const bool dated = head.fields.has(http::FieldId::date);
  constexpr std::size_t kDateLine = 33;
  text_.reserve(size + (dated ? 0 : kDateLine));
  lines_.reserve(count + (dated ? 0 : 1));
  for (std::size_t i = 0; i < count; ++i) add(*kept[i]);
  if (!dated) {
    const http::DateText date = http::write_date(heard_at);
    add({.name = "Date", .value = date.view(), .id = http::FieldId::date});
  }
  settle();
}

StoredHead StoredHead::updated_by(const http::ResponseHead& not_modified, const ResponseDirectives& directives,
                                  CookiePolicy cookies) const {
  StoredHead made;
  made.status_ = status_;
  made.version_ = version_;
  made.reason_size_ = reason_size_;
  made.text_.assign(text_, 0, reason_size_);
  const http::ConnectionOptions connection = http::connection_options(not_modified.fields);
  const auto replaces = [&](const http::Field& field) {
    return is_stored(field, connection, directives, cookies) && !is_of_the_body(field);
  };
  for (const Line& line : lines_) {
    const http::Field old = field(line);
    const bool replaced = std::ranges::any_of(not_modified.fields, [&](const http::Field& field) {
      return field.id == old.id && shared::equals_ignoring_case(field.name, old.name) && replaces(field);
    });
    if (!replaced && !directives.omits(old.name)) made.add(old);
  }
  for (const http::Field& field : not_modified.fields) {
    if (replaces(field)) made.add(field);
  }
  made.settle();
  return made;
}

void StoredHead::add(const http::Field& field) {
  lines_.push_back({.at = static_cast<std::uint32_t>(text_.size()),
                    .value_size = static_cast<std::uint32_t>(field.value.size()),
                    .name_size = static_cast<std::uint16_t>(field.name.size()),
                    .id = field.id});
  text_.append(field.name).append(field.value);
}

void StoredHead::settle() {
  text_.shrink_to_fit();
  lines_.shrink_to_fit();
}

http::Field StoredHead::field(const Line& line) const {
  const std::string_view text(text_);
  return {.name = text.substr(line.at, line.name_size),
          .value = text.substr(line.at + line.name_size, line.value_size),
          .id = line.id};
}

bool StoredHead::copy_to(http::ResponseHead& head) const {
  head.status = status_;
  head.version = version_;
  head.reason = std::string_view(text_).substr(0, reason_size_);
  head.fields.clear();
  return std::ranges::all_of(lines_, [&](const Line& line) { return head.fields.push(field(line)); });
}

void StoredHead::append_text(std::string& out) const {
  out.append(version_ == http::Version::http_1_0 ? "HTTP/1.0 " : "HTTP/1.1 ");
  out.append(std::to_string(status_)).append(" ").append(text_, 0, reason_size_).append("\r\n");
  for (const Line& line : lines_) {
    const http::Field one = field(line);
    out.append(one.name).append(": ").append(one.value).append("\r\n");
  }
  out.append("\r\n");
}

std::string_view StoredHead::find(http::FieldId id) const {
  const auto found = std::ranges::find(lines_, id, &Line::id);
  return found == lines_.end() ? std::string_view() : field(*found).value;
}

std::string_view StoredHead::find(std::string_view name) const {
  for (const Line& line : lines_) {
    const http::Field found = field(line);
    if (shared::equals_ignoring_case(found.name, name)) return found.value;
  }
  return {};
}

}  // namespace edge

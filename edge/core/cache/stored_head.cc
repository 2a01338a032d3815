#include "edge/core/cache/stored_head.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

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
  if (http::is_hop_by_hop(field.id) || (directives.omitted_count > 0 && directives.omits(field.name))) return false;
  return connection.named_count == 0 || http::is_protected(field.id) || !connection.names(field.name);
}

// What the stored octets are is not what a 304 may change.
bool is_of_the_body(const http::Field& field) {
  return field.id == http::FieldId::content_encoding || shared::equals_ignoring_case(field.name, "Content-Range") ||
         shared::equals_ignoring_case(field.name, "Content-MD5");
}

char* put(std::string_view octets, char* out) {
  if (!octets.empty()) std::memcpy(out, octets.data(), octets.size());
  return out + octets.size();
}

}  // namespace

StoredHead::StoredHead(const http::ResponseHead& head, const ResponseDirectives& directives, CookiePolicy cookies,
                       http::UnixSeconds heard_at)
    : status_(head.status), version_(head.version) {
  const http::ConnectionOptions connection = http::connection_options(head.fields);
  std::array<const http::Field*, http::FieldList::kCapacity + 1> kept;  // NOLINT(*-member-init): written before read
  std::size_t count = 0;
  for (const http::Field& field : head.fields) {
    if (is_stored(field, connection, directives, cookies)) kept[count++] = &field;
  }
  http::DateText text;
  http::Field date{.name = "Date", .value = {}, .id = http::FieldId::date};
  if (!head.fields.has(http::FieldId::date)) {
    text = http::write_date(heard_at);
    date.value = text.view();
    kept[count++] = &date;
  }
  write(head.reason, {kept.data(), count});
}

StoredHead StoredHead::updated_by(const http::ResponseHead& not_modified, const ResponseDirectives& directives,
                                  CookiePolicy cookies) const {
  const http::ConnectionOptions connection = http::connection_options(not_modified.fields);
  const auto replaces = [&](const http::Field& field) {
    return is_stored(field, connection, directives, cookies) && !is_of_the_body(field);
  };
  std::vector<http::Field> old;
  std::vector<const http::Field*> kept;
  old.reserve(count_);
  for (std::size_t i = 0; i < count_; ++i) {
    const http::Field one = field(i);
    const bool replaced = std::ranges::any_of(not_modified.fields, [&](const http::Field& field) {
      return field.id == one.id && shared::equals_ignoring_case(field.name, one.name) && replaces(field);
    });
    if (!replaced && !directives.omits(one.name)) kept.push_back(&old.emplace_back(one));
  }
  for (const http::Field& field : not_modified.fields) {
    if (replaces(field)) kept.push_back(&field);
  }
  StoredHead made;
  made.status_ = status_;
  made.version_ = version_;
  made.write(text(0, reason_size_), kept);
  return made;
}

void StoredHead::write(std::string_view reason, std::span<const http::Field* const> fields) {
  std::size_t size = fields.size() * sizeof(Line) + reason.size();
  for (const http::Field* field : fields) size += field->name.size() + field->value.size();
  auto block = std::make_shared_for_overwrite<char[]>(size);
  count_ = static_cast<std::uint16_t>(fields.size());
  reason_size_ = static_cast<std::uint32_t>(reason.size());
  size_ = static_cast<std::uint32_t>(size);
  char* lines = block.get();
  char* const text = lines + fields.size() * sizeof(Line);
  char* out = put(reason, text);
  for (const http::Field* field : fields) {
    const Line line{.at = static_cast<std::uint32_t>(out - text),
                    .value_size = static_cast<std::uint32_t>(field->value.size()),
                    .name_size = static_cast<std::uint16_t>(field->name.size()),
                    .id = field->id};
    std::memcpy(lines, &line, sizeof(line));
    lines += sizeof(line);
    out = put(field->value, put(field->name, out));
  }
  block_ = std::move(block);
}

StoredHead::Line StoredHead::line(std::size_t index) const {
  Line line;
  std::memcpy(&line, block_.get() + index * sizeof(Line), sizeof(line));
  return line;
}

std::string_view StoredHead::text(std::size_t at, std::size_t size) const {
  return {block_.get() + count_ * sizeof(Line) + at, size};
}

http::Field StoredHead::field(std::size_t index) const {
  const Line one = line(index);
  return {.name = text(one.at, one.name_size), .value = text(one.at + one.name_size, one.value_size), .id = one.id};
}

bool StoredHead::copy_to(http::ResponseHead& head) const {
  head.status = status_;
  head.version = version_;
  head.reason = text(0, reason_size_);
  head.fields.clear();
  for (std::size_t i = 0; i < count_; ++i) {
    if (i == kMostFields || !head.fields.push(field(i))) return false;
  }
  return true;
}

void StoredHead::append_text(std::string& out) const {
  out.append(http::version_text(version_))
      .append(" ")
      .append(std::to_string(status_))
      .append(" ")
      .append(text(0, reason_size_))
      .append("\r\n");
  for (std::size_t i = 0; i < count_; ++i) {
    const http::Field one = field(i);
    out.append(one.name).append(": ").append(one.value).append("\r\n");
  }
  out.append("\r\n");
}

std::string_view StoredHead::find(http::FieldId id) const {
  for (std::size_t i = 0; i < count_; ++i) {
    if (line(i).id == id) return field(i).value;
  }
  return {};
}

std::string_view StoredHead::find(std::string_view name) const {
  for (std::size_t i = 0; i < count_; ++i) {
    const http::Field found = field(i);
    if (shared::equals_ignoring_case(found.name, name)) return found.value;
  }
  return {};
}

}  // namespace edge

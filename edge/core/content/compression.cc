#include "edge/core/content/compression.h"

#include <algorithm>
#include <optional>

#include "edge/core/content/entity_tag.h"
#include "shared/core/ascii.h"

namespace edge {
namespace {

bool matches(std::string_view pattern, std::string_view type) {
  if (pattern.starts_with('+')) {
    return type.size() > pattern.size() &&
           shared::equals_ignoring_case(type.substr(type.size() - pattern.size()), pattern);
  }
  if (pattern.ends_with("/*")) {
    const std::size_t size = pattern.size() - 1;
    return shared::equals_ignoring_case(type.substr(0, size), pattern.substr(0, size));
  }
  return shared::equals_ignoring_case(type, pattern);
}

bool must_not_be_transformed(const http::FieldList& fields) {
  bool found = false;
  for (const http::Field& field : fields) {
    if (field.id != http::FieldId::cache_control) continue;
    http::for_each_element(field.value, [&](std::string_view directive) {
      found = found || shared::equals_ignoring_case(directive, "no-transform");
    });
  }
  return found;
}

bool is_encoded(const http::FieldList& fields) {
  return std::ranges::any_of(fields, [](const http::Field& field) {
    return field.id == http::FieldId::content_encoding && !shared::equals_ignoring_case(field.value, "identity");
  });
}

// Of the octets as they are.
bool is_signed(const http::FieldList& fields) {
  for (const std::string_view name : {"Content-Digest", "Repr-Digest", "Content-MD5", "Digest"}) {
    if (fields.find(name) != nullptr) return true;
  }
  return false;
}

// Also of what HEAD leaves out.
std::optional<std::uint64_t> known_length(const http::ResponseHead& answer, const http::ResponseFraming& framing) {
  if (framing.body.kind == http::BodyKind::length) return framing.body.length;
  const http::Field* const field = answer.fields.find(http::FieldId::content_length);
  return field != nullptr ? http::parse_content_length(field->value) : std::nullopt;
}

// Which of the two a client has that asks whether it is still good: what was compressed here has the tag made weak.
enum class Held : std::uint8_t { unknown, plain, compressed };

Held held_by(const http::FieldList& asked, const http::FieldList& answered) {
  const http::Field* const field = answered.find(http::FieldId::etag);
  const auto tag = field != nullptr ? parse_entity_tag(field->value) : std::nullopt;
  if (!tag || tag->weak) return Held::unknown;
  const std::string weak = "W/" + std::string(tag->opaque);
  bool plain = false;
  bool compressed = false;
  for (const http::Field& one : asked) {
    if (one.id != http::FieldId::if_none_match) continue;
    const bool weakened = one.value.find(weak) != std::string_view::npos;
    compressed = compressed || weakened;
    plain = plain || (!weakened && one.value.find(tag->opaque) != std::string_view::npos);
  }
  if (plain == compressed) return Held::unknown;
  return plain ? Held::plain : Held::compressed;
}

bool has_body(std::uint16_t status) { return status >= 200 && status != 204 && status != 205 && status != 304; }

}  // namespace

bool Compression::takes(std::string_view content_type) const {
  const std::string_view type = shared::trim(content_type.substr(0, content_type.find(';')));
  return std::ranges::any_of(types, [type](const std::string& pattern) { return matches(pattern, type); });
}

CompressionRuling rule_compression(const Compression& settings, const http::RequestHead& request,
                                   const http::ResponseHead& answer, const http::ResponseFraming& framing) {
  CompressionRuling ruling;
  const auto chosen = [&] { return AcceptedCodings(request.fields).choose(settings.codings); };
  if (answer.status == 304) {
    // What is stored keeps the tag that it came with, which the client has shown; who has shown none gets that of what
    // a 200 would be.
    const Held held = held_by(request.fields, answer.fields);
    const bool compressed = held == Held::unknown ? chosen() != Coding::identity : held == Held::compressed;
    ruling.weakens = !is_encoded(answer.fields) && compressed;
    // As that of the 200 did.
    ruling.varies = ruling.weakens && (held == Held::compressed || answer.fields.has(http::FieldId::vary));
    return ruling;
  }
  if (!has_body(answer.status) || framing.switched || answer.status == 206) return ruling;
  if (request.method == http::Method::connect || answer.fields.find("Content-Range") != nullptr) return ruling;
  const http::Field* const type = answer.fields.find(http::FieldId::content_type);
  if (type == nullptr || !settings.takes(type->value) || is_encoded(answer.fields)) return ruling;
  if (must_not_be_transformed(answer.fields) || is_signed(answer.fields)) return ruling;
  const auto length = known_length(answer, framing);
  if (length && *length < settings.min_size) return ruling;
  ruling.varies = true;
  ruling.coding = chosen();
  ruling.weakens = ruling.coding != Coding::identity;
  return ruling;
}

}  // namespace edge

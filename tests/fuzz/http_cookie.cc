// Cookies: a value found lies inside the field and follows its name, and a session's token reads back as it was
// written.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "edge/core/pool/learned_sessions.h"
#include "edge/core/pool/sticky.h"
#include "shared/http/cookie.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_found(std::string_view field, std::string_view name, std::string_view value) {
  if (value.data() == nullptr) return;
  require(value.data() >= field.data() && value.data() + value.size() <= field.data() + field.size());
  require(value.find(';') == std::string_view::npos);
  const auto before = static_cast<std::size_t>(value.data() - field.data());
  require(before > name.size() && field.substr(before - name.size() - 1, name.size()) == name);
  require(field[before - 1] == '=');
}

// What a server's Set-Cookie gives, its client sends back as it is.
void check_given(std::string_view field) {
  const std::string_view value = edge::cookie_given_by(field, "MERIDIAN");
  if (value.empty()) return;
  require(value.data() >= field.data() && value.data() + value.size() <= field.data() + field.size());
  require(value.find(';') == std::string_view::npos && value.front() != ' ' && value.back() != ' ');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_given(text);
  http::FieldList fields;
  const std::size_t half = text.find('\n');
  const std::string_view first = text.substr(0, half);
  require(fields.push({.name = "Cookie", .value = first, .id = http::FieldId::cookie}));
  if (half == std::string_view::npos) {
    for (const std::string_view name : {"MERIDIAN", "a", ""}) {
      check_found(first, name, http::find_cookie(fields, name));
    }
  } else {
    // A second field is read when the first has no such cookie.
    require(fields.push({.name = "Cookie", .value = text.substr(half + 1), .id = http::FieldId::cookie}));
  }
  const std::string_view value = http::find_cookie(fields, "MERIDIAN");
  if (const auto token = edge::parse_session_token(value)) require(edge::to_text(*token) == value);
  static const shared::SipKey kKey{7};
  static const edge::Sticky kSticky = [] {
    constexpr std::string_view kServers[] = {"10.0.0.1:80", "10.0.0.2:80"};
    edge::StickySettings settings;
    settings.cookie = "MERIDIAN";
    settings.keys = std::span(&kKey, 1);
    return edge::make_sticky(settings, "web", kServers);
  }();
  if (const auto server = kSticky.find(value)) require(*server < 2);
  return 0;
}

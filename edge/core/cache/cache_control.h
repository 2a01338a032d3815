#pragma once
// Cache-Control as a shared cache reads it (RFC 9111 5.2, RFC 5861), and CDN-Cache-Control (RFC 9213), which overrules
// it where it is well formed. What is garbled, or said twice and not alike, is read in the way that reuses less (RFC
// 9111 4.2.1). Views point into the field's value. Pure functions, value types, any thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "shared/http/fields.h"

namespace edge {

// Seconds. What is more than 2^31 is 2^31 (RFC 9111 1.2.2).
using Delta = std::uint32_t;
inline constexpr Delta kMaxDelta = 0x80000000U;

// Digits only; nothing when it is no such number.
[[nodiscard]] std::optional<Delta> parse_delta(std::string_view text);

// "max-age=60". One that is garbled is there, and says 0.
struct DeltaDirective {
  bool given = false;
  Delta seconds = 0;

  bool operator==(const DeltaDirective&) const = default;
};

struct ResponseDirectives {
  static constexpr std::size_t kMaxLists = 4;

  bool no_store = false;
  bool no_cache = false;  // without fields, or with more lists of them than are kept
  bool is_private = false;
  bool is_public = false;
  bool must_revalidate = false;
  bool proxy_revalidate = false;
  bool must_understand = false;
  bool targeted = false;  // they are those of CDN-Cache-Control: Expires means nothing beside them
  DeltaDirective max_age;
  DeltaDirective s_maxage;
  DeltaDirective stale_while_revalidate;
  DeltaDirective stale_if_error;
  // Of no-cache="..." and private="...": lists of fields that are not stored.
  std::array<std::string_view, kMaxLists> omitted{};
  std::size_t omitted_count = 0;

  [[nodiscard]] bool omits(std::string_view field) const;
  // Stale answers are forbidden, whatever else allows for them (RFC 9111 4.2.4).
  [[nodiscard]] bool revalidates() const { return must_revalidate || proxy_revalidate || no_cache; }
};

struct RequestDirectives {
  bool no_cache = false;  // also by Pragma, where there is no Cache-Control (RFC 9111 5.4)
  bool no_store = false;
  bool only_if_cached = false;
  bool any_stale = false;  // max-stale without a number
  DeltaDirective max_age;
  DeltaDirective min_fresh;
  DeltaDirective max_stale;
};

[[nodiscard]] ResponseDirectives response_directives(const http::FieldList& fields);
[[nodiscard]] RequestDirectives request_directives(const http::FieldList& fields);

}  // namespace edge

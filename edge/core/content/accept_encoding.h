#pragma once
// Accept-Encoding (RFC 9110 12.5.3): which codings of a body a client takes, and how much it likes them. Pure
// functions, value types, any thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "shared/http/fields.h"

namespace edge {

enum class Coding : std::uint8_t { identity, gzip, br, zstd, count_ };
inline constexpr std::size_t kCodings = static_cast<std::size_t>(Coding::count_);

[[nodiscard]] std::string_view coding_name(Coding coding);  // as Content-Encoding says it; empty: identity

// "0", "0.5", "1.000": thousandths (RFC 9110 12.4.2). -1 when it is none.
[[nodiscard]] int parse_quality(std::string_view text);

class AcceptedCodings {
 public:
  // Of a client that says nothing: identity, which everybody takes.
  AcceptedCodings() { quality_[static_cast<std::size_t>(Coding::identity)] = 1; }
  // All the lines of the field. A line that is malformed is read as far as it is not.
  explicit AcceptedCodings(const http::FieldList& fields);

  // In thousandths; 0: not acceptable.
  [[nodiscard]] int quality(Coding coding) const { return quality_[static_cast<std::size_t>(coding)]; }

  // The one of `offered` that the client likes best; between equals the first. identity where none is acceptable, also
  // if the client has excluded it: an answer it can read badly beats a 406 (RFC 9110 12.5.3). REQUIRES: nothing, an
  // empty list is identity.
  [[nodiscard]] Coding choose(std::span<const Coding> offered) const;

 private:
  std::array<int, kCodings> quality_{};
};

}  // namespace edge

#pragma once
// The page that shows what is in a directory. Pure functions, value types, any thread.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shared/http/date.h"

namespace edge {

struct ListedName {
  std::string name;
  bool directory = false;
  std::uint64_t size = 0;
  http::UnixSeconds modified = 0;
};

inline constexpr std::size_t kMostListed = 10'000;  // names of a page

// `path`: of the request, decoded. Names are any octets but NUL and '/'; directories come first.
[[nodiscard]] std::string listing_page(std::string_view path, std::vector<ListedName> names);

}  // namespace edge

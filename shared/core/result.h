#pragma once
// Result<T>: what fallible work returns. An Error is a sentence for a person; what a program must branch on is an enum
// of the module's own. Value types, any thread.

#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace shared {

struct Error {
  std::string message;  // complete: says what, where (file:line:column when there is one) and what to do about it
};

template <class T>
using Result = tl::expected<T, Error>;

// return fail("cannot open zones/shop.zone: no such file");
[[nodiscard]] inline tl::unexpected<Error> fail(std::string message) {
  return tl::unexpected<Error>(Error{std::move(message)});
}

}  // namespace shared

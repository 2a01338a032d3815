#pragma once
// Refusal: a request, or a server's response, that breaks the protocol, with the status to answer. A small value
// without allocation; any thread.

#include <cstdint>
#include <string_view>

#include <tl/expected.hpp>

namespace http {

// `status` is what a client gets when its request is refused; a refused upstream response has 502.
struct Refusal {
  std::uint16_t status = 400;
  std::string_view reason;  // a literal, for the log and the body of the reply

  bool operator==(const Refusal&) const = default;
};

template <class T>
using Checked = tl::expected<T, Refusal>;

[[nodiscard]] inline tl::unexpected<Refusal> refuse(std::uint16_t status, std::string_view reason) {
  return tl::unexpected<Refusal>(Refusal{status, reason});
}

}  // namespace http

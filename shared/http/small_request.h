#pragma once
// SmallRequest: a request that is written in one piece, as those of probes, of the control loop's calls and of the
// command line are. Values; any thread.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/http/head.h"

namespace http {

struct SmallRequest {
  Method method = Method::get;  // one with a name
  std::string target = "/";     // as it is sent
  std::string host;
  std::vector<std::pair<std::string, std::string>> fields;  // without Host and Content-Length
  std::string body;
};

[[nodiscard]] std::string_view name_of(Method method);  // "GET"; empty for `other`

// Head and body. Content-Length is said if there is a body, or a method that has one by its meaning (RFC 9110 8.6).
// REQUIRES: nothing in it ends a line.
[[nodiscard]] std::string write(const SmallRequest& request);

}  // namespace http

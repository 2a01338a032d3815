#include "shared/http/small_request.h"

#include <array>

namespace http {

std::string_view name_of(Method method) {
  constexpr std::array<std::string_view, 10> kNames{"GET",     "HEAD",    "POST",  "PUT",   "DELETE",
                                                    "CONNECT", "OPTIONS", "TRACE", "PATCH", ""};
  static_assert(kNames.size() == static_cast<std::size_t>(Method::other) + 1);
  return kNames[static_cast<std::size_t>(method)];
}

std::string write(const SmallRequest& request) {
  std::string out(name_of(request.method));
  out.append(" ").append(request.target).append(" HTTP/1.1\r\nHost: ").append(request.host).append("\r\n");
  for (const auto& [name, value] : request.fields) out.append(name).append(": ").append(value).append("\r\n");
  const bool has_body = request.method == Method::post || request.method == Method::put ||
                        request.method == Method::patch || !request.body.empty();
  if (has_body) out.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
  return out.append("\r\n").append(request.body);
}

}  // namespace http

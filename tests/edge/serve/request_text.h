#pragma once
// What a client of these tests says.

#include <string>
#include <string_view>

namespace edge::test {

// `more`: header lines, each with its CRLF.
inline std::string get(std::string_view path = "/", std::string_view more = {}) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: shop.example\r\n" + std::string(more) + "\r\n";
}

}  // namespace edge::test

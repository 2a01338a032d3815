#pragma once
// What HTTP/2 makes of a head that was written for HTTP/1 (rewrite.h), an answer's or a request's: the same fields
// under the same rules, their names in lower case, without those of the connection (RFC 9113 8.2.2). Pure functions,
// any thread.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "shared/core/ascii.h"
#include "shared/http/fields.h"

namespace edge {

[[nodiscard]] inline bool is_h1_only(std::string_view lower_name) {
  return lower_name == "connection" || lower_name == "transfer-encoding" || lower_name == "keep-alive" ||
         lower_name == "upgrade" || lower_name == "proxy-connection";
}

// Words may overlap: what is in lower case stays as it is.
inline void lower_in_place(std::span<char> text) {
  const auto lower_word = []<class Word>(char* at, Word word) {
    constexpr auto kOnes = static_cast<Word>(0x0101010101010101ULL);
    std::memcpy(&word, at, sizeof word);
    const Word low = word & static_cast<Word>(kOnes * 0x7F);  // of each octet, so that no sum carries over
    const Word from_a = low + static_cast<Word>(kOnes * (0x80 - 'A'));
    const Word past_z = low + static_cast<Word>(kOnes * (0x80 - 'Z' - 1));
    word |= static_cast<Word>(((from_a ^ past_z) & ~word & static_cast<Word>(kOnes * 0x80)) >> 2);
    std::memcpy(at, &word, sizeof word);
  };
  char* const begin = text.data();
  const std::size_t size = text.size();
  if (size >= 8) {
    for (std::size_t i = 0; i + 8 < size; i += 8) lower_word(begin + i, std::uint64_t{});
    lower_word(begin + size - 8, std::uint64_t{});
  } else if (size >= 4) {
    lower_word(begin, std::uint32_t{});
    lower_word(begin + size - 4, std::uint32_t{});
  } else {
    for (char& c : text) c = shared::lower(c);
  }
}

// Calls visit(name, value) for each line; names become lower case in place.
template <class Visit>
void for_each_h2_field(std::span<char> lines, Visit&& visit) {
  std::size_t at = 0;
  const std::string_view text(lines.data(), lines.size());
  while (at < text.size()) {
    const std::size_t end = std::min(text.find("\r\n", at), text.size());
    const std::size_t colon = text.find(':', at);
    if (colon >= end) break;  // the empty line
    lower_in_place(lines.subspan(at, colon - at));
    const std::string_view name = text.substr(at, colon - at);
    if (!is_h1_only(name)) visit(name, shared::trim(text.substr(colon + 1, end - colon - 1)));
    at = end + 2;
  }
}

// The three digits behind "HTTP/1.1 ", and the lines behind those. REQUIRES: a head that rewrite.h has written.
struct H2ResponseHead {
  std::string_view status;
  std::span<char> lines;
};
[[nodiscard]] inline H2ResponseHead split_response(std::span<char> head) {
  constexpr std::size_t kStatusAt = 9;
  const std::string_view text(head.data(), head.size());
  const std::size_t end = text.find("\r\n");
  return {.status = text.substr(kStatusAt, 3), .lines = head.subspan(end + 2)};
}

// "GET /path HTTP/1.1", "Host: name", and the lines behind those. REQUIRES: as above.
struct H2RequestHead {
  std::string_view method;
  std::string_view path;
  std::string_view authority;
  std::span<char> lines;
};
[[nodiscard]] inline H2RequestHead split_request(std::span<char> head) {
  constexpr std::string_view kHost = "Host: ";
  const std::string_view text(head.data(), head.size());
  const std::size_t method = text.find(' ');
  const std::size_t path = text.find(' ', method + 1);
  const std::size_t host = text.find("\r\n") + 2 + kHost.size();
  const std::size_t end = text.find("\r\n", host);
  return {.method = text.substr(0, method),
          .path = text.substr(method + 1, path - method - 1),
          .authority = text.substr(host, end - host),
          .lines = head.subspan(end + 2)};
}

}  // namespace edge

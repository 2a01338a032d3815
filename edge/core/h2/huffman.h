#pragma once
// The Huffman code of HPACK (RFC 7541 5.2, appendix B). Pure functions, any thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace edge::h2 {

// Octets that a code of so many octets stands for at most: the shortest code has five bits.
[[nodiscard]] constexpr std::size_t huffman_decoded_bound(std::size_t encoded) { return encoded * 8 / 5; }

// What `encoded` stands for; how many octets those are. None: it holds EOS, or its padding is none.
// REQUIRES: room at `out` for huffman_decoded_bound().
[[nodiscard]] std::optional<std::size_t> huffman_decode(std::string_view encoded, char* out);

[[nodiscard]] std::size_t huffman_size(std::string_view text);

// REQUIRES: room at `out` for huffman_size().
void huffman_encode(std::string_view text, char* out);

}  // namespace edge::h2

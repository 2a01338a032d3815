#pragma once
// $GENERATE (an extension of BIND's that zone files of old use): a range and the substitution of its values into text.
// Pure functions, any thread.
//
//   $GENERATE 1-254 host-$ A 10.0.0.$          $ is the value, $$ and \$ are dollar signs
//   $GENERATE 0-99/3 a${1000,6,x} ...          ${offset,width,base}: value + offset, padded with zeros to the width,
//                                              base d o x X, or n N: reversed nibbles with dots, as ip6.arpa wants

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/core/result.h"

namespace dns {

struct GenerateRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;  // included
  std::uint32_t step = 1;

  [[nodiscard]] std::uint64_t count() const { return (std::uint64_t{last} - first) / step + 1; }
};

// "first-last" or "first-last/step", first <= last <= 2^31-1.
[[nodiscard]] shared::Result<GenerateRange> parse_generate_range(std::string_view text);

[[nodiscard]] shared::Result<std::string> expand_generate(std::string_view pattern, std::uint32_t value);

}  // namespace dns

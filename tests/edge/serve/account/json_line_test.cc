#include "edge/serve/account/json_line.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>

namespace edge::json_line_test {
namespace {

std::string written(std::string_view value) {
  std::string room(JsonLine::bound(value) + 10 + JsonLine::kSlack, '\xAA');
  JsonLine line(room.data());
  line.text("\"k\":\"", value);
  return std::string(line.view());
}

std::string expected(std::string_view value) {
  std::string text = "\"k\":\"";
  for (const char c : value) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text.append("\\").push_back(c);
    } else if (octet >= 0x20 && octet < 0x7F) {
      text.push_back(c);
    } else {
      std::array<char, 8> escape;
      std::snprintf(escape.data(), escape.size(), "\\u00%02x", octet);
      text.append(escape.data());
    }
  }
  return text + '"';
}

// Each octet at each place of a text, among words of eight and behind them.
TEST(JsonLine, EveryOctetAnywhereIsEscapedOrTaken) {
  for (std::size_t size = 1; size <= 19; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (int octet = 0; octet < 256; ++octet) {
        std::string value(size, 'x');
        value[at] = static_cast<char>(octet);
        if (at > 0) value[at - 1] = '!';  // one below the quote, as a borrow would have it
        ASSERT_EQ(written(value), expected(value)) << size << " " << at << " " << octet;
      }
    }
  }
  EXPECT_EQ(written(""), "\"k\":\"\"");
}

TEST(JsonLine, WritesMembersBehindEachOther) {
  std::array<char, 200> room;
  JsonLine line(room.data());
  line.literal("{\"a\":0").text(",\"b\":\"", "c").number(",\"d\":", 0).number(",\"e\":", ~std::uint64_t{0}).raw("}");
  EXPECT_EQ(line.view(), R"({"a":0,"b":"c","d":0,"e":18446744073709551615})");
}

}  // namespace
}  // namespace edge::json_line_test

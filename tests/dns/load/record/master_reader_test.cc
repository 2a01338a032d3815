#include "dns/load/record/master_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dns::master_reader_test {
namespace {

using Lines = std::vector<std::string>;

// Each entry as "line[~]:token|token", '~' for a blank owner, quotes kept; an error as "line!reason".
Lines read_all(std::string_view text) {
  Lines lines;
  MasterReader reader(text);
  for (;;) {
    const auto entry = reader.next();
    if (entry && *entry == nullptr) return lines;
    std::string line = std::to_string(reader.line());
    if (!entry) {
      lines.push_back(line + "!" + entry.error().message);
      continue;
    }
    line += (*entry)->blank_owner ? "~:" : ":";
    for (const auto& token : (*entry)->tokens) {
      const std::string text_of = token.quoted ? '"' + std::string(token.text) + '"' : std::string(token.text);
      line += (line.back() == ':' ? "" : "|") + text_of;
    }
    lines.push_back(line);
  }
}

TEST(MasterReader, DropsCommentsAndEmptyLines) {
  EXPECT_EQ(read_all("; one\n\n  ; two\na A 1.2.3.4;three\n"), (Lines{"4:a|A|1.2.3.4"}));
}

TEST(MasterReader, JoinsLinesInsideParentheses) {
  EXPECT_EQ(read_all("@ SOA ns h (1 ; serial\n 2\n\n3) 4\nb A x"), (Lines{"1:@|SOA|ns|h|1|2|3|4", "5:b|A|x"}));
  EXPECT_EQ(read_all("a ((1)\n2) 3"), (Lines{"1:a|1|2|3"}));
}

TEST(MasterReader, NoticesABlankOwner) {
  EXPECT_EQ(read_all("a A 1\n A 2\n\tA 3\n"), (Lines{"1:a|A|1", "2~:A|2", "3~:A|3"}));
}

TEST(MasterReader, KeepsQuotedStringsTogether) {
  EXPECT_EQ(read_all(R"~(a TXT "x; (y)" "" "q\"r")~"), (Lines{R"~(1:a|TXT|"x; (y)"|""|"q\"r")~"}));
  EXPECT_EQ(read_all(R"(a HTTPS 1 . alpn="h2,h3" port=1)"), (Lines{R"(1:a|HTTPS|1|.|alpn=|"h2,h3"|port=1)"}));
}

TEST(MasterReader, KeepsEscapedSeparators) { EXPECT_EQ(read_all(R"(a\;b\ c\( A 1)"), (Lines{R"(1:a\;b\ c\(|A|1)"})); }

TEST(MasterReader, ReadsLinesOfAnySystem) { EXPECT_EQ(read_all("a A 1\r\nb A 2"), (Lines{"1:a|A|1", "2:b|A|2"})); }

TEST(MasterReader, GoesOnBehindAnError) {
  EXPECT_EQ(read_all("a TXT \"open\nb A 1\n"), (Lines{"1!a quoted string is not closed on its line", "2:b|A|1"}));
  EXPECT_EQ(read_all("a )x\nb A 1\n"), (Lines{"1!')' without a '(' before it", "2:b|A|1"}));
  EXPECT_EQ(read_all("a (\nb A 1\n"), (Lines{"1!'(' is never closed"}));
  EXPECT_EQ(read_all("a\\"), (Lines{"1:a\\"}));
}

}  // namespace
}  // namespace dns::master_reader_test

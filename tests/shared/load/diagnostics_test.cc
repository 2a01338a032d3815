#include "shared/load/diagnostics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>

namespace shared::load::diagnostics_test {
namespace {

Position at(const char* file, std::uint32_t line, std::uint32_t column) {
  return {std::make_shared<const std::string>(file), line, column};
}

TEST(Position, IsFileLineColumnOrLess) {
  EXPECT_EQ(at("m.yaml", 12, 3).to_string(), "m.yaml:12:3");
  EXPECT_EQ(at("m.yaml", 0, 0).to_string(), "m.yaml") << "the file as a whole";
  EXPECT_EQ(Position().to_string(), "configuration") << "made by a program";
}

TEST(Diagnostics, CountsAndKeepsTheOrder) {
  Diagnostics diagnostics;
  EXPECT_FALSE(diagnostics.failed());
  diagnostics.warning(at("m.yaml", 2, 1), "doubtful");
  EXPECT_FALSE(diagnostics.failed()) << "a warning stops nothing";
  diagnostics.error(at("m.yaml", 1, 1), "wrong");
  diagnostics.error({}, "wrong as a whole");
  EXPECT_TRUE(diagnostics.failed());
  EXPECT_EQ(diagnostics.errors(), 2U);
  EXPECT_EQ(diagnostics.warnings(), 1U);
  EXPECT_EQ(diagnostics.render(),
            "m.yaml:2:1: warning: doubtful\nm.yaml:1:1: error: wrong\nconfiguration: error: wrong as a whole\n");
}

// A configuration of 300,000 unknown keys is no reason for as many lines; what is wrong is told, however many doubts
// are before it.
TEST(Diagnostics, TellsSoManyAndHowManyMore) {
  constexpr std::size_t kMost = Diagnostics::kMostTold;
  Diagnostics diagnostics;
  for (std::size_t i = 0; i < kMost + 2; ++i) diagnostics.warning({}, "doubtful");
  diagnostics.error({}, "wrong");
  const auto told = diagnostics.told();
  ASSERT_EQ(told.size(), kMost + 2);
  EXPECT_EQ(told[kMost - 1].message, "doubtful");
  EXPECT_EQ(told[kMost].message, "wrong");
  EXPECT_EQ(told.back().to_string(), "configuration: warning: 2 more warnings are left off");
  for (std::size_t i = 0; i < kMost; ++i) diagnostics.error({}, "wrong");
  EXPECT_EQ(diagnostics.errors(), kMost + 1) << "all are counted";
  const std::string text = diagnostics.render();
  EXPECT_NE(text.find("configuration: error: 1 more error is left off\n"), std::string::npos);
  EXPECT_EQ(std::ranges::count(text, '\n'), static_cast<std::ptrdiff_t>(2 * kMost + 2));
}

// What a file holds must not be able to colour, clear or turn round the operator's terminal.
TEST(Diagnostic, ShowsWhatATerminalWouldHideOrObey) {
  const auto shown = [](const std::string& text) { return Diagnostic{Severity::error, {}, text}.to_string(); };
  const std::string before = "configuration: error: ";
  EXPECT_EQ(shown("a\x1b[2Jb\x07"), before + "a\\x1b[2Jb\\x07");
  EXPECT_EQ(shown("a\nb\x7f"), before + "a\\x0ab\\x7f") << "one line stays one";
  EXPECT_EQ(shown("a\u00a0b\u200bc\ufeffd"), before + "a\\u00a0b\\u200bc\\ufeffd");
  EXPECT_EQ(shown("user\u202etxt"), before + "user\\u202etxt");
  EXPECT_EQ(shown("b\u00fccher \u2603"), before + "b\u00fccher \u2603") << "letters of any script stay";
}

TEST(Diagnostic, ANameOfAFileIsShownTheSameWay) {
  EXPECT_EQ((Diagnostic{Severity::warning, at("a\x1b.yaml", 1, 2), "x"}.to_string()), "a\\x1b.yaml:1:2: warning: x");
}

}  // namespace
}  // namespace shared::load::diagnostics_test

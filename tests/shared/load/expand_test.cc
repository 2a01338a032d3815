#include "shared/load/expand.h"

#include <gtest/gtest.h>

#include <string>

namespace shared::load::expand_test {
namespace {

std::string expanded(const std::string& text) {
  YamlSettings settings;
  settings.environment = [](std::string_view name) -> std::optional<std::string> {
    if (name == "NAME") return "shop";
    if (name == "EMPTY") return "";
    if (name == "NESTED") return "${NAME}";
    return std::nullopt;
  };
  Diagnostics diagnostics;
  const std::string out = expand(text, {}, settings, diagnostics);
  return diagnostics.failed() ? out + " and " + diagnostics.render() : out;
}

TEST(Expand, ReplacesEachVariable) {
  EXPECT_EQ(expanded("${NAME}"), "shop");
  EXPECT_EQ(expanded("a${NAME}b${NAME}c"), "ashopbshopc");
  EXPECT_EQ(expanded("x${EMPTY}y"), "xy") << "set to nothing is set";
  EXPECT_EQ(expanded("plain $NAME {NAME} $"), "plain $NAME {NAME} $");
}

TEST(Expand, TwoDollarsStandForOne) {
  EXPECT_EQ(expanded("$${NAME}"), "${NAME}");
  EXPECT_EQ(expanded("${NAME}$${NAME}${NAME}"), "shop${NAME}shop");
}

// What an environment variable holds is text and no template.
TEST(Expand, AValueIsNotExpandedAgain) { EXPECT_EQ(expanded("${NESTED}"), "${NAME}"); }

TEST(Expand, SaysWhatIsMissingOrNoName) {
  EXPECT_EQ(expanded("a${OTHER}b"), "ab and configuration: error: the environment variable 'OTHER' is not set\n");
  EXPECT_EQ(expanded("${1A}"),
            " and configuration: error: '${1A}' is not the name of a variable; write $${ for a literal ${\n");
  EXPECT_EQ(expanded("${}"),
            " and configuration: error: '${}' is not the name of a variable; write $${ for a literal ${\n");
  EXPECT_EQ(expanded("${A-B}"),
            " and configuration: error: '${A-B}' is not the name of a variable; write $${ for a literal ${\n");
  EXPECT_EQ(expanded("a${NAME"),
            "a${NAME and configuration: error: '${' without its '}'; write $${ for a literal ${\n");
}

TEST(Expand, EachOfSeveralIsSaid) {
  const std::string said = expanded("${A}${NAME}${B}");
  EXPECT_NE(said.find("'A' is not set"), std::string::npos) << said;
  EXPECT_NE(said.find("'B' is not set"), std::string::npos) << said;
}

}  // namespace
}  // namespace shared::load::expand_test

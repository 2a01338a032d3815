#include "cli/yaml_text.h"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace cli::yaml_text_test {
namespace {

TEST(YamlText, IsReadAsWhatItWas) {
  for (const std::string& text :
       {std::string("eu-west.1"), std::string("no"), std::string("null"), std::string("true"), std::string("~"),
        std::string(), std::string("a: b"), std::string("#a"), std::string("a b"), std::string("*"), std::string("1e3"),
        std::string("gr\xc3\xbc\xc3\x9f\x65.example"), std::string("\\\"\n\t\x7f"), std::string("a\0b", 3)}) {
    for (const std::string& written : {yaml_quoted(text), yaml_word(text)}) {
      const YAML::Node read = YAML::Load("[" + written + "]")[0];
      ASSERT_TRUE(read.IsScalar()) << written;
      EXPECT_EQ(read.Scalar(), text) << written;
    }
  }
}

TEST(YamlText, QuotesWhatOthersTakeForSomethingElse) {
  EXPECT_EQ(yaml_word("eu-west.1"), "eu-west.1");
  for (const char* const word : {"no", "yes", "on", "off", "y", "n", "null", "true", "false", "7", "NO", ""}) {
    EXPECT_EQ(yaml_word(word), "\"" + std::string(word) + "\"");
  }
}

}  // namespace
}  // namespace cli::yaml_text_test

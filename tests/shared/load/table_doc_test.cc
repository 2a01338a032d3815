#include "shared/load/table_doc.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>

namespace shared::load::table_doc_test {
namespace {

TEST(RenderReference, ATableThatStandsInTwoPlacesIsPrintedOnce) {
  const auto inner = std::make_shared<const TableDoc>(
      TableDoc{.title = "timeout", .doc = "Times.", .options = {{"read", "duration", "1m", "a | b", {}}}});
  const auto one = std::make_shared<const TableDoc>(
      TableDoc{.title = "one", .doc = "First.", .options = {{"timeout", "map", "none", "t", {inner}}}});
  const auto two = std::make_shared<const TableDoc>(TableDoc{
      .title = "two",
      .doc = "Second.",
      .options = {{"timeout", "map", "", "t", {inner}, true}, {"mode", "required, optional", "required", "m", {}}}});
  const std::string text = render_reference(std::array{one, two});
  EXPECT_EQ(text.find("## `timeout`"), text.rfind("## `timeout`"));
  EXPECT_LT(text.find("## `one`"), text.find("## `timeout`"));
  EXPECT_LT(text.find("## `timeout`"), text.find("## `two`")) << "after the one that first names it";
  EXPECT_NE(text.find("| `read` | duration | `1m` | a \\| b |"), std::string::npos) << "a bar would end the cell";
  EXPECT_NE(text.find("| `timeout` | map | none | t |"), std::string::npos);
  EXPECT_NE(text.find("| `timeout` | map | required | t |"), std::string::npos);
  EXPECT_NE(text.find("| `mode` | required, optional | `required` | m |"), std::string::npos)
      << "a default, not a demand";
}

TEST(RenderReference, ADefaultThatIsNothingHasAnEmptyCell) {
  const auto table = std::make_shared<const TableDoc>(
      TableDoc{.title = "x", .doc = "X.", .options = {{"user", "name", "", "who", {}}}});
  EXPECT_NE(render_reference(std::array{table}).find("| `user` | name |  | who |"), std::string::npos);
}

}  // namespace
}  // namespace shared::load::table_doc_test

#include "shared/load/table.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/shared/load/helpers.h"

namespace shared::load::table_test {
namespace {

struct Inner {
  int weight = 1;
};

struct Outer {
  std::string name;
  Duration wait = seconds(5);
  std::vector<Inner> inner;
  Position at;
};

const Table<Inner>& inner_table() {
  static const auto table = Table<Inner>("outer.inner", "Inside.")
                                .field("weight", &Inner::weight, integer<int>(1, 100), "A share | of the whole");
  return table;
}

const Table<Outer>& outer_table() {
  static const auto table = Table<Outer>("outer", "Outside.")
                                .required("name", &Outer::name, word(), "Its name")
                                .field("wait", &Outer::wait, duration(seconds(1), seconds(60)), "How long")
                                .field("inner", &Outer::inner, list_of(nested(inner_table())), "What is in it")
                                .position(&Outer::at)
                                .check([](const Outer& outer, const Node& node, Diagnostics& diagnostics) {
                                  if (outer.inner.size() > 1) diagnostics.error(node.at, "one is enough");
                                });
  return table;
}

struct Outcome {
  Outer outer;
  std::string problems;
};

Outcome read(std::string_view text) {
  Diagnostics diagnostics;
  const auto root = read_yaml_text(text, "c.yaml", {}, diagnostics);
  Outcome out{outer_table().read(*root, diagnostics), ""};
  out.problems = diagnostics.render();
  return out;
}

TEST(Table, FillsMembersAndKeepsDefaults) {
  const auto [outer, problems] = read("name: a\ninner: [{weight: 7}, {}]\n");
  EXPECT_EQ(problems, "c.yaml:1:1: error: one is enough\n");
  EXPECT_EQ(outer.name, "a");
  EXPECT_EQ(outer.wait, Duration(seconds(5)));
  ASSERT_EQ(outer.inner.size(), 2U);
  EXPECT_EQ(outer.inner[0].weight, 7);
  EXPECT_EQ(outer.inner[1].weight, 1);
  EXPECT_EQ(outer.at.to_string(), "c.yaml:1:1");
}

TEST(Table, ReportsEverythingAtOnce) {
  EXPECT_EQ(read("nmae: a\nwait: 61s\ninner: [{wieght: 3}, 5, {weight: 0}]\n").problems,
            "c.yaml:1:1: error: unknown key 'nmae' (did you mean 'name'?)\n"
            "c.yaml:2:7: error: wait: '61s' is out of range: 1s to 1m\n"
            "c.yaml:3:10: error: unknown key 'wieght' (did you mean 'weight'?)\n"
            "c.yaml:3:22: error: expected a map (outer.inner), not '5'\n"
            "c.yaml:3:34: error: weight: '0' is out of range: 1 to 100\n"
            "c.yaml:1:1: error: the key 'name' is missing\n");
}

TEST(Table, OneKeyMaps) {
  constexpr std::array<std::string_view, 2> kSteps = {"geo", "nearest"};
  Diagnostics diagnostics;
  const auto root =
      read_yaml_text("a: {geo: 1}\nb: {geo: 1, nearest: 2}\nc: {place: 1}\nd: {go: 1}\n", "c.yaml", {}, diagnostics);
  ASSERT_NE(expect_one_key(*root->find("a"), kSteps, diagnostics), nullptr);
  for (const char* key : {"b", "c", "d"}) EXPECT_EQ(expect_one_key(*root->find(key), kSteps, diagnostics), nullptr);
  EXPECT_EQ(diagnostics.render(),
            "c.yaml:2:4: error: b: expected a map with one key of geo, nearest, not a map\n"
            "c.yaml:3:5: error: unknown key 'place' (known: geo, nearest)\n"
            "c.yaml:4:5: error: unknown key 'go' (did you mean 'geo'?)\n");
}

TEST(Table, RendersTheReference) {
  const std::array tables = {outer_table().doc(), inner_table().doc()};
  EXPECT_EQ(render_reference(tables),
            "## `outer`\n\nOutside.\n\n"
            "| option | type | default | meaning |\n| --- | --- | --- | --- |\n"
            "| `name` | name | required | Its name |\n"
            "| `wait` | duration, 1s to 1m | `5s` | How long |\n"
            "| `inner` | list of map, see outer.inner | `[]` | What is in it |\n\n"
            "## `outer.inner`\n\nInside.\n\n"
            "| option | type | default | meaning |\n| --- | --- | --- | --- |\n"
            "| `weight` | number, 1 to 100 | `1` | A share \\| of the whole |\n\n");
}

}  // namespace
}  // namespace shared::load::table_test

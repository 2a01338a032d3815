#include "shared/load/yaml.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/shared/load/helpers.h"

namespace shared::load::yaml_test {
namespace {

using testing::no_environment;

std::string problems(std::string_view text, const YamlSettings& settings = no_environment()) {
  Diagnostics diagnostics;
  static_cast<void>(read_yaml_text(text, "c.yaml", settings, diagnostics));
  return diagnostics.render();
}

Node tree(std::string_view text, const YamlSettings& settings = no_environment()) {
  Diagnostics diagnostics;
  auto node = read_yaml_text(text, "c.yaml", settings, diagnostics);
  EXPECT_EQ(diagnostics.render(), "");
  return node.value_or(Node{});
}

YamlSettings with_shop() {
  YamlSettings settings;
  settings.environment = [](std::string_view name) {
    return name == "SHOP" ? std::optional<std::string>("shop") : std::nullopt;
  };
  return settings;
}

TEST(Yaml, NamesWhatTheEyeTakesForSpaces) {
  EXPECT_EQ(problems("a:\n\tb: 1\n"),
            "c.yaml:2:1: error: the indentation has a tab in it, and YAML takes spaces only\n");
  EXPECT_EQ(
      problems("a: 1\nb:\u00A0c\nd: 2\n"),
      "c.yaml:2:3: error: here is a no-break space (U+00A0), which YAML takes for a letter: write a plain space\n");
  EXPECT_EQ(problems("# \u00A0\na: [\n").find("no-break"), std::string::npos);
}

TEST(Yaml, MessagesShowWhatATerminalWouldHideOrObey) {
  EXPECT_EQ(problems("a: 1\n\"a\": 2\n"),
            "c.yaml:2:1: error: the key 'a' stands here twice; the first is at c.yaml:1:1\n");
  EXPECT_EQ(problems("\"\\e[31m\u00A0\u202E\": 1\n\"\\e[31m\u00A0\u202E\": 2\n"),
            "c.yaml:2:1: error: the key '\\x1b[31m\\u00a0\\u202e' stands here twice; the first is at c.yaml:1:1\n");
}

// A folder of files of its own, removed at the end.
class Include : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("meridian-include-" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()) +
               std::to_string(::getpid()));
    std::filesystem::create_directories(folder_ / "sub");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) { std::ofstream(folder_ / name) << text; }
  std::string path(const std::string& name) { return (folder_ / name).string(); }
  std::optional<Node> load(const std::string& name) {
    return read_yaml_file(path(name), no_environment(), diagnostics_);
  }

  std::filesystem::path folder_;
  Diagnostics diagnostics_;
};

TEST(Yaml, KeepsTextPlaceAndOrder) {
  const Node root = tree("b: 1\na:\n  - NO\n  - \"no\"\n");
  ASSERT_EQ(root.children.size(), 2U);
  EXPECT_EQ(root.children[0].key, "b");
  const Node& list = root.children[1];
  EXPECT_EQ(list.key_at.to_string(), "c.yaml:2:1");
  ASSERT_EQ(list.children.size(), 2U);
  EXPECT_EQ(list.children[0].text, "NO");
  EXPECT_FALSE(list.children[0].quoted);
  EXPECT_EQ(list.children[0].at.to_string(), "c.yaml:3:5");
  EXPECT_TRUE(list.children[1].quoted);
}

TEST(Yaml, EmptyFileIsAnEmptyMap) {
  EXPECT_TRUE(tree("").is_map());
  EXPECT_TRUE(tree("# nothing\n").is_map());
  EXPECT_TRUE(tree("---\n").is_map());
}

TEST(Yaml, SyntaxErrorHasAPlace) {
  EXPECT_EQ(problems("a: [1, 2\nb: 3\n"), "c.yaml:2:2: error: YAML: end of sequence flow not found\n");
  EXPECT_EQ(problems("- a\n"), "c.yaml:1:1: error: expected a map at the top of the file, not a list\n");
}

TEST(Yaml, DuplicateKeyNamesBothPlaces) {
  EXPECT_EQ(problems("a: 1\nb: {c: 1, c: 2}\na: 3\n"),
            "c.yaml:2:11: error: the key 'c' stands here twice; the first is at c.yaml:2:5\n"
            "c.yaml:3:1: error: the key 'a' stands here twice; the first is at c.yaml:1:1\n");
}

TEST(Yaml, RefusesWhatHasNoMeaning) {
  EXPECT_EQ(problems("[a, b]: 1\n"), "c.yaml:1:1: error: a key must be text, not a list\n");
  EXPECT_EQ(problems("a: !!binary abc\n"),
            "c.yaml:1:4: error: the YAML tag 'tag:yaml.org,2002:binary' is not supported; leave it out\n");
  EXPECT_EQ(problems("a: 1\n---\nb: 1\n"),
            "c.yaml:2:1: error: a second document starts here; one file has one document\n");
}

TEST(Yaml, AliasesAreCopies) {
  const Node root = tree("a: &x {k: v}\nb: *x\n");
  ASSERT_NE(root.find("b"), nullptr);
  ASSERT_NE(root.find("b")->find("k"), nullptr);
  EXPECT_EQ(root.find("b")->find("k")->text, "v");
  EXPECT_EQ(root.find("b")->key, "b");
}

TEST(Yaml, AliasesCannotBlowUp) {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last;
    for (int j = 0; j < 9; ++j) laughs += ", " + last;
    laughs += "]\n";
  }
  YamlSettings settings;
  settings.max_nodes = 10000;
  EXPECT_EQ(problems(laughs, settings),
            "c.yaml:4:45: error: the configuration has more than 10000 values (copies of aliases included)\n");
}

TEST(Yaml, DepthIsBounded) {
  EXPECT_EQ(problems("a: " + std::string(70, '[') + std::string(70, ']')),
            "c.yaml:1:67: error: nested deeper than 64 levels\n");
  EXPECT_NE(problems("a: " + std::string(5000, '[')), "");
  EXPECT_EQ(problems("a: &a [*a]\n"), "c.yaml:1:8: error: an alias to something that is not complete yet\n");
}

TEST(Yaml, ExpandsVariables) {
  EXPECT_EQ(tree("a: ${SHOP}.example.com", with_shop()).find("a")->text, "shop.example.com");
  EXPECT_EQ(tree("a: \"x$${SHOP}$y ${SHOP}\"", with_shop()).find("a")->text, "x${SHOP}$y shop");
  EXPECT_EQ(tree("${SHOP}: 1", with_shop()).children.at(0).key, "${SHOP}");
}

TEST(Yaml, VariablesOfPartsThatAreNotReadMayBeUnset) {
  YamlSettings settings = with_shop();
  settings.unread = {"edge", "admin.edge"};
  constexpr const char* kText = "edge: {pools: [{key: \"${NOWHERE}\"}], host: \"${SHOP}\"}\nadmin: {edge: [\"${1\"]}\n";
  const Node edge = *tree(kText, settings).find("edge");
  EXPECT_EQ(edge.find("host")->text, "shop");
  EXPECT_EQ(edge.find("pools")->children.at(0).find("key")->text, "${NOWHERE}");
  for (const char* text : {"edges: \"${NOWHERE}\"", "admin: {edges: \"${NOWHERE}\"}", "dns: {edge: [\"${NOWHERE}\"]}",
                           "service: \"${NOWHERE}\""}) {
    EXPECT_NE(problems(text, settings).find("'NOWHERE' is not set"), std::string::npos) << text;
  }
}

TEST(Yaml, VariableProblemsAreNamed) {
  EXPECT_EQ(problems("a: ${NOWHERE}\nb: \"${SHOP\"\nc: \"${1}\"\n", with_shop()),
            "c.yaml:1:4: error: the environment variable 'NOWHERE' is not set\n"
            "c.yaml:2:4: error: '${' without its '}'; write $${ for a literal ${\n"
            "c.yaml:3:4: error: '${1}' is not the name of a variable; write $${ for a literal ${\n");
}

TEST(Yaml, MissingFile) {
  Diagnostics diagnostics;
  EXPECT_FALSE(read_yaml_file("/nonexistent/c.yaml", no_environment(), diagnostics));
  EXPECT_FALSE(read_yaml_file("/", no_environment(), diagnostics));
  EXPECT_EQ(diagnostics.render(),
            "/nonexistent/c.yaml: error: cannot read: No such file or directory\n/: error: cannot read: it is a "
            "folder, not a regular file\n");
}

TEST_F(Include, MergesMapsDeeply) {
  write("main.yaml", "include: [sub/a.yaml, sub/b.yaml]\ndns: {listen: x}\n");
  write("sub/a.yaml", "include: c.yaml\ndns: {policies: {p: 1}}\n");
  write("sub/b.yaml", "dns: {policies: {q: 2}}\n");
  write("sub/c.yaml", "service: shop\n");
  const auto root = load("main.yaml");
  ASSERT_TRUE(root);
  EXPECT_EQ(diagnostics_.render(), "");
  EXPECT_EQ(root->find("include"), nullptr);
  EXPECT_EQ(root->find("service")->text, "shop");
  EXPECT_EQ(root->find("dns")->find("policies")->children.size(), 2U);
  EXPECT_EQ(*root->find("service")->at.file, path("sub/c.yaml"));
}

TEST_F(Include, KeyDefinedTwiceNamesBothPlaces) {
  write("main.yaml", "service: shop\ninclude: sub/a.yaml\n");
  write("sub/a.yaml", "\n  \nservice: other\n");
  load("main.yaml");
  EXPECT_EQ(diagnostics_.render(), path("sub/a.yaml") +
                                       ":3:1: error: the key 'service' is defined twice; the other place is " +
                                       path("main.yaml") + ":1:1\n");
}

TEST_F(Include, CycleAndMissingFileAndDepth) {
  write("main.yaml", "include: [sub/a.yaml, sub/none.yaml]\n");
  write("sub/a.yaml", "include: ../main.yaml\n");
  load("main.yaml");
  EXPECT_EQ(diagnostics_.render(), path("sub/a.yaml") + ":1:10: error: " + path("main.yaml") + " includes itself\n" +
                                       path("main.yaml") + ":1:23: error: cannot read " + path("sub/none.yaml") +
                                       ": No such file or directory\n");
}

TEST_F(Include, DepthIsBounded) {
  for (int i = 0; i < 20; ++i) write(std::to_string(i) + ".yaml", "include: " + std::to_string(i + 1) + ".yaml\n");
  load("0.yaml");
  EXPECT_EQ(diagnostics_.render(), path("16.yaml") + ":1:10: error: includes are nested deeper than 16 files\n");
}

}  // namespace
}  // namespace shared::load::yaml_test

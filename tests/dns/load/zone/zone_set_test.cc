#include "dns/load/zone/zone_set.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace dns::zone_set_test {
namespace {

using shared::load::Diagnostics;
using shared::load::Files;

constexpr const char* kGood = "$TTL 60\n@ SOA ns host 5 2 3 4 60\n@ NS ns\nns A 192.0.2.53\n";
constexpr const char* kBroken = "$TTL 60\n@ SOA ns host 5 2 3 4 60\n@ NS ns\nns A 192.0.2.999\n";

// Files that a map holds.
Files in_memory(std::map<std::string, std::string> files) {
  auto read = [files](const std::filesystem::path& path,
                      const shared::load::FileRules&) -> shared::Result<std::string> {
    const auto found = files.find(path.string());
    if (found == files.end()) return shared::fail("No such file or directory");
    return found->second;
  };
  auto list = [](const std::filesystem::path&) -> shared::Result<std::vector<std::filesystem::path>> { return {}; };
  return {std::move(read), std::move(list)};
}

struct Loaded {
  std::vector<std::string> zones;  // empty: none
  std::string said;
  ZoneCare care;
};

Loaded load(const std::map<std::string, std::string>& files,
            const std::optional<std::map<std::string, std::string>>& copy) {
  Config config;
  for (const auto& [file, text] : files) config.zones.push_back({file, {}, file});
  Loaded out;
  if (copy) out.care.copy = in_memory(*copy);
  Diagnostics diagnostics;
  const auto zones = load_zones(config, in_memory(files), &out.care, diagnostics);
  if (zones != nullptr) {
    for (const auto& zone : zones->zones()) {
      out.zones.push_back(zone->apex().to_text() + " " + std::to_string(zone->serial()));
    }
  }
  out.said = diagnostics.render();
  return out;
}

std::string older(std::string text) { return text.replace(text.find(" 5 "), 3, " 4 "); }

TEST(ZoneSet, ABrokenZoneIsTakenFromTheCopyAndTheOthersAreAsTheyAre) {
  const auto got = load({{"a.example", kGood}, {"b.example", kBroken}},
                        {{{"a.example", older(kGood)}, {"b.example", older(kGood)}}});
  EXPECT_EQ(got.zones, (std::vector<std::string>{"a.example. 5", "b.example. 4"})) << got.said;
  EXPECT_EQ(got.care.from_copy, std::vector<std::string>{"b.example."});
  ASSERT_EQ(got.care.problems.size(), 1U);
  EXPECT_NE(got.care.problems[0].to_string().find("b.example:4:6: error: A record"), std::string::npos)
      << got.care.problems[0].to_string();
  EXPECT_EQ(got.said, "");
}

TEST(ZoneSet, ABrokenZoneThatIsNewIsLeftOut) {
  const auto got = load({{"a.example", kGood}, {"b.example", kBroken}}, {{{"a.example", older(kGood)}}});
  EXPECT_EQ(got.zones, std::vector<std::string>{"a.example. 5"}) << got.said;
  EXPECT_EQ(got.care.left_out, std::vector<std::string>{"b.example."});
}

TEST(ZoneSet, WithoutAnyCopyABrokenZoneIsAnError) {
  const auto got = load({{"a.example", kGood}, {"b.example", kBroken}}, std::nullopt);
  EXPECT_EQ(got.zones, std::vector<std::string>{});
  EXPECT_NE(got.said.find("b.example:4:6: error"), std::string::npos) << got.said;
}

TEST(ZoneSet, NoZoneIsLeftOutWhenAnotherWouldAnswerInItsPlace) {
  const auto got = load({{"a.example", kGood}, {"x.b.a.example", kBroken}}, {{{"a.example", older(kGood)}}});
  EXPECT_EQ(got.zones, std::vector<std::string>{});
  EXPECT_NE(got.said.find("zone x.b.a.example. cannot be left out: a.example. would answer in its place"),
            std::string::npos)
      << got.said;
}

TEST(ZoneSet, NothingToServeIsAnError) {
  const auto got = load({{"a.example", kBroken}, {"b.example", kBroken}}, {{{"c.example", kGood}}});
  EXPECT_EQ(got.zones, std::vector<std::string>{});
  EXPECT_NE(got.said.find("a.example:4:6: error"), std::string::npos) << got.said;
  EXPECT_NE(got.said.find("b.example:4:6: error"), std::string::npos) << got.said;
}

TEST(ZoneSet, ACopyThatIsAsBadIsNoHelpAndAnError) {
  const auto got = load({{"a.example", kGood}, {"b.example", kBroken}}, {{{"b.example", kBroken}}});
  EXPECT_EQ(got.zones, std::vector<std::string>{});
  EXPECT_NE(got.said.find("b.example:4:6: error"), std::string::npos) << got.said;
}

TEST(ZoneSet, ANameBelongsToTheZoneWithTheLongestOrigin) {
  Config config;
  for (const char* origin : {"example", "b.example", "a.b.example"}) config.zones.push_back({origin, {}, origin});
  for (const char* name : {"www.example", "a.b.example", "x.y.b.example"}) config.names.push_back({name, {}, {}});
  Diagnostics diagnostics;
  const auto zones = load_zones(config, in_memory({{"example", kGood}, {"b.example", kGood}, {"a.b.example", kGood}}),
                                nullptr, diagnostics);
  ASSERT_NE(zones, nullptr) << diagnostics.render();
  std::vector<std::string> marked;
  for (const auto& zone : zones->zones()) {
    zone->for_each([&](const Node& node) {
      if (node.has(Node::kPolicy)) marked.push_back(zone->apex().to_text());
    });
  }
  EXPECT_EQ(marked, (std::vector<std::string>{"example.", "b.example.", "a.b.example."}));
}

}  // namespace
}  // namespace dns::zone_set_test

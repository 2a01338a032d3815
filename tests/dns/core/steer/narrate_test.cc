#include "dns/core/steer/narrate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace dns::narrate_test {
namespace {

using shared::IpAddress;

constexpr RegionId kEast{0};
constexpr RegionId kEu{1};
constexpr PolicyNameId kWww{0};

Element only(RegionId region) { return {Member{region, 1}}; }

ClientMatch client(const char* address, std::uint8_t depth, bool by_subnet = true) {
  return {.address = *IpAddress::parse(address), .class_id = 0, .depth = depth, .by_subnet = by_subnet};
}

class Narrate : public testing::Test {
 protected:
  void SetUp() override {
    SteeringSpec spec;
    spec.geo = std::make_shared<const GeoDatabase>();
    spec.regions = {{"us-east", std::nullopt, {IpAddress::v4(0xC0000201), IpAddress::v4(0xC0000202)}},
                    {"eu", std::nullopt, {IpAddress::v4(0xC0000211)}},
                    {"spare", std::nullopt, {IpAddress::v4(0xC0000221)}}};
    spec.policies.push_back({"fixed", {{FailoverStep{{only(kEast), only(kEu)}}, {}}}, {}});
    SteeredName name;
    name.name = "www.example.com";
    spec.names.push_back(name);
    const auto compiled = compile(std::move(spec));
    ASSERT_TRUE(compiled.tables);
    tables_ = compiled.tables;
    health_ = HealthView::all_up(tables_->spec().regions);
    publish();
  }
  void publish() { answers_ = AnswerSets::build(*tables_, health_); }
  void set(RegionId region, EdgeState state) {
    std::ranges::fill(health_.regions[index_of(region)].edges, state);
    publish();
  }
  [[nodiscard]] Decided decided(std::optional<RegionId> region) {
    return {.name = kWww,
            .type = AddressType::a,
            .located = located_,
            .slot = answers_->slot(tables_->profile_of(kWww), AddressType::a, 0),
            .region = region};
  }
  [[nodiscard]] std::string health(std::optional<RegionId> answers) {
    std::string out;
    for (const Sentence& sentence : narrate_health(*tables_, *answers_, decided(answers))) out += sentence.text + "\n";
    return out;
  }

  ClientMatch located_ = client("198.51.100.7", 0);
  std::shared_ptr<const PolicyTables> tables_;
  HealthView health_;
  std::shared_ptr<const AnswerSets> answers_;
};

TEST_F(Narrate, EachRegionSaysWhyItWasTakenOrNot) {
  EXPECT_EQ(health(kEast),
            "us-east is up -> ANSWERS\n"
            "eu is up -> not reached: the order names it later\n"
            "spare is up -> stands in no step of policy fixed\n");
  set(kEast, EdgeState::down);
  EXPECT_EQ(health(kEu).substr(0, health(kEu).find("eu is")),
            "us-east is up -> passed over: no IPv4 edge of it is up\n");
}

TEST_F(Narrate, EachStateHasItsReason) {
  const auto reason = [this](EdgeState state) {
    set(kEast, state);
    const std::string text = health(kEu);
    const std::size_t from = text.find("passed over: ") + 13;
    return text.substr(from, text.find('\n') - from);
  };
  EXPECT_EQ(reason(EdgeState::unknown), "not probed yet: what is known to serve comes first");
  EXPECT_EQ(reason(EdgeState::held_down), "held down: used only if nothing else is up");
  EXPECT_EQ(reason(EdgeState::drained), "drained: used only if nothing else is up");
  set(kEast, EdgeState::up);
  health_.regions[0].full = true;
  publish();
  EXPECT_NE(health(kEu).find("passed over: full, others are not"), std::string::npos);
}

TEST_F(Narrate, WithoutAnyRegionThePolicysWordForItIsTold) {
  set(kEast, EdgeState::down);
  set(kEu, EdgeState::down);
  EXPECT_NE(narrate_choice(*tables_, *answers_, decided(std::nullopt)).find("when_all_down: answer_all"),
            std::string::npos);
  EXPECT_NE(health(std::nullopt).find("us-east is up -> cannot serve"), std::string::npos);
}

TEST_F(Narrate, OfTwoTheWeightsAreToldOfOneThatItIsTheFirst) {
  EXPECT_EQ(narrate_choice(*tables_, *answers_, decided(kEast)),
            "us-east: the first region of the order that can serve");
  SteeringSpec spec = tables_->spec();
  spec.policies[0].steps = {{FailoverStep{{Element{Member{kEast, 3}, Member{kEu, 1}}}}, {}}};
  const auto compiled = compile(std::move(spec));
  ASSERT_TRUE(compiled.tables);
  tables_ = compiled.tables;
  publish();
  const std::string text = narrate_choice(*tables_, *answers_, decided(kEast));
  EXPECT_TRUE(text.starts_with("us-east: drawn by weight from {us-east: 3, eu: 1}")) << text;
}

TEST_F(Narrate, TheTtlSaysWhatIsAboutToChange) {
  EXPECT_EQ(narrate_ttl(*tables_, *answers_, decided(kEast)), "60 s, the maximum: nothing is about to change");
  health_.regions[0].pressure = true;
  publish();
  EXPECT_EQ(narrate_ttl(*tables_, *answers_, decided(kEast)), "10 s, the minimum: [us-east] may change soon");
}

TEST_F(Narrate, AClassIsTheSameForItsWholeBlock) {
  EXPECT_EQ(narrate_class(*tables_, kWww, client("198.51.100.7", 24)),
            "[us-east, eu], class 0: the same for all of 198.51.100.0/24");
}

TEST(NarrateWindow, CountsAsPeopleDo) {
  EXPECT_EQ(
      narrate_window(0, 2, 4),
      "2 of its 4 edges that are up, from number 1 on: the same ones for the same client while the same edges are up");
}

TEST(NarrateScope, SaysForWhomAnAnswerHolds) {
  AnswerSets::Slot slot;
  EXPECT_EQ(narrate_scope(slot, client("198.51.100.7", 8, false), 0),
            "none: the query names no client, so resolvers keep the answer for all their clients");
  EXPECT_EQ(narrate_scope(slot, client("198.51.100.7", 8), 8),
            "/8: a resolver may give this answer to every client of that block; the table decides at /8");
  slot.variants = true;
  EXPECT_TRUE(narrate_scope(slot, client("198.51.100.7", 8), 24).ends_with(", draws are made for each /24"));
  EXPECT_TRUE(narrate_scope(slot, client("2001:db8::1", 32), 56).ends_with(", draws are made for each /56"));
  ClientMatch embedded = client("198.51.100.7", 8);
  embedded.shift = 16;
  EXPECT_TRUE(narrate_scope(slot, embedded, 40).ends_with(", moved by the 16 bits before the IPv4 address"));
  ClientMatch hidden = client("198.51.100.7", 8);
  hidden.private_scope = 8;
  EXPECT_EQ(narrate_scope(slot, hidden, 8),
            "/8: the private block, whose clients are all answered by the resolver's address");
}

}  // namespace
}  // namespace dns::narrate_test

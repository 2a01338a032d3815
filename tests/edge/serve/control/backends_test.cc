#include "edge/serve/control/backends.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "shared/serve/loop/listener.h"
#include "shared/serve/os/socket.h"
#include "tests/shared/serve/resolve/fake_lookups.h"
#include "tests/shared/serve/run_until.h"
#include "tests/shared/serve/test_peer.h"

namespace edge::backends_test {
namespace {

using shared::ResolveFamily;
using shared::test::run_for;
using shared::test::run_until;

std::string host(std::size_t i) { return "n" + std::to_string(i) + ".example"; }

// Servers that are names, which a test resolves as it likes.
class BackendsTest : public ::testing::Test {
 protected:
  void serve(std::size_t names, std::vector<HealthCheck> checks = {}, std::uint16_t port = 80) {
    PoolParts& parts = built_.servers;
    parts.addresses = std::make_shared<const Addresses>();
    for (std::size_t i = 0; i < names; ++i) {
      const auto id = static_cast<ServerId>(i);
      live_.reserve(id);
      parts.names.push_back({id, host(i), port});
      if (!checks.empty()) parts.health_targets.push_back({id, "web", host(i), host(i), port, kFullShare, checks});
    }
    backends_.set(built_);
  }
  bool resolve(std::size_t i, const std::vector<std::string>& addresses) {
    return lookups_.answer(host(i), ResolveFamily::any, addresses, shared::seconds(0));
  }
  [[nodiscard]] std::vector<std::string> addresses(std::size_t i) const {
    std::vector<std::string> out;
    for (const auto& one : backends_.addresses()->of(static_cast<ServerId>(i))) out.push_back(one.address.to_string());
    return out;
  }
  [[nodiscard]] shared::HealthState health(std::size_t i) {
    return live_.server(static_cast<ServerId>(i)).state.health();
  }
  using Texts = std::vector<std::string>;

  shared::Loop loop_{shared::kOneThread};
  Live live_;
  shared::NameFollower names_{loop_, {.min_ttl = shared::milliseconds(10)}};
  shared::test::FakeLookups lookups_{names_};
  int publications_ = 0;
  std::uint32_t next_ = 0;
  Built built_;
  Backends backends_{loop_, live_, names_, [this] { ++publications_; }};
};

TEST_F(BackendsTest, ManyNamesArePublishedTogether) {
  serve(200);
  for (std::size_t i = 0; i < 200; ++i) ASSERT_TRUE(resolve(i, {"10.0.0." + std::to_string(i)}));
  EXPECT_EQ(publications_, 0);
  ASSERT_TRUE(run_until(loop_, [&] { return publications_ > 0; }));
  run_for(loop_, shared::milliseconds(60));
  EXPECT_EQ(publications_, 1);
  for (std::size_t i = 0; i < 200; ++i) EXPECT_EQ(addresses(i), Texts{"10.0.0." + std::to_string(i)});
}

TEST_F(BackendsTest, WhatANameSaidLastHolds) {
  serve(1);
  ASSERT_TRUE(resolve(0, {"10.0.0.1"}));
  ASSERT_TRUE(run_until(loop_, [&] { return publications_ == 1; }));
  ASSERT_TRUE(run_until(loop_, [&] { return !lookups_.asked.empty(); }));
  ASSERT_TRUE(lookups_.end(host(0), ResolveFamily::any, shared::fail("SERVFAIL")));
  names_.use({[](const std::string&, ResolveFamily, const shared::Resolver::Callback&) {}, {}});
  run_for(loop_, shared::milliseconds(60));
  EXPECT_EQ(publications_, 1);
  EXPECT_EQ(addresses(0), Texts{"10.0.0.1"});
}

TEST_F(BackendsTest, AnEmptyAnswerTakesNothingAway) {
  serve(1);
  ASSERT_TRUE(resolve(0, {"10.0.0.1"}));
  ASSERT_TRUE(run_until(loop_, [&] { return publications_ == 1 && !lookups_.asked.empty(); }));
  ASSERT_TRUE(resolve(0, {}));
  run_for(loop_, shared::milliseconds(60));
  EXPECT_EQ(addresses(0), Texts{"10.0.0.1"});
}

// The check of the one that stays is not begun anew when another gets an address.
TEST_F(BackendsTest, OnlyProbesWithOtherAddressesChange) {
  auto listener = shared::listen_tcp(*shared::Endpoint::parse("127.0.0.1:0"), 1);
  ASSERT_TRUE(listener);
  const std::uint16_t port = shared::local_endpoint(listener->front().get()).port;
  HealthCheck check;
  check.kind = HealthCheck::Kind::tcp;
  check.interval = std::chrono::hours(1);
  check.rise = check.fall = 1;
  serve(2, {check}, port);
  ASSERT_TRUE(resolve(0, {"127.0.0.1"}));
  ASSERT_TRUE(run_until(loop_, [&] { return health(0) == shared::HealthState::up; }));
  EXPECT_EQ(health(1), shared::HealthState::unknown);
  ASSERT_TRUE(resolve(1, {"127.0.0.9"}));  // nobody listens there
  ASSERT_TRUE(run_until(loop_, [&] { return health(1) == shared::HealthState::down; }));
  EXPECT_EQ(health(0), shared::HealthState::up);
  ASSERT_TRUE(run_until(loop_, [&] { return lookups_.asked.size() == 2; }));
  ASSERT_TRUE(resolve(1, {"127.0.0.1"}));
  ASSERT_TRUE(run_until(loop_, [&] { return health(1) == shared::HealthState::up; }));
  int connections = 0;
  while (::accept4(listener->front().get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC) >= 0) ++connections;
  EXPECT_EQ(connections, 2);
}

// Of two addresses the one that is down is left out, and comes back when names say nothing new.
TEST_F(BackendsTest, AnAddressThatIsDownIsLeftOut) {
  auto listener = shared::listen_tcp(*shared::Endpoint::parse("127.0.0.1:0"), 1);
  ASSERT_TRUE(listener);
  HealthCheck check;
  check.kind = HealthCheck::Kind::tcp;
  check.interval = shared::milliseconds(20);
  check.rise = check.fall = 1;
  serve(1, {check}, shared::local_endpoint(listener->front().get()).port);
  ASSERT_TRUE(resolve(0, {"127.0.0.1", "127.0.0.9"}));
  ASSERT_TRUE(run_until(loop_, [&] { return addresses(0) == Texts{"127.0.0.1"}; }));
  EXPECT_EQ(backends_.left_out(ServerId{0}).size(), 1U);
  EXPECT_GE(publications_, 2);
}

// Before it was known to be down it was as warm as the others.
TEST_F(BackendsTest, OneThatComesUpAgainStartsSlowlyAndOneThatIsNewDoesNot) {
  const auto ramp = [&] { return live_.server(ServerId{0}).state.word() & ServerState::kRampMask; };
  shared::test::TestPeer peer(loop_);
  HealthCheck check;
  check.kind = HealthCheck::Kind::tcp;
  check.interval = shared::milliseconds(10);
  check.rise = check.fall = 1;
  serve(1, {check}, peer.endpoint().port);
  ASSERT_TRUE(resolve(0, {"127.0.0.1"}));
  ASSERT_TRUE(run_until(loop_, [&] { return health(0) == shared::HealthState::up; }));
  EXPECT_EQ(ramp(), 0U);
  peer.refuse();
  ASSERT_TRUE(run_until(loop_, [&] { return health(0) == shared::HealthState::down; }));
  backends_.set(built_);
  EXPECT_EQ(health(0), shared::HealthState::down);
  EXPECT_EQ(ramp(), 0U) << "nor does one that a reload finds down";
  peer.listen_again();
  ASSERT_TRUE(run_until(loop_, [&] { return health(0) == shared::HealthState::up; }));
  EXPECT_NE(ramp(), 0U);
}

// The certificate is the server's own, and nobody's that `authorities` names.
TEST_F(BackendsTest, WhomRequestsDoNotTrustChecksDoNotTrust) {
  shared::test::TestPeer peer(loop_);
  const auto its_own = std::make_shared<const std::string>(peer.use_tls(host(0)));
  shared::test::TestPeer another(loop_);
  const auto others = std::make_shared<const std::string>(another.use_tls(host(0)));
  using Authorities = std::shared_ptr<const std::string>;
  const auto found = [&](bool requests_verify, const Authorities& of_requests, bool verify, const Authorities& own) {
    HealthCheck check;
    check.kind = HealthCheck::Kind::https;
    check.rise = check.fall = 1;
    check.verify = verify;
    check.authorities = own;
    shared::ClientTls tls{.verify = requests_verify, .authorities = of_requests, .server_name = host(0)};
    PoolParts& parts = built_.servers;
    auto addresses = std::make_shared<Addresses>();
    const auto id = static_cast<ServerId>(next_++);
    addresses->set(id, {peer.endpoint()});
    parts.addresses = addresses;
    parts.names.clear();
    parts.health_targets = {{id, "web", host(0), host(0), peer.endpoint().port, kFullShare, {check}}};
    parts.health_targets.front().tls = std::make_shared<const shared::ClientTls>(tls);
    live_.reserve(id);
    backends_.set(built_);
    const auto state = [&] { return live_.server(id).state.health(); };
    EXPECT_TRUE(run_until(loop_, [&] { return state() != shared::HealthState::unknown; }));
    return state() == shared::HealthState::up;
  };
  EXPECT_TRUE(found(true, its_own, false, nullptr));
  EXPECT_FALSE(found(true, others, false, nullptr)) << "as the requests would find";
  EXPECT_TRUE(found(false, nullptr, false, nullptr)) << "nor do they ask";
  EXPECT_TRUE(found(true, others, true, its_own)) << "it says otherwise";
  EXPECT_FALSE(found(false, nullptr, true, others));
}

}  // namespace
}  // namespace edge::backends_test

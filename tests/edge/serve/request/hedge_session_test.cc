#include <array>
#include <chrono>
#include <optional>

#include "tests/edge/serve/harness.h"

namespace edge::test::hedge_session_test {
namespace {

// Answers with its own name, or holds requests until it is quick again or nobody waits.
class Named {
 public:
  explicit Named(std::string name)
      : name_(std::move(name)), backend_([this](Conn& conn) {
          while (!conn.read_head().empty()) {
            ++asked;
            while (slow) {
              if (!conn.silent(5)) return;
            }
            if (!conn.send(ok(name_))) return;
          }
        }) {}

  [[nodiscard]] const shared::Endpoint& endpoint() const { return backend_.endpoint(); }
  std::atomic<bool> slow{false};
  std::atomic<int> asked{0};

 private:
  std::string name_;
  Backend backend_;
};

struct Answer {
  std::string server;
  std::string cookie;  // "name=value" of Set-Cookie; empty: none
};

// Two servers, sticky sessions, and a hedge whenever an answer takes some time.
class HedgedSessions : public ::testing::Test {
 protected:
  HedgedSessions() {
    edge_.pool.retry.budget_rate = 1000;  // hedges a second that the budget allows in any case
    edge_.pool.retry.hedge = {.mode = shared::Mode::enforce, .quantile = 0.5, .min_delay = shared::milliseconds(300)};
    const std::array<shared::SipKey, 1> keys{};
    StickySettings settings;
    settings.cookie = "session";
    settings.keys = keys;
    const std::array<std::string_view, 2> names{edge_.pool.servers[0].name, edge_.pool.servers[1].name};
    edge_.pool.sticky = make_sticky(settings, "web", names);
    edge_.start();
    client_.emplace(edge_.client());
    // A hedge needs to know what is usual.
    for (int i = 0; i < 60; ++i) ask("");
  }

  Answer ask(const std::string& cookie) {
    const std::string field = cookie.empty() ? "" : "Cookie: " + cookie + "\r\n";
    client_->send("GET / HTTP/1.1\r\nHost: shop.example\r\n" + field + "\r\n");
    const std::string head = client_->read_head();
    EXPECT_TRUE(head.starts_with("HTTP/1.1 200 ")) << head;
    Answer answer{.server = client_->read_exactly(1), .cookie = ""};
    const std::size_t at = head.find("Set-Cookie: ");
    if (at != std::string::npos) answer.cookie = head.substr(at + 12, head.find(';', at) - at - 12);
    return answer;
  }

  [[nodiscard]] std::uint64_t won() const { return edge_.live.pool(PoolSlot{0}).hedges_won.load(); }
  Named& other(const std::string& name) { return name == "a" ? b_ : a_; }
  Named& named(const std::string& name) { return name == "a" ? a_ : b_; }

  Named a_{"a"};
  Named b_{"b"};
  Edge edge_{{a_.endpoint(), b_.endpoint()}};
  std::optional<Conn> client_;
};

TEST_F(HedgedSessions, AHedgeThatWinsDoesNotMoveTheSession) {
  const Answer first = ask("");
  ASSERT_NE(first.cookie, "");
  named(first.server).slow = true;
  const std::uint64_t before = won();
  const Answer hedged = ask(first.cookie);
  EXPECT_NE(hedged.server, first.server);
  EXPECT_TRUE(eventually([&] { return won() == before + 1; })) << "counted once the answer is out";
  EXPECT_EQ(hedged.cookie, "") << "the session's server is only slow";
  named(first.server).slow = false;
  const Answer after = ask(first.cookie);
  EXPECT_EQ(after.server, first.server);
  EXPECT_EQ(after.cookie, "");
}

TEST_F(HedgedSessions, ASessionThatBeginsBelongsToTheServerThatAnswered) {
  a_.slow = true;
  const std::uint64_t before = won();
  const std::array<Answer, 2> begun{ask(""), ask("")};  // in turn, so one of them at least begins at `a`
  EXPECT_TRUE(eventually([&] { return won() > before; })) << "counted once the answer is out";
  a_.slow = false;
  for (const Answer& first : begun) {
    EXPECT_EQ(first.server, "b");
    for (int i = 0; i < 4; ++i) EXPECT_EQ(ask(first.cookie).server, "b");
  }
}

TEST_F(HedgedSessions, ASessionWhoseServerIsGoneMovesToTheOneThatAnswered) {
  const Answer first = ask("");
  const ServerId gone{first.server == "a" ? 0U : 1U};
  edge_.live.server(gone).state.set_health(shared::HealthState::down);
  const Answer moved = ask(first.cookie);
  EXPECT_NE(moved.server, first.server);
  EXPECT_NE(moved.cookie, "");
  edge_.live.server(gone).state.set_health(shared::HealthState::up);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(ask(moved.cookie).server, moved.server);
}

}  // namespace
}  // namespace edge::test::hedge_session_test

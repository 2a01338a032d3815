#include "cli/admin_client.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "shared/serve/loop/loop.h"

namespace cli {
namespace {

using State = ParsedResponse::State;

ParsedResponse parse_open(std::string_view bytes) { return parse_response(bytes, StreamState::open); }

TEST(AdminClient, TargetIsEscaped) {
  AdminCall call;
  call.path = "/drain";
  EXPECT_EQ(target_of(call), "/drain");
  call.query = {{"target", "eu"}, {"reason", "100% new & better?"}};
  EXPECT_EQ(target_of(call), "/drain?target=eu&reason=100%25%20new%20%26%20better%3F");
}

TEST(AdminClient, ParsesByLength) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ncontent-length: 5\r\n\r\n";
  for (std::size_t i = 0; i < head.size() + 5; ++i) {
    EXPECT_EQ(parse_open((head + "hello").substr(0, i)).state, State::incomplete) << i;
  }
  const auto parsed = parse_open(head + "hello");
  EXPECT_EQ(parsed.state, State::complete);
  EXPECT_EQ(parsed.response.status, 200U);
  EXPECT_EQ(parsed.response.content_type, "text/plain");
  EXPECT_EQ(parsed.response.body, "hello");
}

TEST(AdminClient, ParsesUntilTheEnd) {
  const std::string bytes = "HTTP/1.1 503 Busy\r\n\r\nlater";
  EXPECT_EQ(parse_open(bytes).state, State::incomplete);
  const auto parsed = parse_response(bytes, StreamState::ended);
  EXPECT_EQ(parsed.state, State::complete);
  EXPECT_EQ(parsed.response.status, 503U);
  EXPECT_EQ(parsed.response.body, "later");
}

TEST(AdminClient, RefusesWhatIsNoHttp) {
  EXPECT_EQ(parse_open("SSH-2.0-x\r\n\r\n").state, State::malformed);
  EXPECT_EQ(parse_open("HTTP/1.1 abc\r\n\r\n").state, State::malformed);
  EXPECT_EQ(parse_open("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n").state, State::malformed);
  EXPECT_EQ(parse_open("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").state, State::malformed);
}

TEST(AdminClient, SaysWhenNobodyListens) {
  AdminCall call;
  call.path = "/status";
  const auto refused = fetch("unix:/nonexistent/meridian.sock", call);
  ASSERT_FALSE(refused);
  EXPECT_EQ(
      refused.error().message,
      "cannot reach unix:/nonexistent/meridian.sock: No such file or directory; is the server running, and is this "
      "the address of its admin port?");
  EXPECT_FALSE(fetch("example.com", call));
}

// A real admin port on a port of the system's choice.
class WithServer : public ::testing::Test {
 protected:
  void SetUp() override {
    admin_ = std::move(*shared::Admin::listen(loop_, *shared::AdminAddress::parse("127.0.0.1:0")));
    admin_->route(shared::AdminMethod::get, "/echo", [](const shared::AdminRequest& request) {
      return shared::AdminResponse::text(200, std::string(request.param("q").value_or("?")) + "\n");
    });
    admin_->route_deferred(shared::AdminMethod::post, "/slow",
                           [this](const shared::AdminRequest&, const shared::AdminReply& reply) { slow_ = reply; });
    // Twice it builds, then it has built.
    admin_->route(shared::AdminMethod::get, "/building", [this](const shared::AdminRequest&) {
      if (++asked_ == 3) (*slow_)(shared::AdminResponse::text(200, "reloaded\n"));
      return shared::AdminResponse::text(200, asked_ <= 3 ? "building\n" : "idle\n");
    });
    admin_->route(shared::AdminMethod::post, "/reload",
                  [](const shared::AdminRequest&) { return shared::AdminResponse::text(422, "c.yaml:1:1: no\n"); });
    admin_->set_access({.metrics_only = false, .allow = {}, .key = "the-key-of-the-admin-port"});
    address_ = admin_->address();
    thread_ = std::thread([this] { loop_.run(); });
  }
  void TearDown() override {
    loop_.stop();
    thread_.join();
    slow_.reset();
    admin_.reset();
  }

  shared::Loop loop_;
  std::unique_ptr<shared::Admin> admin_;
  std::string address_;
  std::optional<shared::AdminReply> slow_;  // of the loop's thread
  int asked_ = 0;                           // likewise
  std::thread thread_;
};

TEST_F(WithServer, WaitsForAsLongAsTheServerSaysThatItBuilds) {
  AdminCall call;
  call.method = shared::AdminMethod::post;
  call.path = "/slow";
  call.timeout = shared::milliseconds(50);
  call.while_building = true;
  call.key = "the-key-of-the-admin-port";
  const auto answered = fetch(address_, call);
  ASSERT_TRUE(answered) << answered.error().message;
  EXPECT_EQ(*answered, "reloaded\n");
  EXPECT_FALSE(fetch(address_, call)) << "it does not say so any more";
}

TEST_F(WithServer, FetchesAndCarriesTheServersWords) {
  AdminCall call;
  call.path = "/echo";
  call.query = {{"q", "a b&c=%+ü"}};
  const auto echoed = fetch(address_, call);
  ASSERT_TRUE(echoed) << echoed.error().message;
  EXPECT_EQ(*echoed, "a b&c=%+ü\n");

  AdminCall reload;
  reload.method = shared::AdminMethod::post;
  reload.path = "/reload";
  const auto keyless = fetch(address_, reload);
  ASSERT_FALSE(keyless);
  EXPECT_NE(keyless.error().message.find(" says 403: changes over TCP need the key"), std::string::npos);
  reload.key = "the-key-of-the-admin-port";
  const auto refused = fetch(address_, reload);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, address_ + " says 422: c.yaml:1:1: no");
}

}  // namespace
}  // namespace cli

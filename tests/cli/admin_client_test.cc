#include "cli/admin_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include "shared/serve/loop/loop.h"
#include "shared/serve/os/socket.h"
#include "shared/serve/os/unique_fd.h"

namespace cli::admin_client_test {
namespace {

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

// Answers the first that comes with these octets, whatever is asked, and closes.
class Stranger {
 public:
  explicit Stranger(std::string answer) : listening_(std::move(shared::listen_tcp(kAnyPort, 1)->front())) {
    thread_ = std::thread([fd = listening_.get(), answer = std::move(answer)] {
      pollfd one{fd, POLLIN, 0};
      ::poll(&one, 1, 10'000);
      const shared::UniqueFd client(::accept(fd, nullptr, nullptr));
      std::array<char, 4096> request{};
      (void)::recv(client.get(), request.data(), request.size(), 0);
      (void)::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    });
  }
  ~Stranger() { thread_.join(); }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

  [[nodiscard]] std::string address() const { return shared::local_endpoint(listening_.get()).to_string(); }

 private:
  inline static const shared::Endpoint kAnyPort = *shared::Endpoint::parse("127.0.0.1:0");
  shared::UniqueFd listening_;
  std::thread thread_;
};

std::string asked(const std::string& answer) {
  const Stranger stranger(answer);
  AdminCall call;
  call.path = "/status";
  const auto got = fetch(stranger.address(), call);
  if (got) return *got;
  return got.error().message.substr(stranger.address().size());
}

TEST(AdminClient, ReadsByLengthByChunksAndToTheEnd) {
  EXPECT_EQ(asked("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ncontent-length: 5\r\n\r\nhello"), "hello");
  EXPECT_EQ(asked("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), "hello");
  EXPECT_EQ(asked("HTTP/1.1 503 Busy\r\n\r\nlater\n"), " says 503: later");
}

TEST(AdminClient, TellsWhatIsNoAnswer) {
  EXPECT_EQ(asked("SSH-2.0-x\r\n\r\n"), ": what answers there does not speak HTTP/1.1: no HTTP status line");
  EXPECT_EQ(asked(""), ": what answers there does not speak HTTP/1.1: the connection closed within the answer");
  EXPECT_EQ(asked("HTTP/1.1 abc\r\n\r\n"), ": what answers there does not speak HTTP/1.1: malformed status");
  EXPECT_EQ(asked("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
            ": what answers there does not speak HTTP/1.1: malformed Content-Length");
  EXPECT_EQ(asked("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"),
            ": a bad answer: the connection closed within the answer");
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
}  // namespace cli::admin_client_test

// Requests that come together on a connection of HTTP/1, on a loop of the test's own: turn by turn.
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "edge/serve/client/clients.h"
#include "edge/serve/client/make_connection.h"
#include "tests/edge/serve/fakes.h"

namespace edge::test::pipelining_test {
namespace {

constexpr std::size_t kMost = 2 * 8;  // of one client in a turn: once for an event, and once since it wants to go on

class PipeliningTest : public testing::Test {
 protected:
  PipeliningTest() : clients_(with_page(worker_).context(), {}, make_connection) {
    std::array<int, 2> pair{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()), 0);
    client_.reset(pair[1]);
    clients_.offer({.fd = std::make_shared<shared::UniqueFd>(pair[0]),
                    .peer = {},
                    .listener = std::make_shared<const Listener>()});
    worker_.loop.poll();
  }
  ~PipeliningTest() override {
    client_.reset();
    for (int i = 0; i < 10; ++i) worker_.loop.poll();
    EXPECT_EQ(clients_.size(), 0U);
  }
  static FakeWorker& with_page(FakeWorker& worker) {
    worker.add_route("/page", Respond{.status = 204, .body = {}});
    return worker;
  }
  void send(const std::string& octets) {
    ASSERT_EQ(::send(client_.get(), octets.data(), octets.size(), 0), static_cast<ssize_t>(octets.size()));
  }
  // Answers that have come since the last time.
  std::size_t answers() {
    std::array<char, 65536> octets;
    const ssize_t n = ::recv(client_.get(), octets.data(), octets.size(), 0);
    std::size_t count = 0;
    const std::string_view text(octets.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
    for (std::size_t at = text.find("HTTP/1.1 204 "); at != std::string_view::npos;
         at = text.find("HTTP/1.1 204 ", at + 1)) {
      ++count;
    }
    return count;
  }
  // Whether all come, no more of them in a turn than others can wait for.
  void expect_answers(std::size_t wanted) {
    std::size_t count = 0;
    for (std::size_t turn = 0; turn < 2 * wanted && count < wanted; ++turn) {
      worker_.loop.poll();
      const std::size_t now = answers();
      EXPECT_LE(now, kMost);
      count += now;
    }
    EXPECT_EQ(count, wanted);
  }

  FakeWorker worker_;
  Clients clients_;
  shared::UniqueFd client_;
};

TEST_F(PipeliningTest, OthersHaveTheirTurn) {
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";
  send(requests);
  expect_answers(100);
  send(requests);
  expect_answers(100);
}

// Each read ends with a request, so that the connection is idle behind each of them.
TEST_F(PipeliningTest, AlsoWhereNothingIsLeftBehindEach) {
  std::string request = "GET /page HTTP/1.1\r\nHost: a\r\nX-Long: ";
  request.append(ReadBuffer::kFirst - request.size() - 4, 'x').append("\r\n\r\n");
  std::string requests;
  for (int i = 0; i < 20; ++i) requests += request;
  send(requests);
  expect_answers(20);
}

}  // namespace
}  // namespace edge::test::pipelining_test

// The octets of a connection, plain and under TLS: the other end is a TLS client over the same pair of sockets.
#include "dns/serve/tcp/tcp_stream.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include "shared/serve/tls/tls_client.h"
#include "shared/serve/tls/tls_server.h"
#include "tests/support/made_certificate.h"

namespace dns::tcp_stream_test {
namespace {

using shared::TlsSession;
using Status = TcpStream::Status;

class FarWire final : public shared::TlsWire {
 public:
  explicit FarWire(int fd) : fd_(fd) {}
  Result take(std::span<char> into) override { return result(::recv(fd_, into.data(), into.size(), MSG_DONTWAIT)); }
  Result give(std::span<const char> bytes, Then /*then*/) override {
    return result(::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
  }

 private:
  static Result result(ssize_t n) {
    if (n > 0) return {.status = Status::ok, .bytes = static_cast<std::size_t>(n)};
    return {.status = n == 0 ? Status::closed : Status::again, .bytes = 0};
  }
  int fd_;
};

class TcpStreamTest : public testing::Test {
 protected:
  void open(bool tls) {
    std::array<int, 2> fds{-1, -1};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()), 0);
    far_ = shared::UniqueFd(fds[1]);
    near_ = std::make_unique<TcpStream>(shared::UniqueFd(fds[0]), tls ? server_->accept() : nullptr, counters_);
    if (tls)
      client_ = (*shared::TlsClient::make({}))
                    ->connect({.name = "dns.example",
                               .alpn = "\x03"
                                       "dot"});
  }
  // Both ends in turns.
  void shake_hands() {
    FarWire wire(far_.get());
    for (int i = 0; i < 20; ++i) {
      const bool done = client_->handshake(wire) == TlsSession::Status::ok;
      const TcpStream::Result got = near_->receive(into_);
      ASSERT_EQ(got.status, Status::again);
      if (done && near_->events(false) == EPOLLIN && counters_.tls_handshakes[0].read() == 1) return;
    }
    FAIL() << "no handshake";
  }
  void far_send(const std::string& octets) {
    FarWire wire(far_.get());
    const iovec part{.iov_base = const_cast<char*>(octets.data()), .iov_len = octets.size()};
    ASSERT_EQ(client_->send(wire, std::span(&part, 1)).bytes, octets.size());
  }
  std::string far_receive() {
    FarWire wire(far_.get());
    std::string octets(65536, ' ');
    const TlsSession::Result got = client_->receive(wire, octets);
    octets.resize(got.bytes);
    return octets;
  }
  std::string receive(std::size_t most = 65536) {
    const TcpStream::Result got = near_->receive(std::span(into_).first(most));
    return {into_.begin(), into_.begin() + static_cast<std::ptrdiff_t>(got.octets)};
  }
  static std::span<const std::uint8_t> octets_of(const std::string& text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
  }

  shared::TicketKeys tickets_;
  std::shared_ptr<const shared::TlsServer> server_ = *shared::TlsServer::make(
      {.hosts = {{.certified = ::test::made_certificate({"dns.example"}), .names = {"dns.example"}, .file = {}}},
       .alpn = {"dot"}},
      tickets_);
  WorkerCounters counters_;
  std::unique_ptr<TcpStream> near_;
  std::unique_ptr<TlsSession> client_;
  shared::UniqueFd far_;
  std::vector<std::uint8_t> into_ = std::vector<std::uint8_t>(65536);
};

TEST_F(TcpStreamTest, PlainIsTheSocket) {
  open(false);
  EXPECT_FALSE(near_->layered());
  EXPECT_EQ(near_->receive(into_).status, Status::again);
  ASSERT_EQ(::send(far_.get(), "abc", 3, 0), 3);
  EXPECT_TRUE(near_->more_has_come());
  EXPECT_EQ(receive(), "abc");
  EXPECT_EQ(near_->send(octets_of("def")).octets, 3U);
  EXPECT_EQ(near_->events(false), EPOLLIN);
  EXPECT_EQ(near_->events(true), EPOLLOUT);
  far_.reset();
  EXPECT_EQ(near_->receive(into_).status, Status::closed);
}

TEST_F(TcpStreamTest, SeveralRecordsAreOneReceive) {
  open(true);
  shake_hands();
  far_send("one");
  far_send(std::string(20000, 'x'));
  EXPECT_TRUE(near_->more_has_come());
  EXPECT_EQ(receive(), "one" + std::string(20000, 'x'));
  EXPECT_FALSE(near_->pending());
  EXPECT_EQ(near_->receive(into_).status, Status::again);
}

TEST_F(TcpStreamTest, WhatDoesNotFitIsPending) {
  open(true);
  shake_hands();
  far_send("0123456789");
  EXPECT_EQ(receive(4), "0123");
  EXPECT_TRUE(near_->pending());
  EXPECT_TRUE(near_->more_has_come());
  EXPECT_EQ(receive(), "456789");
  EXPECT_FALSE(near_->pending());
}

TEST_F(TcpStreamTest, SendsUnderTlsAndSaysTheEnd) {
  open(true);
  shake_hands();
  EXPECT_EQ(near_->send(octets_of("answer")).octets, 6U);
  EXPECT_EQ(far_receive(), "answer");
  near_->close();
  EXPECT_FALSE(near_->open());
  far_receive();
  EXPECT_TRUE(client_->ended());
  EXPECT_EQ(client_->failure(), shared::TlsFailure::none) << "close_notify, no cut";
}

TEST_F(TcpStreamTest, AnEndBehindOctetsIsToldAfterThem) {
  open(true);
  shake_hands();
  far_send("last");
  FarWire wire(far_.get());
  ASSERT_EQ(client_->shutdown(wire), TlsSession::Status::ok);
  EXPECT_EQ(receive(), "last");
  EXPECT_TRUE(near_->pending()) << "no event tells of it";
  EXPECT_EQ(near_->receive(into_).status, Status::closed);
}

TEST_F(TcpStreamTest, WhatIsNoTlsIsCountedAndClosed) {
  open(true);
  ASSERT_EQ(::send(far_.get(), "\0\x1dplain DNS and no handshake", 29, 0), 29);
  EXPECT_EQ(near_->receive(into_).status, Status::closed);
  std::uint64_t failed = 0;
  for (const shared::Counter& counter : counters_.tls_failed) failed += counter.read();
  EXPECT_EQ(failed, 1U);
}

}  // namespace
}  // namespace dns::tcp_stream_test

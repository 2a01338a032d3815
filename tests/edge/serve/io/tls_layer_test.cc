#include "edge/serve/io/tls_layer.h"

#include <array>
#include <string>
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "edge/serve/io/stream.h"
#include "shared/serve/tls/tls_client.h"
#include "shared/serve/tls/tls_server.h"
#include "tests/support/made_certificate.h"

namespace edge::tls_layer_test {
namespace {

using shared::TlsClient;
using shared::TlsServer;

// Both ends of one connection, in one loop, over sockets with little room.
class TlsEnds : public testing::Test {
 protected:
  TlsEnds()
      : server_(*TlsServer::make(
            {.hosts =
                 {{.certified = ::test::made_certificate({"one.example"}), .names = {"one.example"}, .file = {}},
                  {.certified = ::test::made_certificate({"*.two.example"}), .names = {"*.two.example"}, .file = {}}},
             .alpn = {"http/1.1"}},
            tickets_)),
        client_(*TlsClient::make({})) {}

  void connect(const std::string& name = "one.example") {
    std::array<int, 2> fds{-1, -1};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()), 0);
    for (const int fd : fds) {
      const int small = 4096;
      ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    }
    fd_ = fds[0];
    near_ = std::make_unique<Stream>(loop_, fds[0], Stream::Begin::connected,
                                     std::make_unique<TlsLayer>(server_->accept()));
    far_ = std::make_unique<Stream>(
        loop_, fds[1], Stream::Begin::connected,
        std::make_unique<TlsLayer>(client_->connect({.name = name, .alpn = shared::kAlpnBoth})));
  }
  void shake_hands(const std::string& name = "one.example") {
    connect(name);
    ASSERT_TRUE(until([&] {
      const Progress near = near_->progress();
      const Progress far = far_->progress();
      return near == Progress::ready && far == Progress::ready;
    }));
  }
  template <class Holds>
  [[nodiscard]] bool until(Holds holds) {
    for (int i = 0; i < 5000; ++i) {
      if (holds()) return true;
      loop_.poll();
      ::usleep(200);
    }
    return false;
  }
  static IoResult send(Stream& stream, std::string_view bytes) {
    const iovec part{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
    return stream.send(std::span(&part, 1));
  }
  // What has come by now.
  static IoStatus receive(Stream& stream, std::string& into) {
    std::array<char, 5000> octets;
    IoResult got{.status = IoStatus::ok, .bytes = 0};
    while (got.status == IoStatus::ok) {
      got = stream.receive(octets);
      into.append(octets.data(), got.bytes);
    }
    return got.status;
  }

  shared::WorkerLoop loop_;
  shared::TicketKeys tickets_;
  std::shared_ptr<const TlsServer> server_;
  std::shared_ptr<TlsClient> client_;
  std::unique_ptr<Stream> near_, far_;
  int fd_ = -1;
};

TEST_F(TlsEnds, AgreeAndSayOnWhat) {
  shake_hands("any.TWO.example");
  const shared::TlsFacts& facts = near_->tls()->facts();
  EXPECT_EQ(facts.server_name, "any.two.example");
  EXPECT_EQ(facts.host, 1U);
  EXPECT_EQ(facts.alpn, "http/1.1");
  EXPECT_EQ(facts.version, "TLSv1.3");
  EXPECT_EQ(facts.cipher, "TLS_AES_128_GCM_SHA256");
  EXPECT_FALSE(facts.resumed);
  EXPECT_EQ(far_->tls()->facts().alpn, "http/1.1");
}

TEST_F(TlsEnds, OctetsThatAreBufferedInsideAreReadable) {
  shake_hands();
  ASSERT_EQ(send(*far_, "0123456789").bytes, 10U);
  ASSERT_TRUE(until([&] { return near_->readable(); }));
  char few[4];
  ASSERT_EQ(near_->receive(few).bytes, 4U);
  EXPECT_TRUE(near_->readable()) << "the socket is empty, the record is not";
  std::string rest;
  EXPECT_EQ(receive(*near_, rest), IoStatus::again);
  EXPECT_EQ(rest, "456789");
  EXPECT_FALSE(near_->readable());
}

TEST_F(TlsEnds, SmallPartsShareARecordAndLargeOnesAreWhole) {
  shake_hands();
  std::string head(500, 'h'), body(40000, 'b'), end = "\r\n";
  std::array<iovec, 3> parts{{{head.data(), head.size()}, {body.data(), body.size()}, {end.data(), end.size()}}};
  const std::string wanted = head + body + end;
  std::string got;
  std::size_t sent = 0;
  std::size_t half_out = 0;
  ASSERT_TRUE(until([&] {
    std::array<iovec, 3> left{};
    std::size_t count = 0;
    std::size_t skip = sent;
    for (const iovec& part : parts) {
      const std::size_t n = std::min(skip, part.iov_len);
      skip -= n;
      if (part.iov_len > n) left[count++] = {static_cast<char*>(part.iov_base) + n, part.iov_len - n};
    }
    if (count > 0) {
      const IoResult result = near_->send(std::span(left).first(count));
      EXPECT_NE(result.status, IoStatus::failed);
      half_out += result.status == IoStatus::again ? 1 : 0;
      sent += result.bytes;
    }
    EXPECT_EQ(receive(*far_, got), IoStatus::again);
    return got.size() >= wanted.size();
  }));
  EXPECT_EQ(got, wanted);
  EXPECT_GT(half_out, 0U) << "the socket was to have too little room";
}

TEST_F(TlsEnds, ATicketOnAnIdleConnectionIsNotTheEnd) {
  shake_hands();
  ASSERT_TRUE(until([&] { return true; }));
  for (int i = 0; i < 5; ++i) loop_.poll();
  EXPECT_TRUE(far_->silent()) << "the server's ticket has come";
  EXPECT_FALSE(far_->peer_closed());
  ASSERT_EQ(send(*near_, "unasked").bytes, 7U);
  EXPECT_TRUE(until([&] { return !far_->silent(); }));
}

TEST_F(TlsEnds, AnEndThatIsSaidAndOneThatIsNot) {
  shake_hands();
  ASSERT_EQ(send(*near_, "last").bytes, 4U);
  ASSERT_EQ(near_->shutdown(), IoStatus::ok);
  std::string got;
  ASSERT_TRUE(until([&] { return receive(*far_, got) == IoStatus::closed; }));
  EXPECT_EQ(got, "last");
  EXPECT_TRUE(far_->peer_closed());

  shake_hands();
  ASSERT_EQ(send(*near_, "cut").bytes, 3U);
  ::shutdown(fd_, SHUT_WR);
  got.clear();
  IoStatus end = IoStatus::again;
  ASSERT_TRUE(until([&] { return (end = receive(*far_, got)) != IoStatus::again; }));
  EXPECT_EQ(end, IoStatus::failed) << "a cut must not pass for an end";
  EXPECT_EQ(got, "cut");
}

TEST_F(TlsEnds, WhatAPeerHasSaidIsReadAfterItTakesNoMore) {
  shake_hands();
  ASSERT_EQ(send(*near_, "too large").bytes, 9U);
  near_.reset();
  EXPECT_EQ(send(*far_, "the rest").status, IoStatus::failed);
  EXPECT_EQ(send(*far_, "again").status, IoStatus::failed);
  std::string got;
  EXPECT_NE(receive(*far_, got), IoStatus::again);
  EXPECT_EQ(got, "too large");
}

TEST_F(TlsEnds, WhatIsNoTlsFailsWithItsKind) {
  connect();
  ASSERT_EQ(::write(far_->release().fd.get(), "GET / HTTP/1.1\r\n\r\n", 18), 18);
  Progress made = Progress::waiting;
  ASSERT_TRUE(until([&] { return (made = near_->progress()) != Progress::waiting; }));
  EXPECT_EQ(made, Progress::failed);
  EXPECT_EQ(near_->tls()->failure(), shared::TlsFailure::not_tls);
  EXPECT_EQ(near_->tls()->failure_text(), "http request");
}

TEST_F(TlsEnds, AnotherStreamGoesOnAfterTheHandshake) {
  shake_hands();
  ASSERT_EQ(send(*far_, "early").bytes, 5U);
  Stream::Parts parts = near_->release();
  EXPECT_FALSE(near_->is_open());
  Stream next(loop_, parts.fd.release(), Stream::Begin::connected, std::move(parts.layer));
  ASSERT_EQ(next.progress(), Progress::ready);
  std::string got;
  ASSERT_TRUE(until([&] { return receive(next, got) == IoStatus::again && got == "early"; }));
}

}  // namespace
}  // namespace edge::tls_layer_test

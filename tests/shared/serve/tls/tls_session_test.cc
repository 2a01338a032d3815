// Both ends of a TLS connection over two strings: what a caller is told when the wire is full, ends, or speaks
// something else.
#include "shared/serve/tls/tls_session.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "shared/serve/tls/tls_client.h"
#include "shared/serve/tls/tls_server.h"
#include "tests/support/made_certificate.h"

namespace shared::tls_session_test {
namespace {

using Status = TlsSession::Status;

constexpr std::size_t kHeader = 5;  // of a record: its kind, the version, its length
constexpr char kData = 23;

// One direction of the connection.
struct Octets {
  std::string waiting;
  std::size_t room = 1 << 20;  // that it takes until somebody reads
  bool ends = false;           // behind what waits
  bool broken = false;         // takes nothing, gives nothing
};

class Wire final : public TlsWire {
 public:
  Wire(Octets& in, Octets& out) : in_(in), out_(out) {}
  Result take(std::span<char> into) override {
    if (in_.broken) return {.status = Status::failed, .bytes = 0};
    const std::size_t n = std::min(into.size(), in_.waiting.size());
    if (n == 0) return {.status = in_.ends ? Status::closed : Status::again, .bytes = 0};
    std::copy_n(in_.waiting.begin(), n, into.begin());
    in_.waiting.erase(0, n);
    return {.status = Status::ok, .bytes = n};
  }
  Result give(std::span<const char> bytes, Then then) override {
    told = then;
    if (out_.broken) return {.status = Status::failed, .bytes = 0};
    const std::size_t n = std::min(bytes.size(), out_.room);
    if (n == 0) return {.status = Status::again, .bytes = 0};
    out_.waiting.append(bytes.data(), n);
    out_.room -= n;
    return {.status = Status::ok, .bytes = n};
  }

  Then told = Then::nothing;  // with the last octets

 private:
  Octets& in_;
  Octets& out_;
};

// Sizes of the records of data in what waits.
std::vector<std::size_t> records(const std::string& octets) {
  std::vector<std::size_t> sizes;
  for (std::size_t at = 0; at + kHeader <= octets.size();) {
    const std::size_t size =
        static_cast<unsigned char>(octets[at + 3]) << 8 | static_cast<unsigned char>(octets[at + 4]);
    if (octets[at] == kData) sizes.push_back(size);
    at += kHeader + size;
  }
  return sizes;
}

std::shared_ptr<const std::string> pem_of(const load::CertifiedKey& certified) {
  const std::unique_ptr<BIO, int (*)(BIO*)> out(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_X509(out.get(), certified.chain.front().get());
  const char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return std::make_shared<const std::string>(text, static_cast<std::size_t>(size));
}

class TlsSessionTest : public testing::Test {
 protected:
  void connect(const ClientTls& settings = {}, const TlsAsk& ask = {.name = "shop.example"}) {
    near_ = server_->accept();
    client_ = *TlsClient::make(settings);
    far_ = client_->connect(ask);
    to_near_ = {};
    to_far_ = {};
  }
  // Both ends in turns; the two statuses at the end.
  std::pair<Status, Status> shake_hands() {
    std::pair<Status, Status> seen{Status::again, Status::again};
    for (int i = 0; i < 20 && (seen.first == Status::again || seen.second == Status::again); ++i) {
      if (seen.second == Status::again) seen.second = far_->handshake(far_wire_);
      if (seen.first == Status::again) seen.first = near_->handshake(near_wire_);
    }
    return seen;
  }
  void open() {
    connect();
    ASSERT_EQ(shake_hands(), std::pair(Status::ok, Status::ok));
    EXPECT_TRUE(far_->silent(far_wire_)) << "tickets are taken in";
  }
  TlsSession::Result send(const std::vector<std::string>& texts) {
    std::vector<iovec> parts;
    for (const std::string& text : texts) {
      parts.push_back({.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()});
    }
    return near_->send(near_wire_, parts);
  }
  std::string receive_all() {
    std::string all;
    std::string some(70'000, ' ');
    while (true) {
      const TlsSession::Result got = far_->receive(far_wire_, some);
      if (got.status != Status::ok) return all;
      all.append(some, 0, got.bytes);
    }
  }
  static std::string text(std::size_t size) {
    std::string made(size, ' ');
    std::iota(made.begin(), made.end(), '\0');
    return made;
  }

  TicketKeys tickets_;
  std::shared_ptr<const load::CertifiedKey> certified_ = test::made_certificate({"shop.example"});
  std::shared_ptr<const TlsServer> server_ = *TlsServer::make(
      {.hosts = {{.certified = certified_, .names = {"shop.example"}, .file = {}}}, .alpn = {}}, tickets_);
  Octets to_near_;
  Octets to_far_;
  Wire near_wire_{to_near_, to_far_};
  Wire far_wire_{to_far_, to_near_};
  std::shared_ptr<TlsClient> client_;
  std::unique_ptr<TlsSession> near_;
  std::unique_ptr<TlsSession> far_;
};

TEST_F(TlsSessionTest, NamesAreAskedForAndAddressesAreNot) {
  open();
  EXPECT_EQ(near_->facts().server_name, "shop.example");
  EXPECT_EQ(near_->facts().version, "TLSv1.3");
  EXPECT_FALSE(near_->buffered());
  for (const std::string_view name : {"192.0.2.1", "2001:db8::1", ""}) {
    connect({}, {.name = name});
    EXPECT_EQ(shake_hands(), std::pair(Status::ok, Status::ok)) << name;
    EXPECT_EQ(near_->facts().server_name, "") << name;
  }
}

TEST_F(TlsSessionTest, AClientThatVerifiesTakesNoOther) {
  const auto own = pem_of(*certified_);
  const auto others = pem_of(*test::made_certificate({"shop.example"}));
  connect({.verify = true, .authorities = own});
  EXPECT_EQ(shake_hands(), std::pair(Status::ok, Status::ok)) << far_->failure_text();
  for (const auto& [authorities, name] :
       {std::pair(others, "shop.example"), std::pair(own, "other.example"), std::pair(own, "192.0.2.1")}) {
    connect({.verify = true, .authorities = authorities}, {.name = name});
    EXPECT_EQ(shake_hands().second, Status::failed) << name;
    EXPECT_EQ(far_->failure(), TlsFailure::certificate) << name;
    EXPECT_NE(far_->failure_text(), "") << name;
    EXPECT_NE(far_->failure_text(), "certificate verify failed") << "that says nothing: why not?";
    EXPECT_EQ(near_->failure(), TlsFailure::alert) << name;
  }
}

// Without authorities of its own the system's count, and with them those alone.
TEST_F(TlsSessionTest, TheSystemsAuthoritiesAreTrustedInPlaceOfOnesOwn) {
  const std::string file = testing::TempDir() + "/authorities_" + std::to_string(::getpid());
  std::ofstream(file) << *pem_of(*certified_);
  ::setenv("SSL_CERT_FILE", file.c_str(), 1);
  connect({.verify = true});
  EXPECT_EQ(shake_hands(), std::pair(Status::ok, Status::ok)) << far_->failure_text();
  connect({.verify = true, .authorities = pem_of(*test::made_certificate({"shop.example"}))});
  EXPECT_EQ(shake_hands().second, Status::failed);
  ::unsetenv("SSL_CERT_FILE");
  std::filesystem::remove(file);
  connect({.verify = true});
  EXPECT_EQ(shake_hands().second, Status::failed);
}

TEST_F(TlsSessionTest, AClientShowsItsCertificateToWhoAsks) {
  const auto own = test::made_certificate({"client.example"});
  server_ = *TlsServer::make({.hosts = {{.certified = certified_,
                                         .names = {"shop.example"},
                                         .clients = load::ClientCertificates::required,
                                         .client_authorities = pem_of(*own),
                                         .file = {}}},
                              .alpn = {}},
                             tickets_);
  ClientTls settings;
  settings.certified = own;
  connect(settings);
  EXPECT_EQ(shake_hands(), std::pair(Status::ok, Status::ok)) << near_->failure_text();
  EXPECT_EQ(near_->facts().peer_subject, "CN=client.example");
  connect();
  EXPECT_EQ(shake_hands().first, Status::failed);
  EXPECT_EQ(near_->failure(), TlsFailure::certificate) << near_->failure_text();
  EXPECT_EQ(near_->facts().peer_subject, "");
}

TEST_F(TlsSessionTest, WhatIsNoTlsIsCalledSo) {
  for (const char* octets :
       {"GET / HTTP/1.1\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\n\r\n", "SSH-2.0-OpenSSH_9.2 and more\r\n"}) {
    connect();
    to_near_.waiting = octets;
    EXPECT_EQ(near_->handshake(near_wire_), Status::failed) << octets;
    EXPECT_EQ(near_->failure(), TlsFailure::not_tls) << octets << near_->failure_text();
    EXPECT_NE(near_->failure_text(), "the connection ended") << octets;
    EXPECT_TRUE(near_->ended());
  }
  connect();
  to_far_.waiting = "HTTP/1.1 400 Bad Request\r\n\r\n";
  EXPECT_EQ(far_->handshake(far_wire_), Status::failed);
  EXPECT_EQ(far_->failure(), TlsFailure::not_tls) << far_->failure_text();
}

TEST_F(TlsSessionTest, AWireThatEndsOrBreaksIsClosed) {
  for (const bool breaks : {false, true}) {
    connect();
    (breaks ? to_near_.broken : to_near_.ends) = true;
    EXPECT_EQ(near_->handshake(near_wire_), Status::failed);
    EXPECT_EQ(near_->failure(), TlsFailure::closed) << near_->failure_text();
    EXPECT_EQ(near_->handshake(near_wire_), Status::failed) << "and stays so";
  }
  connect();
  to_near_.broken = true;
  EXPECT_EQ(far_->handshake(far_wire_), Status::failed);
  EXPECT_EQ(far_->failure(), TlsFailure::closed);
  EXPECT_EQ(far_->failure_text(), "the connection ended");
}

TEST_F(TlsSessionTest, AFullWireIsWaitedFor) {
  connect();
  to_near_.room = 0;
  EXPECT_EQ(far_->handshake(far_wire_), Status::again);
  EXPECT_TRUE(far_->wants_write());
  to_near_.room = 1 << 20;
  EXPECT_EQ(far_->handshake(far_wire_), Status::again);
  EXPECT_FALSE(far_->wants_write()) << "now for the other's hello";
  EXPECT_EQ(shake_hands(), std::pair(Status::ok, Status::ok));
}

TEST_F(TlsSessionTest, WhatDoesNotFitIsBuffered) {
  open();
  ASSERT_EQ(send({text(100)}).bytes, 100U);
  std::string some(60, ' ');
  EXPECT_EQ(far_->receive(far_wire_, some).bytes, 60U);
  EXPECT_TRUE(far_->buffered()) << "the wire has nothing more";
  EXPECT_EQ(far_->receive(far_wire_, some).bytes, 40U);
  EXPECT_FALSE(far_->buffered());
  EXPECT_EQ(far_->receive(far_wire_, some).status, Status::again);
  EXPECT_FALSE(far_->receive_wants_write());
}

// OpenSSL's errors are a thread's, and whoever left one there is not this session.
TEST_F(TlsSessionTest, AnErrorOfSomebodyElseIsNotOurs) {
  open();
  ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
  std::string some(60, ' ');
  EXPECT_EQ(far_->receive(far_wire_, some).status, Status::again);
  ERR_clear_error();
}

TEST_F(TlsSessionTest, SmallPartsShareARecordAndLargeOnesAreCut) {
  open();
  to_far_.waiting.clear();
  EXPECT_EQ(send({text(10), "", text(20), text(30)}).bytes, 60U);
  EXPECT_EQ(records(to_far_.waiting).size(), 1U);
  EXPECT_EQ(receive_all(), text(10) + text(20) + text(30));
  const std::vector<std::string> large{text(20'000), text(5'000), text(100), text(17'000)};
  EXPECT_EQ(send(large).bytes, 42'100U);
  EXPECT_EQ(records(to_far_.waiting).size(), 3U);
  EXPECT_EQ(receive_all(), large[0] + large[1] + large[2] + large[3]);
}

TEST_F(TlsSessionTest, ARecordThatIsHalfOutIsFinishedAndNothingComesBetween) {
  open();
  to_far_.waiting.clear();
  to_far_.room = 16'384 + 1'000;  // one record and a part of the next
  const std::string sent = text(40'000);
  EXPECT_EQ(send({sent}).bytes, 16'384U);
  EXPECT_EQ(near_->shutdown(near_wire_), Status::failed);
  to_far_.room = 1 << 20;
  EXPECT_EQ(send({sent.substr(16'384)}).bytes, 40'000U - 16'384U);
  EXPECT_EQ(near_->shutdown(near_wire_), Status::ok);
  EXPECT_EQ(receive_all(), sent);
  EXPECT_EQ(far_->receive(far_wire_, std::span<char>(to_near_.waiting)).status, Status::closed) << "in order";
  EXPECT_TRUE(far_->ended());
}

TEST_F(TlsSessionTest, NothingGoesOutWhereThereIsNoRoom) {
  open();
  to_far_.room = 0;
  EXPECT_EQ(send({text(100)}).status, Status::again);
  EXPECT_FALSE(near_->send_wants_read());
  to_far_.room = 1 << 20;
  EXPECT_EQ(send({text(100)}).bytes, 100U);
  EXPECT_EQ(receive_all(), text(100));
}

// The wire may hold back what more follows, and nothing else.
TEST_F(TlsSessionTest, TheWireIsToldWhenMoreFollows) {
  open();
  to_far_.room = 16'384 + 1'000;
  ASSERT_EQ(send({text(60'000)}).bytes, 16'384U);
  EXPECT_EQ(near_wire_.told, TlsWire::Then::more);
  to_far_.room = 1 << 20;
  ASSERT_EQ(send({text(60'000).substr(16'384)}).bytes, 60'000U - 16'384U);
  EXPECT_EQ(near_wire_.told, TlsWire::Then::nothing);
  EXPECT_EQ(near_->shutdown(near_wire_), Status::ok);
  EXPECT_EQ(near_wire_.told, TlsWire::Then::nothing);
}

// close_notify in place of a hello: in order, but too early.
TEST_F(TlsSessionTest, AnEndInOrderIsNoHandshake) {
  connect();
  to_far_.waiting = std::string("\x15\x03\x03\x00\x02\x01\x00", 7);
  EXPECT_EQ(far_->handshake(far_wire_), Status::failed);
  EXPECT_EQ(far_->failure(), TlsFailure::closed) << far_->failure_text();
  EXPECT_EQ(far_->failure_text(), "the connection ended");
}

TEST_F(TlsSessionTest, WhoTakesNothingMoreCanStillBeRead) {
  open();
  const std::string word = "no more, thank you";
  const iovec part{.iov_base = const_cast<char*>(word.data()), .iov_len = word.size()};
  ASSERT_EQ(far_->send(far_wire_, std::span(&part, 1)).bytes, word.size());
  to_far_.broken = true;
  EXPECT_EQ(send({text(100)}).status, Status::failed);
  EXPECT_EQ(send({text(100)}).status, Status::failed);
  EXPECT_EQ(near_->shutdown(near_wire_), Status::failed);
  std::string some(100, ' ');
  const TlsSession::Result got = near_->receive(near_wire_, some);
  EXPECT_EQ(got.status, Status::ok);
  EXPECT_EQ(some.substr(0, got.bytes), word);
}

TEST(TlsFailures, HaveWords) {
  EXPECT_EQ(to_string(TlsFailure::none), "none");
  EXPECT_EQ(to_string(TlsFailure::not_tls), "not_tls");
  EXPECT_EQ(to_string(TlsFailure::other), "other");
}

}  // namespace
}  // namespace shared::tls_session_test

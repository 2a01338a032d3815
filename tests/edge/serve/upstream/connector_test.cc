// Of a server's several addresses the next one is connected to if one cannot be reached.
#include "edge/serve/upstream/connector.h"

#include <unistd.h>

#include <openssl/pem.h>

#include "edge/serve/io/tls_layer.h"
#include "shared/serve/os/socket.h"
#include "shared/serve/tls/tls_server.h"
#include "tests/edge/serve/sealed.h"
#include "tests/support/made_certificate.h"

namespace edge::test::connector_test {
namespace {

constexpr ServerId kServer{0};

class ConnectorTest : public testing::Test {
 protected:
  void SetUp() override {
    auto sockets = shared::listen_tcp(*shared::Endpoint::parse("127.0.0.1:0"), 1);
    ASSERT_TRUE(sockets);
    listener_ = std::move(sockets->front());
    there_ = shared::local_endpoint(listener_.get());
    auto closed = shared::listen_tcp(*shared::Endpoint::parse("127.0.0.1:0"), 1);
    ASSERT_TRUE(closed);
    nobody_ = shared::local_endpoint(closed->front().get());
  }
  // Until it is no longer connecting.
  Connector::State run(Connector& connector) {
    connector.connect(shared::seconds(20));
    for (int i = 0; i < 3000 && connector.state() == Connector::State::connecting; ++i) {
      connector.step(Wake::event);
      loop_.poll();
      ::usleep(1000);
    }
    return connector.state();
  }

  shared::WorkerLoop loop_;
  Counters counters_;
  Upstreams upstreams_{loop_, counters_};
  Waiter waiter_{loop_};
  BalanceState balance_;
  shared::UniqueFd listener_;
  shared::Endpoint there_;
  shared::Endpoint nobody_;
};

TEST_F(ConnectorTest, ReachesAServer) {
  const std::vector<shared::Endpoint> addresses{there_};
  Connector connector(upstreams_, waiter_, balance_, {.server = kServer, .addresses = addresses});
  EXPECT_EQ(connector.take_idle(), nullptr);
  ASSERT_EQ(run(connector), Connector::State::connected);
  const auto connection = connector.take();
  ASSERT_NE(connection, nullptr);
  EXPECT_EQ(connection->endpoint(), there_);
}

TEST_F(ConnectorTest, OneAddressOfSeveralIsEnough) {
  const std::vector<shared::Endpoint> addresses{nobody_, there_};
  for (int i = 0; i < 8; ++i) {
    Connector connector(upstreams_, waiter_, balance_, {.server = kServer, .addresses = addresses});
    ASSERT_EQ(run(connector), Connector::State::connected);
    EXPECT_EQ(connector.take()->endpoint(), there_);
  }
  EXPECT_TRUE(upstreams_.shunned(nobody_)) << "others go first for a while";
}

TEST_F(ConnectorTest, NoneThatAnswersIsToldAsRefused) {
  const std::vector<shared::Endpoint> addresses{nobody_, nobody_};
  Connector connector(upstreams_, waiter_, balance_, {.server = kServer, .addresses = addresses});
  ASSERT_EQ(run(connector), Connector::State::failed);
  EXPECT_EQ(connector.error().kind, ErrorKind::connect_refused);
  EXPECT_EQ(connector.error().side, Side::upstream);
}

TEST_F(ConnectorTest, WhatTakesTooLongIsToldAsThat) {
  const std::vector<shared::Endpoint> addresses{there_};
  Connector connector(upstreams_, waiter_, balance_, {.server = kServer, .addresses = addresses});
  connector.connect(shared::milliseconds(-1));
  EXPECT_LT(connector.deadline(), loop_.now());
  connector.step(Wake::deadline);  // before any event of the loop
  EXPECT_EQ(connector.state(), Connector::State::failed);
  EXPECT_EQ(connector.error().kind, ErrorKind::connect_timeout);
}

// A server that speaks TLS, in the same loop; it signs itself, and that is whom the client trusts.
class ConnectorTls : public ConnectorTest {
 protected:
  void SetUp() override {
    ConnectorTest::SetUp();
    server_ = *shared::TlsServer::make(
        {.hosts = {{.certified = own_, .names = {"web.internal"}, .file = {}}}, .alpn = {"http/1.1"}}, tickets_);
    trust(*own_);
  }
  void trust(const shared::load::CertifiedKey& whom) {
    const std::unique_ptr<BIO, int (*)(BIO*)> out(BIO_new(BIO_s_mem()), BIO_free);
    PEM_write_bio_X509(out.get(), whom.chain.front().get());
    const char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    auto client = std::make_shared<shared::ClientTls>();
    client->verify = true;
    client->authorities = std::make_shared<const std::string>(text, static_cast<std::size_t>(size));
    tls_.client = client;
  }
  [[nodiscard]] UpstreamWay way(std::string_view name = "web.internal") const {
    return {.server = kServer, .addresses = addresses_, .tls = &tls_, .name = name, .alpn = shared::kAlpnHttp1};
  }
  // One turn of the server's end.
  void serve() {
    if (far_ == nullptr) {
      const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      accepted_ = fd;
      if (greeting_ > 0) return;
      open();
    }
    if (far_->progress() == Progress::ready && !said_) {
      const iovec part{.iov_base = const_cast<char*>("x"), .iov_len = 1};
      said_ = far_->send(std::span(&part, 1)).status == IoStatus::ok;  // behind the tickets
    }
  }
  void open() {
    far_ = std::make_unique<Stream>(loop_, accepted_, Stream::Begin::connected,
                                    std::make_unique<TlsLayer>(server_->accept()));
  }
  Connector::State run_tls(Connector& connector) {
    for (int i = 0; i < 3000 && connector.state() == Connector::State::connecting; ++i) {
      serve();
      connector.step(Wake::event);
      loop_.poll();
      ::usleep(1000);
    }
    return connector.state();
  }
  // Until the one octet, and the tickets before it, are here.
  void hear(UpstreamConnection& connection) {
    char octet = 0;
    for (int i = 0; i < 3000 && octet == 0; ++i) {
      serve();
      loop_.poll();
      if (connection.stream().receive(std::span(&octet, 1)).status == IoStatus::again) ::usleep(1000);
    }
    ASSERT_EQ(octet, 'x');
  }
  [[nodiscard]] std::uint64_t failed(shared::TlsFailure why) const {
    return counters_.upstream_handshakes_failed[static_cast<std::size_t>(why)].read();
  }

  std::shared_ptr<const shared::load::CertifiedKey> own_ = ::test::made_certificate({"web.internal"});
  shared::TicketKeys tickets_;
  std::shared_ptr<const shared::TlsServer> server_;
  PoolTls tls_;
  std::vector<shared::Endpoint> addresses_;
  int accepted_ = -1;
  int greeting_ = 0;  // octets that are read before TLS
  std::unique_ptr<Stream> far_;
  bool said_ = false;
};

TEST_F(ConnectorTls, ShakesHandsAndTellsWhatWasAgreedOn) {
  addresses_ = {there_};
  Connector connector(upstreams_, waiter_, balance_, way());
  connector.connect(shared::seconds(20));
  ASSERT_EQ(run_tls(connector), Connector::State::connected) << connector.error().detail;
  const auto connection = connector.take();
  EXPECT_EQ(connection->alpn(), "http/1.1");
  EXPECT_EQ(connection->stream().tls()->facts().version, "TLSv1.3");
  EXPECT_EQ(counters_.upstream_handshakes[1][0].read(), 1U);
}

TEST_F(ConnectorTls, TheNextHandshakeResumesTheSession) {
  addresses_ = {there_};
  {
    Connector first(upstreams_, waiter_, balance_, way());
    first.connect(shared::seconds(20));
    ASSERT_EQ(run_tls(first), Connector::State::connected) << first.error().detail;
    const auto connection = first.take();
    hear(*connection);
    connection->stream().abort();
  }
  far_.reset();
  said_ = false;
  Connector second(upstreams_, waiter_, balance_, way());
  second.connect(shared::seconds(20));
  ASSERT_EQ(run_tls(second), Connector::State::connected) << second.error().detail;
  EXPECT_TRUE(second.take()->stream().tls()->facts().resumed);
  EXPECT_EQ(counters_.upstream_handshakes[1][1].read(), 1U);
}

TEST_F(ConnectorTls, AnotherNameIsRefusedAndHeldAgainstTheServer) {
  addresses_ = {there_};
  Connector connector(upstreams_, waiter_, balance_, way("other.internal"));
  connector.connect(shared::seconds(20));
  ASSERT_EQ(run_tls(connector), Connector::State::failed);
  EXPECT_EQ(connector.error().kind, ErrorKind::tls_failed);
  EXPECT_EQ(connector.error().side, Side::upstream);
  EXPECT_EQ(connector.error().detail, "hostname mismatch");
  EXPECT_EQ(failed(shared::TlsFailure::certificate), 1U);
}

TEST_F(ConnectorTls, ANameOfTheClientsChoiceSaysNothingOfTheServer) {
  addresses_ = {there_};
  tls_.asks_for_requests_host = true;
  Connector connector(upstreams_, waiter_, balance_, way("other.internal"));
  connector.connect(shared::seconds(20));
  ASSERT_EQ(run_tls(connector), Connector::State::failed);
  EXPECT_EQ(connector.error().kind, ErrorKind::tls_failed);
  EXPECT_EQ(connector.error().side, Side::client);
}

TEST_F(ConnectorTls, WhomNobodyTrustsIsRefused) {
  trust(*::test::made_certificate({"web.internal"}));
  addresses_ = {there_};
  Connector connector(upstreams_, waiter_, balance_, way());
  connector.connect(shared::seconds(20));
  ASSERT_EQ(run_tls(connector), Connector::State::failed);
  EXPECT_EQ(connector.error().kind, ErrorKind::tls_failed);
  EXPECT_EQ(connector.error().detail, "self-signed certificate");
}

TEST_F(ConnectorTls, TheDeadlineIsForTheHandshakeToo) {
  addresses_ = {there_};
  Connector connector(upstreams_, waiter_, balance_, way());
  connector.connect(shared::milliseconds(-1));
  for (int i = 0; i < 100; ++i) {
    connector.step(Wake::event);
    loop_.poll();
  }
  ASSERT_EQ(connector.state(), Connector::State::connecting) << "it is connected, and nobody answers";
  connector.step(Wake::deadline);
  ASSERT_EQ(connector.state(), Connector::State::failed);
  EXPECT_EQ(connector.error().kind, ErrorKind::connect_timeout);
  EXPECT_EQ(connector.error().detail, "TLS handshake took too long");
  EXPECT_EQ(failed(shared::TlsFailure::timeout), 1U);
}

TEST_F(ConnectorTls, TheGreetingGoesBeforeTheHandshake) {
  addresses_ = {there_};
  greeting_ = 5;
  Connector connector(upstreams_, waiter_, balance_, way());
  connector.connect(shared::seconds(20), "hello");
  std::string said(5, ' ');
  for (int i = 0; i < 3000 && said != "hello"; ++i) {
    connector.step(Wake::event);
    loop_.poll();
    if (accepted_ < 0) serve();
    if (accepted_ >= 0 && ::recv(accepted_, said.data(), said.size(), MSG_DONTWAIT) > 0) break;
    ::usleep(1000);
  }
  ASSERT_EQ(said, "hello");
  open();
  EXPECT_EQ(run_tls(connector), Connector::State::connected) << connector.error().detail;
}

TEST_F(ConnectorTls, AKeptConnectionIsForTheSameTlsAndName) {
  addresses_ = {there_};
  Connector connector(upstreams_, waiter_, balance_, way());
  connector.connect(shared::seconds(20));
  ASSERT_EQ(run_tls(connector), Connector::State::connected) << connector.error().detail;
  auto made = connector.take();
  hear(*made);
  upstreams_.give_back(std::move(made), {});
  const auto taken = [&](const UpstreamWay& where) {
    return Connector(upstreams_, waiter_, balance_, where).take_idle() != nullptr;
  };
  EXPECT_FALSE(taken({.server = kServer, .addresses = addresses_})) << "plain";
  EXPECT_FALSE(taken(way("other.internal")));
  PoolTls other;
  other.client = std::make_shared<shared::ClientTls>(*tls_.client);
  UpstreamWay renewed = way();
  renewed.tls = &other;
  EXPECT_FALSE(taken(renewed)) << "its files have changed";
  EXPECT_TRUE(taken(way()));
}

}  // namespace
}  // namespace edge::test::connector_test

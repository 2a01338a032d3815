#include "edge/serve/upstream/tls_clients.h"

#include <gtest/gtest.h>

#include "tests/support/made_certificate.h"

namespace edge::test::tls_clients_test {
namespace {

PoolTls tls_with(const std::string& name) {
  auto client = std::make_shared<shared::ClientTls>();
  client->server_name = name;
  PoolTls tls;
  tls.client = std::move(client);
  return tls;
}

TEST(TlsName, IsTheConfiguredOneTheRequestsOrTheServersOwn) {
  const Server server{.name = "web.internal:443", .host = "web.internal", .port = 443};
  EXPECT_EQ(tls_name(tls_with("fixed.example"), server, "www.example"), "fixed.example");
  EXPECT_EQ(tls_name(tls_with(""), server, "www.example"), "web.internal");
  PoolTls asks = tls_with("");
  asks.asks_for_requests_host = true;
  EXPECT_EQ(tls_name(asks, server, "www.example"), "www.example");
  EXPECT_EQ(tls_name(asks, server, ""), "web.internal") << "HTTP/1.0 without Host, or no TLS to us";
}

TEST(TlsClients, WhatCannotBeShownGivesNoLayer) {
  auto broken = std::make_shared<shared::load::CertifiedKey>(*::test::made_certificate({"a.example"}));
  broken->key = ::test::made_certificate({"b.example"})->key;  // of another certificate
  auto client = std::make_shared<shared::ClientTls>();
  client->certified = broken;
  const std::shared_ptr<const shared::ClientTls> tls = client;
  TlsClients clients;
  const shared::Endpoint endpoint = *shared::Endpoint::parse("127.0.0.1:443");
  EXPECT_EQ(clients.layer({.tls = tls, .endpoint = endpoint, .name = {}, .alpn = {}, .prologue = {}}), nullptr);
  const std::shared_ptr<const shared::ClientTls> good = std::make_shared<shared::ClientTls>();
  EXPECT_NE(clients.layer({.tls = good, .endpoint = endpoint, .name = "a.example", .alpn = {}, .prologue = {}}),
            nullptr);
}

}  // namespace
}  // namespace edge::test::tls_clients_test

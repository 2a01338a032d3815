#include "shared/load/client_tls.h"

#include <cstdio>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <unistd.h>

#include "tests/shared/load/helpers.h"
#include "tests/support/made_certificate.h"

namespace shared::load::client_tls_test {
namespace {

using ::testing::HasSubstr;

std::string problems(std::string_view text) { return testing::problems_of(nested(client_tls_table()), text); }

ClientTlsConfig config_of(std::string_view text) {
  return testing::value_of(nested(client_tls_table()), text).value_or(ClientTlsConfig{});
}

class ClientTlsFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) / ("client_tls." + std::to_string(getpid()));
    std::filesystem::create_directory(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Certificate and key in one file.
  std::filesystem::path written(const std::string& name) const {
    const auto made = ::test::made_certificate({name});
    const std::filesystem::path path = folder_ / (name + ".pem");
    std::FILE* const file = std::fopen(path.c_str(), "w");
    PEM_write_X509(file, made->chain.front().get());
    PEM_write_PrivateKey(file, made->key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    std::filesystem::permissions(path, std::filesystem::perms::owner_read);
    return path;
  }
  ClientTls read(const ClientTlsConfig& config) {
    return read_client_tls(config, std::chrono::system_clock::now(), told_);
  }

  std::filesystem::path folder_;
  Diagnostics told_;
};

TEST(ClientTlsTable, VerifiesUnlessItIsTold) {
  EXPECT_TRUE(config_of("{}").verify);
  EXPECT_EQ(problems("{}"), "");
  EXPECT_FALSE(config_of("{verify: false}").verify);
  EXPECT_THAT(problems("{verify: false}"), HasSubstr("whoever is in the way"));
}

TEST(ClientTlsTable, TakesNamesAddressesAndTheRequestsHost) {
  EXPECT_EQ(config_of("{server_name: WWW.Shop.example}").server_name, "www.shop.example");
  EXPECT_EQ(config_of("{server_name: \"2001:db8::1\"}").server_name, "2001:db8::1");
  EXPECT_EQ(config_of("{server_name: \"{host}\"}").server_name, kRequestsHost);
  EXPECT_THAT(problems("{server_name: \"{path}\"}"), HasSubstr("neither a host name nor `{host}`"));
  EXPECT_THAT(problems("{server_name: \"\"}"), HasSubstr("neither a host name"));
  EXPECT_THAT(problems("{server_name: [a]}"), HasSubstr("neither a host name"));
}

TEST(ClientTlsTable, RefusesWhatHasNoEffect) {
  EXPECT_THAT(problems("{verify: false, ca: a.pem}"), HasSubstr("ca has no effect"));
  EXPECT_THAT(problems("{key: a.key}"), HasSubstr("key has no effect"));
  EXPECT_THAT(problems("{min_version: \"1.1\"}"), HasSubstr("min_version"));
  EXPECT_EQ(config_of("{min_version: \"1.3\"}").least, TlsVersion::v1_3);
}

TEST_F(ClientTlsFiles, AreReadOnce) {
  ClientTlsConfig config;
  config.ca = written("ca.example");
  config.certificate = written("me.example");
  EXPECT_EQ(files_of(config), (std::vector{config.ca, config.certificate}));
  const ClientTls tls = read(config);
  ASSERT_FALSE(told_.failed()) << told_.render();
  EXPECT_TRUE(tls.verify);
  EXPECT_THAT(*tls.authorities, HasSubstr("BEGIN CERTIFICATE"));
  ASSERT_NE(tls.certified, nullptr);
  EXPECT_EQ(tls.certified->subject, "CN=me.example");
}

TEST_F(ClientTlsFiles, ThatCannotBeUsedAreErrors) {
  ClientTlsConfig config;
  config.ca = folder_ / "nobody.pem";
  config.certificate = folder_ / "nothing.pem";
  static_cast<void>(read(config));
  EXPECT_THAT(told_.render(), HasSubstr("tls: ca: "));
  EXPECT_THAT(told_.render(), HasSubstr("nothing.pem"));
}

TEST_F(ClientTlsFiles, OfTheSameContentAreTheSame) {
  ClientTlsConfig config;
  config.certificate = written("me.example");
  const ClientTls one = read(config);
  EXPECT_EQ(one, read(config));
  std::filesystem::remove(config.certificate);
  static_cast<void>(written("me.example"));  // another key
  EXPECT_FALSE(one == read(config));
  ClientTls other = one;
  other.least = TlsVersion::v1_3;
  EXPECT_FALSE(one == other);
  other = one;
  other.authorities = std::make_shared<const std::string>("x");
  EXPECT_FALSE(one == other);
  other = one;
  other.server_name = "x";
  EXPECT_FALSE(one == other);
}

TEST(ClientTls, TheRequestsHostIsNoName) {
  Diagnostics told;
  ClientTlsConfig config;
  config.server_name = kRequestsHost;
  EXPECT_EQ(read_client_tls(config, {}, told).server_name, "");
}

}  // namespace
}  // namespace shared::load::client_tls_test

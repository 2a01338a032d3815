#include "shared/load/certified_key.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <unistd.h>

#include "tests/support/made_certificate.h"

namespace shared::load::certified_key_test {
namespace {

using std::chrono::hours;
using ::testing::HasSubstr;

class CertifiedKeys : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) / ("certified." + std::to_string(getpid()));
    std::filesystem::create_directory(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // The files of it, the key readable for its owner alone.
  CertifiedKeyFiles written(const CertifiedKey& made, const std::string& name) const {
    CertifiedKeyFiles files{
        .certificate = folder_ / (name + ".pem"), .key = folder_ / (name + ".key"), .ocsp = {}, .at = {}};
    std::FILE* file = std::fopen(files.certificate.c_str(), "w");
    for (const auto& one : made.chain) PEM_write_X509(file, one.get());
    std::fclose(file);
    file = std::fopen(files.key.c_str(), "w");
    PEM_write_PrivateKey(file, made.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    std::filesystem::permissions(files.key, std::filesystem::perms::owner_read);
    return files;
  }

  // A file with an answer about a certificate, good for so many seconds.
  std::filesystem::path answer_about(const CertifiedKey& subject, const CertifiedKey& signer, long seconds) const {
    OCSP_BASICRESP* const basic = OCSP_BASICRESP_new();
    OCSP_CERTID* const id = OCSP_cert_to_id(EVP_sha1(), subject.chain.front().get(), signer.chain.front().get());
    ASN1_TIME* const from = X509_gmtime_adj(nullptr, -7200);
    ASN1_TIME* const until = X509_gmtime_adj(nullptr, seconds);
    OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_GOOD, 0, nullptr, from, until);
    OCSP_basic_sign(basic, signer.chain.front().get(), signer.key.get(), EVP_sha256(), nullptr, 0);
    OCSP_RESPONSE* const response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    unsigned char* data = nullptr;
    const int size = i2d_OCSP_RESPONSE(response, &data);
    const auto file = folder_ / "ocsp.der";
    std::ofstream(file).write(reinterpret_cast<const char*>(data), size);
    OPENSSL_free(data);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return file;
  }

  std::filesystem::path folder_;
  Diagnostics told_;
  std::chrono::system_clock::time_point now_ = std::chrono::system_clock::now();
};

TEST_F(CertifiedKeys, SayForWhomAndForHowLong) {
  const auto made = ::test::made_certificate({"WWW.shop.example", "*.shop.example"});
  const auto read = read_certified_key(written(*made, "site"), now_ - hours(24 * 20), told_);
  ASSERT_NE(read, nullptr) << told_.render();
  EXPECT_EQ(read->names, (std::vector<std::string>{"www.shop.example", "*.shop.example"}));
  EXPECT_EQ(read->subject, "CN=WWW.shop.example");
  EXPECT_NEAR(static_cast<double>((read->not_after - now_) / hours(1)), 24, 1);
  EXPECT_THAT(told_.render(), HasSubstr("is not valid yet"));
}

TEST_F(CertifiedKeys, StapleWhatIsAboutThemAndGood) {
  const auto made = ::test::made_certificate({"a.example"});
  CertifiedKeyFiles files = written(*made, "site");
  files.ocsp = answer_about(*made, *made, 3600);
  auto read = read_certified_key(files, now_, told_);
  ASSERT_NE(read, nullptr) << told_.render();
  EXPECT_FALSE(read->ocsp.empty());
  EXPECT_NEAR(static_cast<double>((read->ocsp_until - now_) / std::chrono::seconds(1)), 3600, 60);

  files.ocsp = answer_about(*made, *made, -60);
  read = read_certified_key(files, now_, told_);
  ASSERT_NE(read, nullptr);
  EXPECT_TRUE(read->ocsp.empty());
  EXPECT_THAT(told_.render(), HasSubstr("has expired: it is not stapled"));

  const auto other = ::test::made_certificate({"b.example"});
  ASN1_INTEGER_set(X509_get_serialNumber(other->chain.front().get()), 77);
  files.ocsp = answer_about(*other, *made, 3600);
  read = read_certified_key(files, now_, told_);
  ASSERT_NE(read, nullptr);
  EXPECT_TRUE(read->ocsp.empty());
  EXPECT_THAT(told_.render(), HasSubstr("is about another certificate: it is not stapled"));

  std::ofstream(files.ocsp) << "no DER";
  EXPECT_EQ(read_certified_key(files, now_, told_), nullptr);
}

TEST_F(CertifiedKeys, TellDaysLeftAndDaysGone) {
  const CertifiedKeyFiles files = written(*::test::made_certificate({"a.example"}), "site");
  ASSERT_NE(read_certified_key(files, now_ + hours(1), told_), nullptr);
  EXPECT_THAT(told_.render(), HasSubstr("expires: 0 days left"));
  ASSERT_NE(read_certified_key(files, now_ + hours(24 * 4 + 1), told_), nullptr) << "the other hosts must not suffer";
  EXPECT_THAT(told_.render(), HasSubstr("expired 3 days ago"));
  EXPECT_FALSE(told_.failed());
}

TEST_F(CertifiedKeys, RefuseAKeyOfAnother) {
  CertifiedKeyFiles files = written(*::test::made_certificate({"a.example"}), "site");
  files.key = written(*::test::made_certificate({"b.example"}), "other").key;
  EXPECT_EQ(read_certified_key(files, now_, told_), nullptr);
  EXPECT_THAT(told_.render(), HasSubstr(files.key.string() + " does not fit the certificate in "));
}

TEST_F(CertifiedKeys, RefuseAChainOutOfOrder) {
  auto made = std::make_shared<CertifiedKey>(*::test::made_certificate({"a.example"}));
  made->chain.push_back(::test::made_certificate({"b.example"})->chain.front());
  EXPECT_EQ(read_certified_key(written(*made, "site"), now_, told_), nullptr);
  EXPECT_THAT(told_.render(), HasSubstr("out of order: behind CN=a.example comes CN=b.example"));
}

TEST_F(CertifiedKeys, NeverSayWhatIsInTheKey) {
  const CertifiedKeyFiles files = written(*::test::made_certificate({"a.example"}), "site");
  std::filesystem::permissions(files.key, std::filesystem::perms::owner_all);
  std::ofstream(files.key) << "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
  EXPECT_EQ(read_certified_key(files, now_, told_), nullptr);
  EXPECT_THAT(told_.render(), HasSubstr("holds no private key"));
  EXPECT_THAT(told_.render(), ::testing::Not(HasSubstr("c2VjcmV0")));
}

}  // namespace
}  // namespace shared::load::certified_key_test

#include "shared/load/certificates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace shared::load::certificates_test {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

const std::string kCertificate = R"(-----BEGIN CERTIFICATE-----
MIIBjjCCATWgAwIBAgIUGFM8jn2A6i83LqfOhRoCphNUu9QwCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRYXV0aG9yaXR5LmV4YW1wbGUwIBcNMjYxMTIyMjExMjQyWhgP
MjEyNjEwMjkyMTEyNDJaMBwxGjAYBgNVBAMMEWF1dGhvcml0eS5leGFtcGxlMFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2fkFGA+2D95mizmlTjnKsOzEplpzcxQ1
Vq7Cmx0JLq7soYxgggQP5jTi2pp3zzVUqQnPE3xFkNdae1GRTjUlt6NTMFEwHQYD
VR0OBBYEFBgfzy/aLecVd170/Yw77aNRYgNfMB8GA1UdIwQYMBaAFBgfzy/aLecV
d170/Yw77aNRYgNfMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIg
fRrZ5z3959h0xpYkOHlSiRsUgLTiK+lnXH922aEpUXECIH6Kn8lq8K7y1rjO8Zs7
OdgXDlNq+DDfA0uOAXY8Nwg+
-----END CERTIFICATE-----
)";

class Certificates : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::path(::testing::TempDir()) / ("certificates." + std::to_string(getpid()) + ".pem");
  }
  void TearDown() override { std::filesystem::remove(path_); }

  [[nodiscard]] Result<std::string> read(const std::string& text) const {
    std::ofstream(path_) << text;
    return read_certificates(path_);
  }

  std::filesystem::path path_;
};

TEST_F(Certificates, OneOrSeveralWithWordsBetweenThem) {
  EXPECT_EQ(read(kCertificate), kCertificate);
  const std::string two = "# ours\n" + kCertificate + "\n# theirs\n" + kCertificate;
  EXPECT_EQ(read(two), two);
}

TEST_F(Certificates, WhatIsNoneIsSaidWithTheFile) {
  for (const char* none : {"", "words\n", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}) {
    const auto got = read(none);
    ASSERT_FALSE(got) << none;
    EXPECT_THAT(got.error().message, HasSubstr(path_.string() + " holds no certificate"));
  }
}

TEST_F(Certificates, OneBrokenIsAnErrorForAll) {
  std::string broken = kCertificate;
  broken.replace(broken.find('\n') + 1, 8, "AAAAAAAA");
  for (const std::string& text : {broken, kCertificate + broken, kCertificate.substr(0, 200)}) {
    const auto got = read(text);
    ASSERT_FALSE(got) << text;
    EXPECT_THAT(got.error().message, EndsWith("holds a broken certificate"));
  }
}

TEST_F(Certificates, WhatCannotBeRead) {
  EXPECT_THAT(read_certificates("/nonexistent.pem").error().message, EndsWith("No such file or directory"));
  EXPECT_THAT(read_certificates("/tmp").error().message, EndsWith("not a regular file"));
}

}  // namespace
}  // namespace shared::load::certificates_test

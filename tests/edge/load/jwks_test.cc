#include "edge/load/jwks.h"

#include <gtest/gtest.h>

#include <string>

namespace edge::jwks_test {
namespace {

// RFC 8037, appendix A.1 and A.4; RFC 7515, appendix A.3.
constexpr std::string_view kEd25519 =
    R"({"kty":"OKP","crv":"Ed25519","kid":"ed","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})";
constexpr std::string_view kEdSigned = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
constexpr std::string_view kEdSignature =
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
constexpr std::string_view kP256 =
    R"({"kty":"EC","crv":"P-256","kid":"ec","use":"sig","alg":"ES256","x":)"
    R"("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})";
constexpr std::string_view kEcSigned =
    "eyJhbGciOiJFUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
constexpr std::string_view kEcSignature =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
// RFC 7515, appendix A.2.
constexpr std::string_view kRsa =
    R"({"kty":"RSA","kid":"rsa","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw)"
    R"(-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSX)"
    R"(ndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvU)"
    R"(K-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"})";
constexpr std::string_view kRsaSigned =
    "eyJhbGciOiJSUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
constexpr std::string_view kRsaSignature =
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1"
    "dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDw"
    "usC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_"
    "IoypGlUPQGe77Rw";

std::vector<JwtKey> keys(std::string_view jwk, shared::load::Diagnostics& diagnostics) {
  return parse_jwks("{\"keys\":[" + std::string(jwk) + "]}", "keys.json", {}, diagnostics);
}

void expect_verifies(std::string_view jwk, std::string_view octets, std::string_view encoded) {
  shared::load::Diagnostics diagnostics;
  const auto read = keys(jwk, diagnostics);
  EXPECT_EQ(diagnostics.render(), "");
  ASSERT_EQ(read.size(), 1U);
  std::string signature;
  ASSERT_TRUE(decode_base64url(encoded, signature));
  EXPECT_TRUE(read[0].verify(octets, signature));
  EXPECT_FALSE(read[0].verify(std::string(octets) + "x", signature));
  std::string other = signature;
  other[5] = static_cast<char>(other[5] ^ 1);
  EXPECT_FALSE(read[0].verify(octets, other));
  EXPECT_FALSE(read[0].verify(octets, {}));
  EXPECT_FALSE(read[0].verify(octets, signature + "x"));
  EXPECT_FALSE(read[0].verify(octets, std::string(signature.size(), '\0'))) << "CVE-2022-21449";
}

TEST(Jwks, VerifiesTheExamplesOfTheRfcs) {
  expect_verifies(kEd25519, kEdSigned, kEdSignature);
  expect_verifies(kP256, kEcSigned, kEcSignature);
  expect_verifies(kRsa, kRsaSigned, kRsaSignature);
}

TEST(Jwks, PassesOverKeysOfOtherKinds) {
  for (const char* jwk :
       {R"({"kty":"oct","kid":"shared","k":"c2VjcmV0"})", R"({"kty":"EC","crv":"P-384","x":"AA","y":"AA"})",
        R"({"kty":"RSA","n":"AQAB","e":"AQAB"})", R"({"kty":"EC","crv":"P-256","x":"AA","y":"AA"})", R"({"kty":"OKP"})",
        R"(7)", R"({"kty":"OKP","crv":"Ed25519","use":"enc","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})",
        R"({"kty":"OKP","crv":"Ed25519","alg":"RS256","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})"}) {
    shared::load::Diagnostics diagnostics;
    EXPECT_TRUE(keys(jwk, diagnostics).empty()) << jwk;
    EXPECT_TRUE(diagnostics.failed()) << "a policy without a key lets nobody in";
  }
  shared::load::Diagnostics diagnostics;
  EXPECT_EQ(keys(std::string(kEd25519) + R"(,{"kty":"oct","kid":"shared","k":"c2VjcmV0"})", diagnostics).size(), 1U);
  EXPECT_FALSE(diagnostics.failed());
  EXPECT_NE(diagnostics.render().find("'shared' is not used"), std::string::npos);
}

TEST(Jwks, SaysWhatIsNoKeySet) {
  for (const char* text : {"", "[]", "{}", R"({"keys":{}})"}) {
    shared::load::Diagnostics diagnostics;
    EXPECT_TRUE(parse_jwks(text, "keys.json", {}, diagnostics).empty());
    EXPECT_NE(diagnostics.render().find("keys.json is no key set"), std::string::npos) << text;
  }
  shared::load::Diagnostics diagnostics;
  EXPECT_TRUE(read_jwks("/nonexistent/keys.json", {}, diagnostics).empty());
  EXPECT_TRUE(diagnostics.failed());
}

}  // namespace
}  // namespace edge::jwks_test

#include "edge/load/jwks.h"

#include <memory>
#include <optional>
#include <utility>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <boost/json.hpp>

#include "shared/load/file.h"

namespace edge {
namespace {

namespace json = boost::json;
using shared::load::Diagnostics;
using shared::load::Position;

constexpr std::size_t kMaxFile = 1024 * 1024;  // octets
constexpr std::size_t kMaxKeys = 32;           // each is tried for a token that names none
constexpr int kLeastRsaBits = 2048;
constexpr std::size_t kEcOctets = 32;       // of a coordinate, and of each half of a signature, on P-256
constexpr std::size_t kEd25519Octets = 32;  // of a key

using Key = std::shared_ptr<EVP_PKEY>;

std::string_view text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->as_string()) : std::string_view();
}

std::string octets_of(const json::object& object, std::string_view name) {
  std::string octets;
  if (!decode_base64url(text_of(object, name), octets)) octets.clear();
  return octets;
}

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

Key from_params(const char* type, OSSL_PARAM_BLD* builder) {
  EVP_PKEY* made = nullptr;
  OSSL_PARAM* params = OSSL_PARAM_BLD_to_param(builder);
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr);
  const bool good = params != nullptr && context != nullptr && EVP_PKEY_fromdata_init(context) == 1 &&
                    EVP_PKEY_fromdata(context, &made, EVP_PKEY_PUBLIC_KEY, params) == 1;
  EVP_PKEY_CTX_free(context);
  OSSL_PARAM_free(params);
  return good ? Key(made, EVP_PKEY_free) : nullptr;
}

Key rsa_key(const json::object& jwk) {
  const std::string n = octets_of(jwk, "n");
  const std::string e = octets_of(jwk, "e");
  if (n.empty() || e.empty()) return nullptr;
  const std::unique_ptr<BIGNUM, void (*)(BIGNUM*)> modulus(BN_bin2bn(bytes(n), int(n.size()), nullptr), BN_free);
  const std::unique_ptr<BIGNUM, void (*)(BIGNUM*)> exponent(BN_bin2bn(bytes(e), int(e.size()), nullptr), BN_free);
  const std::unique_ptr<OSSL_PARAM_BLD, void (*)(OSSL_PARAM_BLD*)> builder(OSSL_PARAM_BLD_new(), OSSL_PARAM_BLD_free);
  if (OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1) {
    return nullptr;
  }
  Key key = from_params("RSA", builder.get());
  return key != nullptr && EVP_PKEY_get_bits(key.get()) >= kLeastRsaBits ? key : nullptr;
}

Key ec_key(const json::object& jwk) {
  const std::string x = octets_of(jwk, "x");
  const std::string y = octets_of(jwk, "y");
  if (x.size() != kEcOctets || y.size() != kEcOctets) return nullptr;
  const std::string point = "\x04" + x + y;  // uncompressed (SEC 1, 2.3.3)
  const std::unique_ptr<OSSL_PARAM_BLD, void (*)(OSSL_PARAM_BLD*)> builder(OSSL_PARAM_BLD_new(), OSSL_PARAM_BLD_free);
  if (OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1) {
    return nullptr;
  }
  return from_params("EC", builder.get());
}

Key ed25519_key(const json::object& jwk) {
  const std::string x = octets_of(jwk, "x");
  if (x.size() != kEd25519Octets) return nullptr;
  return {EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes(x), x.size()), EVP_PKEY_free};
}

bool verify(const Key& key, const EVP_MD* digest, std::string_view octets, std::string_view signature) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const bool good = context != nullptr && EVP_DigestVerifyInit(context, nullptr, digest, nullptr, key.get()) == 1 &&
                    EVP_DigestVerify(context, bytes(signature), signature.size(), bytes(octets), octets.size()) == 1;
  EVP_MD_CTX_free(context);
  return good;
}

// The two numbers side by side (RFC 7518 3.4), which OpenSSL wants in DER.
bool verify_es256(const Key& key, std::string_view octets, std::string_view signature) {
  if (signature.size() != 2 * kEcOctets) return false;
  ECDSA_SIG* numbers = ECDSA_SIG_new();
  BIGNUM* r = BN_bin2bn(bytes(signature), kEcOctets, nullptr);
  BIGNUM* s = BN_bin2bn(bytes(signature.substr(kEcOctets)), kEcOctets, nullptr);
  if (numbers == nullptr || ECDSA_SIG_set0(numbers, r, s) != 1) {
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(numbers);
    return false;
  }
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(numbers, &der);
  ECDSA_SIG_free(numbers);
  const bool good =
      size > 0 && verify(key, EVP_sha256(), octets, {reinterpret_cast<const char*>(der), std::size_t(size)});
  OPENSSL_free(der);
  return good;
}

// Nothing: a key of another kind, or none that can be used.
std::optional<JwtKey> key_of(const json::object& jwk) {
  const std::string_view type = text_of(jwk, "kty");
  const std::string_view curve = text_of(jwk, "crv");
  JwtKey made;
  made.id = text_of(jwk, "kid");
  Key key;
  if (type == "RSA") {
    made.algorithm = JwtAlgorithm::rs256;
    key = rsa_key(jwk);
  } else if (type == "EC" && curve == "P-256") {
    key = ec_key(jwk);
  } else if (type == "OKP" && curve == "Ed25519") {
    made.algorithm = JwtAlgorithm::eddsa;
    key = ed25519_key(jwk);
  }
  const std::string_view algorithm = text_of(jwk, "alg");
  const std::string_view use = text_of(jwk, "use");
  if (key == nullptr || (!algorithm.empty() && algorithm != name_of(made.algorithm))) return std::nullopt;
  if (!use.empty() && use != "sig") return std::nullopt;
  switch (made.algorithm) {
    case JwtAlgorithm::rs256:
      made.verify = [key](auto octets, auto signature) { return verify(key, EVP_sha256(), octets, signature); };
      break;
    case JwtAlgorithm::es256:
      made.verify = [key](auto octets, auto signature) { return verify_es256(key, octets, signature); };
      break;
    case JwtAlgorithm::eddsa:
      made.verify = [key](auto octets, auto signature) { return verify(key, nullptr, octets, signature); };
      break;
  }
  return made;
}

}  // namespace

std::vector<JwtKey> parse_jwks(std::string_view text, const std::string& name, const Position& at,
                               Diagnostics& diagnostics) {
  boost::system::error_code error;
  const json::value document = json::parse(text, error);
  const json::object* object = error ? nullptr : document.if_object();
  const json::value* keys = object != nullptr ? object->if_contains("keys") : nullptr;
  if (keys == nullptr || !keys->is_array()) {
    diagnostics.error(at, name + R"( is no key set: {"keys": [...]} is wanted (RFC 7517))");
    return {};
  }
  std::vector<JwtKey> read;
  for (const json::value& element : keys->as_array()) {
    auto key = element.is_object() ? key_of(element.as_object()) : std::nullopt;
    if (key && read.size() < kMaxKeys) {
      read.push_back(std::move(*key));
    } else {
      const std::string_view id = element.is_object() ? text_of(element.as_object(), "kid") : std::string_view();
      diagnostics.warning(at, name + ": the key '" + std::string(id) +
                                  "' is not used: RSA of at least 2048 bits, P-256 and Ed25519 for signatures are, 32 "
                                  "of them at most");
    }
  }
  if (read.empty()) diagnostics.error(at, name + " has no key for RS256, ES256 or EdDSA");
  return read;
}

std::vector<JwtKey> read_jwks(const std::filesystem::path& path, const Position& at, Diagnostics& diagnostics) {
  const auto text = shared::load::read_file(path, {.largest = kMaxFile});
  if (!text) {
    diagnostics.error(at, "cannot read the key set " + path.string() + ": " + text.error().message);
    return {};
  }
  if (shared::load::is_writable_by_all(path)) {
    diagnostics.warning(at, "everybody can change the keys in " + path.string() + ": chmod o-w");
  }
  return parse_jwks(*text, path.string(), at, diagnostics);
}

}  // namespace edge

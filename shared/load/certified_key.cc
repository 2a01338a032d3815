#include "shared/load/certified_key.h"

#include <algorithm>
#include <ctime>
#include <span>

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "shared/load/file.h"

namespace shared::load {
namespace {

using std::chrono::system_clock;
using Days = std::chrono::duration<std::int64_t, std::ratio<86400>>;

constexpr std::size_t kMaxFile = 1024 * 1024;  // octets
constexpr Days kSoon{14};                      // left: a renewal that works would have come by now
constexpr int kLeastSecurityBits = 112;        // RSA of 2048 bits

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
  void operator()(OCSP_RESPONSE* response) const { OCSP_RESPONSE_free(response); }
  void operator()(OCSP_BASICRESP* response) const { OCSP_BASICRESP_free(response); }
  void operator()(AUTHORITY_INFO_ACCESS* access) const { AUTHORITY_INFO_ACCESS_free(access); }
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
  void operator()(X509_STORE_CTX* context) const { X509_STORE_CTX_free(context); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

// Nobody is asked for a pass phrase: a server starts alone.
int no_pass_phrase(char* /*buffer*/, int /*size*/, int /*writes*/, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

Owned<BIO> bio_of(const std::string& text) {
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

system_clock::time_point time_of(const ASN1_TIME* time) {
  std::tm parts{};
  ASN1_TIME_to_tm(time, &parts);
  return system_clock::from_time_t(::timegm(&parts));
}

std::string text_of(const X509_NAME* name) {
  const Owned<BIO> out(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
  const char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<std::size_t>(std::max(size, 0L))};
}

std::string subject_of(const X509* certificate) { return text_of(X509_get_subject_name(certificate)); }

std::vector<std::string> names_of(const X509* certificate) {
  std::vector<std::string> names;
  const Owned<GENERAL_NAMES> list(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; list && i < sk_GENERAL_NAME_num(list.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(list.get(), i);
    if (name->type != GEN_DNS) continue;
    const auto* const data = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
    std::string text(data, static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
    std::ranges::transform(text, text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    names.push_back(std::move(text));
  }
  return names;
}

// A public authority says where its certificate can be fetched, and clients do not do that.
bool says_where_its_issuer_is(const X509* certificate) {
  const Owned<AUTHORITY_INFO_ACCESS> access(
      static_cast<AUTHORITY_INFO_ACCESS*>(X509_get_ext_d2i(certificate, NID_info_access, nullptr, nullptr)));
  for (int i = 0; access && i < sk_ACCESS_DESCRIPTION_num(access.get()); ++i) {
    if (OBJ_obj2nid(sk_ACCESS_DESCRIPTION_value(access.get(), i)->method) == NID_ad_ca_issuers) return true;
  }
  return false;
}

bool system_knows_issuer(X509* certificate) {
  const Owned<X509_STORE> store(X509_STORE_new());
  const Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
  X509_STORE_set_default_paths(store.get());
  if (X509_STORE_CTX_init(context.get(), store.get(), certificate, nullptr) != 1) return true;
  X509* issuer = nullptr;
  const bool known = X509_STORE_CTX_get1_issuer(&issuer, context.get(), certificate) == 1;
  const Owned<X509> keeper(issuer);
  ERR_clear_error();
  return known;
}

class Reading {
 public:
  Reading(const CertifiedKeyFiles& files, system_clock::time_point now, Diagnostics& diagnostics)
      : files_(files), now_(now), diagnostics_(diagnostics) {}

  std::shared_ptr<const CertifiedKey> read() {
    ERR_clear_error();
    const bool read = read_chain() && read_key() && read_ocsp();
    ERR_clear_error();
    if (!read) return nullptr;
    CertifiedKey& made = *made_;
    made.subject = subject_of(made.chain.front().get());
    made.names = names_of(made.chain.front().get());
    made.not_before = time_of(X509_get0_notBefore(made.chain.front().get()));
    made.not_after = time_of(X509_get0_notAfter(made.chain.front().get()));
    for (const auto& one : made.chain) {
      made.not_after = std::min(made.not_after, time_of(X509_get0_notAfter(one.get())));
    }
    if (!judge_order()) return nullptr;
    judge_times();
    judge_end();
    return std::move(made_);
  }

 private:
  bool fail(const std::string& message) {
    diagnostics_.error(files_.at, message);
    return false;
  }

  bool read_chain() {
    const std::string name = files_.certificate.string();
    const auto text = read_file(files_.certificate, {.largest = kMaxFile});
    if (!text) return fail("certificate: cannot read " + name + ": " + text.error().message);
    const Owned<BIO> bio = bio_of(*text);
    while (X509* const one = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
      made_->chain.emplace_back(one, Free());
    }
    const unsigned long error = ERR_peek_last_error();
    ERR_clear_error();
    if (ERR_GET_REASON(error) != PEM_R_NO_START_LINE) return fail("certificate: " + name + " holds a broken one");
    if (made_->chain.empty()) {
      return fail("certificate: " + name + " holds none; PEM is wanted (-----BEGIN CERTIFICATE-----)");
    }
    return true;
  }

  bool read_key() {
    const std::filesystem::path& file = files_.key.empty() ? files_.certificate : files_.key;
    const std::string name = file.string();
    auto text = read_file(file, {.largest = kMaxFile});
    if (!text) return fail("key: cannot read " + name + ": " + text.error().message);
    bool encrypted = false;
    made_->key.reset(PEM_read_bio_PrivateKey(bio_of(*text).get(), nullptr, no_pass_phrase, &encrypted), Free());
    OPENSSL_cleanse(text->data(), text->size());
    if (encrypted) return fail("key: " + name + " is encrypted; `openssl pkey -in FILE -out NEW` decrypts it");
    if (!made_->key) {
      return fail("key: " + name + " holds no private key; PEM is wanted (-----BEGIN PRIVATE KEY-----)");
    }
    if (X509_check_private_key(made_->chain.front().get(), made_->key.get()) != 1) {
      return fail("key: " + name + " does not fit the certificate in " + files_.certificate.string() +
                  ", whose first is " + subject_of(made_->chain.front().get()));
    }
    if (EVP_PKEY_get_security_bits(made_->key.get()) < kLeastSecurityBits) {
      return fail("key: " + name + " is too weak: RSA needs 2048 bits, ECDSA 224");
    }
    if (is_open_to_all(file)) {
      diagnostics_.warning(files_.at, "key: everybody can read or write " + name + ": chmod o-rw");
    }
    return true;
  }

  bool read_ocsp() {
    if (files_.ocsp.empty()) return true;
    const std::string name = files_.ocsp.string();
    auto text = read_file(files_.ocsp, {.largest = kMaxFile});
    if (!text) return fail("ocsp: cannot read " + name + ": " + text.error().message);
    const auto* data = reinterpret_cast<const unsigned char*>(text->data());
    const Owned<OCSP_RESPONSE> response(d2i_OCSP_RESPONSE(nullptr, &data, static_cast<long>(text->size())));
    if (!response || OCSP_response_status(response.get()) != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
      return fail("ocsp: " + name + " holds no successful OCSP response in DER; `openssl ocsp -respout` writes one");
    }
    if (judge_ocsp(*response, name)) made_->ocsp = std::move(*text);
    return true;
  }

  // An answer that clients would not believe is left out with a warning: without one they ask for themselves, and with
  // a wrong one they turn away (RFC 6066 8).
  bool judge_ocsp(OCSP_RESPONSE& response, const std::string& name) {
    const auto doubt = [&](const std::string& why) {
      diagnostics_.warning(files_.at, "ocsp: " + name + " " + why + ": it is not stapled");
      return false;
    };
    const Owned<OCSP_BASICRESP> basic(OCSP_response_get1_basic(&response));
    const ASN1_INTEGER* const own = X509_get0_serialNumber(made_->chain.front().get());
    for (int i = 0; basic && i < OCSP_resp_count(basic.get()); ++i) {
      OCSP_SINGLERESP* const single = OCSP_resp_get0(basic.get(), i);
      ASN1_INTEGER* serial = nullptr;
      OCSP_id_get0_info(nullptr, nullptr, nullptr, &serial, const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(single)));
      if (serial == nullptr || ASN1_INTEGER_cmp(serial, own) != 0) continue;
      ASN1_GENERALIZEDTIME* until = nullptr;
      OCSP_single_get0_status(single, nullptr, nullptr, nullptr, &until);
      if (until != nullptr) made_->ocsp_until = time_of(until);
      return made_->ocsp_until > now_ || doubt("has expired");
    }
    return doubt("is about another certificate");
  }

  // RFC 8446 4.4.2: each directly certifies the one before it. Clients forgive another order, some of them.
  bool judge_order() {
    for (std::size_t i = 0; i + 1 < made_->chain.size(); ++i) {
      X509* const one = made_->chain[i].get();
      if (X509_check_issued(made_->chain[i + 1].get(), one) == X509_V_OK) continue;
      return fail("certificate: " + files_.certificate.string() + " is out of order: behind " + subject_of(one) +
                  " comes " + subject_of(made_->chain[i + 1].get()) + ", not its issuer " +
                  text_of(X509_get_issuer_name(one)));
    }
    return true;
  }

  void judge_times() {
    const std::string what = "certificate: " + files_.certificate.string();
    const auto left = std::chrono::floor<Days>(made_->not_after - now_);
    if (now_ < made_->not_before) {
      const auto until = std::chrono::ceil<Days>(made_->not_before - now_).count();
      diagnostics_.warning(files_.at, what + " is not valid yet, only in " + std::to_string(until) + " days");
    } else if (made_->not_after <= now_) {
      diagnostics_.warning(files_.at, what + " expired " +
                                          std::to_string(std::chrono::floor<Days>(now_ - made_->not_after).count()) +
                                          " days ago: clients refuse it; renew it");
    } else if (left < kSoon) {
      diagnostics_.warning(files_.at, what + " expires: " + std::to_string(left.count()) + " days left; renew it");
    }
  }

  void judge_end() {
    X509* const last = made_->chain.back().get();
    if (X509_self_signed(last, 0) != 0 || !says_where_its_issuer_is(last) || system_knows_issuer(last)) return;
    diagnostics_.warning(files_.at, "certificate: " + files_.certificate.string() + " ends with " + subject_of(last) +
                                        ", whose issuer " + text_of(X509_get_issuer_name(last)) +
                                        " no client may know: append its certificate (`fullchain`)");
  }

  const CertifiedKeyFiles& files_;
  system_clock::time_point now_;
  Diagnostics& diagnostics_;
  std::shared_ptr<CertifiedKey> made_ = std::make_shared<CertifiedKey>();
};

}  // namespace

bool CertifiedKey::same_as(const CertifiedKey& other) const {
  return X509_cmp(chain.front().get(), other.chain.front().get()) == 0;
}

std::shared_ptr<const CertifiedKey> read_certified_key(const CertifiedKeyFiles& files, system_clock::time_point now,
                                                       Diagnostics& diagnostics) {
  return Reading(files, now, diagnostics).read();
}

}  // namespace shared::load

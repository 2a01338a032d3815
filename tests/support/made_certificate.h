#pragma once
// A key and a certificate for `names` that signs itself, made on the spot, for tests and fuzz targets that speak TLS
// without files.

#include <memory>
#include <string>
#include <vector>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "shared/load/certified_key.h"

namespace test {

inline std::shared_ptr<const shared::load::CertifiedKey> made_certificate(const std::vector<std::string>& names) {
  auto made = std::make_shared<shared::load::CertifiedKey>();
  made->key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), EVP_PKEY_free);
  const std::shared_ptr<X509> own(X509_new(), X509_free);
  X509_set_version(own.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(own.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(own.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(own.get()), 86400);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(own.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(names.front().c_str()), -1, -1, 0);
  X509_set_issuer_name(own.get(), X509_get_subject_name(own.get()));
  X509_set_pubkey(own.get(), made->key.get());
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "DNS:" : ",DNS:") + name;
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, list.c_str());
  X509_add_ext(own.get(), extension, -1);
  X509_EXTENSION_free(extension);
  X509_sign(own.get(), made->key.get(), EVP_sha256());
  made->chain.push_back(own);
  made->names = names;
  made->subject = "CN=" + names.front();
  return made;
}

}  // namespace test

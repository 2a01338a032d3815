#include "shared/serve/tls/tls_client.h"

#include <cstdlib>
#include <utility>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "shared/core/ip.h"
#include "shared/serve/tls/context.h"

namespace shared {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

void trust(SSL_CTX* context, const std::string& authorities) {
  const std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(authorities.data(), static_cast<int>(authorities.size())));
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  while (const std::unique_ptr<X509, Free> one{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    X509_STORE_add_cert(store, one.get());
  }
  ERR_clear_error();
}

bool show(SSL_CTX* context, const load::CertifiedKey& own) {
  bool taken = SSL_CTX_use_certificate(context, own.chain.front().get()) == 1 &&
               SSL_CTX_use_PrivateKey(context, own.key.get()) == 1;
  for (std::size_t i = 1; i < own.chain.size(); ++i) {
    taken = taken && SSL_CTX_add1_chain_cert(context, own.chain[i].get()) == 1;
  }
  ERR_clear_error();
  return taken;
}

}  // namespace

Result<SSL_CTX*> new_client_context(const ClientTls& tls) {
  std::unique_ptr<SSL_CTX, Free> context(new_tls_context(TLS_client_method()));
  if (context == nullptr) return fail("TLS: out of memory");
  if (tls.least == TlsVersion::v1_3) SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_verify(context.get(), tls.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (tls.verify && tls.authorities) trust(context.get(), *tls.authorities);
  if (tls.verify && !tls.authorities) SSL_CTX_set_default_verify_paths(context.get());
  ERR_clear_error();
  if (tls.certified && !show(context.get(), *tls.certified)) {
    return fail("certificate " + tls.certified->subject + ": OpenSSL does not take it");
  }
  return context.release();
}

Result<std::shared_ptr<TlsClient>> TlsClient::make(const ClientTls& settings) {
  const auto context = new_client_context(settings);
  if (!context) return tl::unexpected(context.error());
  return std::shared_ptr<TlsClient>(new TlsClient(*context, settings.verify));
}

TlsClient::~TlsClient() { SSL_CTX_free(context_); }

std::unique_ptr<TlsSession> TlsClient::connect(const TlsAsk& ask) {
  SSL* const ssl = SSL_new(context_);
  if (ssl == nullptr) std::abort();  // out of memory, as operator new does
  SSL_set_connect_state(ssl);
  std::string name(ask.name);
  const bool address = IpAddress::parse(name).has_value();
  if (!name.empty() && !address) {  // RFC 6066 section 3: names only
    SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
  }
  if (verifies_ && address) X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str());
  if (verifies_ && !address) SSL_set1_host(ssl, name.c_str());
  if (!ask.alpn.empty()) {
    SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(ask.alpn.data()),
                        static_cast<unsigned int>(ask.alpn.size()));
  }
  if (!ask.place.empty()) {
    sessions_.resume(ssl, std::string(ask.place) + ' ' + name + ' ' + std::string(ask.alpn));
  }
  return std::make_unique<TlsSession>(ssl, shared_from_this());
}

}  // namespace shared

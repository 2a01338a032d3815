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
};

void trust(SSL_CTX* context, const std::string& authorities) {
  const std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(authorities.data(), static_cast<int>(authorities.size())));
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  while (const std::unique_ptr<X509, Free> one{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    X509_STORE_add_cert(store, one.get());
  }
  ERR_clear_error();
}

}  // namespace

bool ClientTls::operator==(const ClientTls& other) const {
  const bool same_file =
      authorities && other.authorities ? *authorities == *other.authorities : authorities == other.authorities;
  return same_file && verify == other.verify && server_name == other.server_name;
}

SSL_CTX* new_client_context(const ClientTls& tls) {
  SSL_CTX* const context = new_tls_context(TLS_client_method());
  if (context == nullptr) return nullptr;
  SSL_CTX_set_verify(context, tls.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (!tls.verify) return context;
  if (tls.authorities) {
    trust(context, *tls.authorities);
  } else {
    SSL_CTX_set_default_verify_paths(context);
    ERR_clear_error();
  }
  return context;
}

Result<std::shared_ptr<const TlsClient>> TlsClient::make(TlsClientSettings settings) {
  SSL_CTX* const context = new_client_context(settings.server);
  if (context == nullptr) return fail("TLS: out of memory");
  std::shared_ptr<TlsClient> client(new TlsClient(std::move(settings), context));
  std::string alpn;
  for (const std::string& protocol : client->settings_.alpn) alpn += static_cast<char>(protocol.size()) + protocol;
  if (!alpn.empty()) {
    SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(alpn.data()),
                            static_cast<unsigned int>(alpn.size()));
  }
  if (const auto& own = client->settings_.certified) {
    bool taken = SSL_CTX_use_certificate(context, own->chain.front().get()) == 1 &&
                 SSL_CTX_use_PrivateKey(context, own->key.get()) == 1;
    for (std::size_t i = 1; i < own->chain.size(); ++i) {
      taken = taken && SSL_CTX_add1_chain_cert(context, own->chain[i].get()) == 1;
    }
    ERR_clear_error();
    if (!taken) return fail("certificate " + own->subject + ": OpenSSL does not take it");
  }
  return client;
}

TlsClient::~TlsClient() { SSL_CTX_free(context_); }

std::unique_ptr<TlsSession> TlsClient::connect(std::string_view name) const {
  SSL* const ssl = SSL_new(context_);
  if (ssl == nullptr) std::abort();  // out of memory, as operator new does
  SSL_set_connect_state(ssl);
  std::string text(settings_.server.server_name.empty() ? name : std::string_view(settings_.server.server_name));
  const bool address = IpAddress::parse(text).has_value();
  if (!text.empty() && !address) {  // RFC 6066 section 3: names only
    SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, text.data());
  }
  if (settings_.server.verify && address) X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), text.c_str());
  if (settings_.server.verify && !address) SSL_set1_host(ssl, text.c_str());
  return std::make_unique<TlsSession>(ssl, shared_from_this());
}

}  // namespace shared

#include "shared/serve/tls/tls_server.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "shared/serve/tls/context.h"

namespace shared {
namespace {

using load::ClientCertificates;

// Mozilla's "intermediate" of TLS 1.2, version 5.7, without finite-field groups: forward secrecy and AEAD only.
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kSuites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr long kTicketLife = 2 * 60 * 60;  // seconds
constexpr std::size_t kLongestName = 255;

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
};

std::string hash_of(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return {reinterpret_cast<const char*>(digest.data()), size};  // 32: all that fits
}

// The host_name of the extension (RFC 6066 section 3); empty: none, or not to be understood.
std::string_view name_in(std::string_view extension) {
  const auto number = [&](std::size_t at) {
    return static_cast<std::size_t>(static_cast<unsigned char>(extension[at])) * 256 +
           static_cast<unsigned char>(extension[at + 1]);
  };
  if (extension.size() < 5 || number(0) != extension.size() - 2 || extension[2] != TLSEXT_NAMETYPE_host_name) return {};
  if (number(3) > extension.size() - 5) return {};
  return extension.substr(5, number(3));
}

std::string lower(std::string_view name) {
  std::string text(name);
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (text.ends_with('.')) text.pop_back();
  return text;
}

bool trust(SSL_CTX* context, const std::string& authorities) {
  const std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(authorities.data(), static_cast<int>(authorities.size())));
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  bool any = false;
  while (const std::unique_ptr<X509, Free> one{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    if (X509_STORE_add_cert(store, one.get()) != 1 || SSL_CTX_add_client_CA(context, one.get()) != 1) return false;
    any = true;
  }
  ERR_clear_error();
  return any;
}

bool set_policy(SSL_CTX* context) {
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // tickets alone: nothing is kept for who has gone
  SSL_CTX_set_timeout(context, kTicketLife);
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_max_early_data(context, 0);
  return SSL_CTX_set_cipher_list(context, kCiphers) == 1 && SSL_CTX_set_ciphersuites(context, kSuites) == 1 &&
         SSL_CTX_set1_groups_list(context, kGroups) == 1;
}

bool certify(SSL_CTX* context, const load::CertifiedKey& certified) {
  if (SSL_CTX_use_certificate(context, certified.chain.front().get()) != 1) return false;
  if (SSL_CTX_use_PrivateKey(context, certified.key.get()) != 1) return false;
  for (std::size_t i = 1; i < certified.chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, certified.chain[i].get()) != 1) return false;
  }
  return true;
}

Error openssl_error(const std::string& what) {
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return Error{what + ": " + (reason != nullptr ? reason : "OpenSSL does not say why")};
}

}  // namespace

void TlsServer::FreeContext::operator()(SSL_CTX* context) const { SSL_CTX_free(context); }

Result<std::shared_ptr<const TlsServer>> TlsServer::make(TlsServerSettings settings, TicketKeys& tickets) {
  if (settings.hosts.empty()) return fail("no certificate");
  std::shared_ptr<TlsServer> server(new TlsServer(std::move(settings)));
  for (const std::string& protocol : server->settings_.alpn) {
    server->alpn_ += static_cast<char>(protocol.size());
    server->alpn_ += protocol;
  }
  for (std::size_t i = 0; i < server->settings_.hosts.size(); ++i) {
    const load::TlsHost& host = server->settings_.hosts[i];
    auto made = server->make_host(host, tickets);
    if (!made) return tl::unexpected(made.error());
    server->hosts_.push_back(std::move(*made));
    for (const std::string& name : host.names) server->names_.emplace(name.starts_with('*') ? name.substr(1) : name, i);
  }
  return server;
}

Result<TlsServer::Host> TlsServer::make_host(const load::TlsHost& host, TicketKeys& tickets) {
  Host made;
  made.context.reset(new_tls_context(TLS_server_method()));
  SSL_CTX* const context = made.context.get();
  if (context == nullptr || !set_policy(context)) return tl::unexpected(openssl_error("TLS settings"));
  if (!certify(context, *host.certified))
    return tl::unexpected(openssl_error("certificate " + host.certified->subject));
  std::string binding = std::to_string(static_cast<int>(host.clients));
  for (const std::string& name : host.names) binding += "\n" + name;
  if (host.clients != ClientCertificates::none) {
    asks_ = true;
    if (!host.client_authorities || !trust(context, *host.client_authorities)) {
      return tl::unexpected(openssl_error("authorities of clients' certificates"));
    }
    binding += "\n" + *host.client_authorities;
    made.verify =
        SSL_VERIFY_PEER | (host.clients == ClientCertificates::required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
  }
  made.session_id = hash_of(binding);
  SSL_CTX_set_verify(context, made.verify, nullptr);
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(made.session_id.data()),
                                 static_cast<unsigned int>(made.session_id.size()));
  tickets.use_in(context);
  SSL_CTX_set_client_hello_cb(context, on_hello, this);
  SSL_CTX_callback_ctrl(context, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB, reinterpret_cast<void (*)()>(on_name));
  SSL_CTX_callback_ctrl(context, SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB, reinterpret_cast<void (*)()>(on_status));
  if (!alpn_.empty()) SSL_CTX_set_alpn_select_cb(context, on_alpn, this);
  return made;
}

std::unique_ptr<TlsSession> TlsServer::accept() const {
  SSL* const ssl = SSL_new(hosts_.front().context.get());
  if (ssl == nullptr) std::abort();  // out of memory, as operator new does
  SSL_set_accept_state(ssl);
  auto session = std::make_unique<TlsSession>(ssl, shared_from_this());
  session->facts_.server = this;
  return session;
}

// A wildcard stands for one label (RFC 6125 6.4.3), and an exact name goes first.
const std::size_t* TlsServer::find(std::string_view name) const {
  if (name.empty() || name.starts_with('.')) return nullptr;
  if (const auto exact = names_.find(name); exact != names_.end()) return &exact->second;
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) return nullptr;
  const auto wild = names_.find(name.substr(dot));
  return wild != names_.end() ? &wild->second : nullptr;
}

std::size_t TlsServer::host_of(std::string_view name) const {
  const std::size_t* const found = find(lower(name));
  return found != nullptr ? *found : 0;
}

bool TlsServer::same_rule(std::size_t one, std::size_t other) const {
  const load::TlsHost& a = settings_.hosts[one];
  const load::TlsHost& b = settings_.hosts[other];
  if (a.clients != b.clients) return false;
  return a.clients == ClientCertificates::none || *a.client_authorities == *b.client_authorities;
}

// Before anything is agreed on, and before a ticket is looked at: which host the client has come to.
int TlsServer::meet(SSL* ssl, int* alert) const {
  TlsSession& session = TlsSession::of(ssl);
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  std::string_view name;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) == 1) {
    name = name_in({reinterpret_cast<const char*>(data), size});
  }
  if (name.size() <= kLongestName) session.facts_.server_name = lower(name);
  const std::size_t* const found = find(session.facts_.server_name);
  if (found == nullptr && settings_.strict_names) {
    session.refused_name_ = true;
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_CLIENT_HELLO_ERROR;
  }
  session.facts_.host = found != nullptr ? *found : 0;
  if (session.facts_.host == 0) return SSL_CLIENT_HELLO_SUCCESS;
  const Host& host = hosts_[session.facts_.host];
  if (SSL_set_SSL_CTX(ssl, host.context.get()) == nullptr) return SSL_CLIENT_HELLO_ERROR;
  SSL_set_verify(ssl, host.verify, nullptr);
  SSL_set_session_id_context(ssl, reinterpret_cast<const unsigned char*>(host.session_id.data()),
                             static_cast<unsigned int>(host.session_id.size()));
  return SSL_CLIENT_HELLO_SUCCESS;
}

int TlsServer::on_hello(SSL* ssl, int* alert, void* self) {
  return static_cast<const TlsServer*>(self)->meet(ssl, alert);
}

// The choice was made in meet(); a server that has none here does not acknowledge the name.
int TlsServer::on_name(SSL* /*ssl*/, int* /*alert*/, void* /*self*/) { return SSL_TLSEXT_ERR_OK; }

int TlsServer::on_alpn(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                       unsigned int offered_size, void* self) {
  const std::string& mine = static_cast<const TlsServer*>(self)->alpn_;
  unsigned char* found = nullptr;
  const int done = SSL_select_next_proto(&found, size, reinterpret_cast<const unsigned char*>(mine.data()),
                                         static_cast<unsigned int>(mine.size()), offered, offered_size);
  *chosen = found;
  return done == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;  // RFC 7301 3.2
}

int TlsServer::on_status(SSL* ssl, void* /*self*/) {
  const TlsFacts& facts = TlsSession::of(ssl).facts_;
  const shared::load::CertifiedKey& certified = *facts.server->settings_.hosts[facts.host].certified;
  const std::string& ocsp = certified.ocsp;
  if (ocsp.empty() || std::chrono::system_clock::now() > certified.ocsp_until) return SSL_TLSEXT_ERR_NOACK;
  auto* const copy = static_cast<unsigned char*>(OPENSSL_memdup(ocsp.data(), ocsp.size()));
  SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(ocsp.size()));
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace shared

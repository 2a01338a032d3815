#include "shared/serve/tls/tls_sessions.h"

#include <utility>

#include <openssl/ssl.h>

namespace shared {
namespace {

void free_name(void* /*parent*/, void* name, CRYPTO_EX_DATA* /*data*/, int /*index*/, long /*number*/,
               void* /*pointer*/) {
  delete static_cast<std::string*>(name);
}

int context_slot() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

int name_slot() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, free_name);
  return index;
}

}  // namespace

void TlsSessions::use_in(SSL_CTX* context) {
  SSL_CTX_set_ex_data(context, context_slot(), this);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, on_session);
}

// A copy each way: OpenSSL spoils the session of a connection that did not end in order.
void TlsSessions::resume(SSL* ssl, std::string server) {
  const auto found = kept_.find(server);
  if (found != kept_.end()) {
    const Session copy(SSL_SESSION_dup(found->second.get()), SSL_SESSION_free);
    if (copy != nullptr) SSL_set_session(ssl, copy.get());
  }
  SSL_set_ex_data(ssl, name_slot(), new std::string(std::move(server)));
}

int TlsSessions::on_session(SSL* ssl, SSL_SESSION* session) {
  auto* const self = static_cast<TlsSessions*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), context_slot()));
  const auto* const server = static_cast<const std::string*>(SSL_get_ex_data(ssl, name_slot()));
  if (self == nullptr || server == nullptr || SSL_SESSION_is_resumable(session) == 0) return 0;
  Session copy(SSL_SESSION_dup(session), SSL_SESSION_free);
  if (copy == nullptr) return 0;
  if (self->kept_.size() >= kMost && !self->kept_.contains(*server)) self->kept_.erase(self->kept_.begin());
  self->kept_.insert_or_assign(*server, std::move(copy));
  return 0;  // theirs stays theirs
}

}  // namespace shared

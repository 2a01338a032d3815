#include "shared/serve/tls/ticket_keys.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

namespace shared {
namespace {

// Looked up once: a fetch for each ticket takes locks.
const EVP_CIPHER* ticket_cipher() {
  static const EVP_CIPHER* const fetched = EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
  return fetched;
}

int slot() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// Secrets do not stay in freed memory.
void free_list(const TicketKeys::List* list) {
  auto* const mine = const_cast<TicketKeys::List*>(list);
  OPENSSL_cleanse(mine->data(), mine->size() * sizeof(TicketKey));
  delete mine;
}

}  // namespace

TicketKey TicketKey::random() {
  TicketKey key{};
  RAND_bytes(key.name.data(), static_cast<int>(key.name.size()));
  RAND_priv_bytes(key.cipher.data(), static_cast<int>(key.cipher.size()));
  RAND_priv_bytes(key.hash.data(), static_cast<int>(key.hash.size()));
  return key;
}

TicketKeys::TicketKeys() { set({TicketKey::random()}); }

void TicketKeys::set(List keys) { keys_.store(std::shared_ptr<const List>(new List(std::move(keys)), free_list)); }

void TicketKeys::rotate() { set({TicketKey::random(), keys_.load()->front()}); }

void TicketKeys::use_in(SSL_CTX* context) {
  SSL_CTX_set_ex_data(context, slot(), this);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
}

// 0: a full handshake; 1: good; 2: good, and a new ticket is due, which in TLS 1.3 is always so: its clients show none
// twice (RFC 8446 C.4), and without a new one every other handshake would be a full one.
int TicketKeys::on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* hash,
                          int encrypts) {
  const auto* const self = static_cast<const TicketKeys*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), slot()));
  const std::shared_ptr<const List> keys = self->keys_.load();
  const auto same_name = [&](const TicketKey& key) { return std::memcmp(key.name.data(), name, key.name.size()) == 0; };
  const auto key = encrypts != 0 ? keys->begin() : std::ranges::find_if(*keys, same_name);
  if (key == keys->end()) return 0;
  if (encrypts != 0) {
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(ticket_cipher())) != 1) return -1;
    std::memcpy(name, key->name.data(), key->name.size());
  }
  char digest[] = "SHA256";
  TicketKey copy = *key;
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, copy.hash.data(), copy.hash.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
  const bool ready = EVP_CipherInit_ex2(cipher, ticket_cipher(), key->cipher.data(), iv, encrypts, nullptr) == 1 &&
                     EVP_MAC_CTX_set_params(hash, params) == 1;
  OPENSSL_cleanse(&copy, sizeof copy);
  if (!ready) return -1;
  const bool due = key != keys->begin() || SSL_version(ssl) >= TLS1_3_VERSION;
  return encrypts == 0 && due ? 2 : 1;
}

}  // namespace shared

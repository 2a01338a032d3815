#pragma once
// TicketKeys: what session tickets are encrypted with (RFC 5077 section 4): the first key makes new ones, the others
// still open those that they made, and a ticket that one of them opened is replaced. Shared by all servers of a
// process, and by a region through a file; replaced as a whole by Control, read by every thread that shakes hands.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include <openssl/types.h>

#include "shared/core/result.h"

namespace shared {

struct TicketKey {
  std::array<unsigned char, 16> name;
  std::array<unsigned char, 32> cipher;  // AES-256-CBC
  std::array<unsigned char, 32> hash;    // HMAC-SHA256

  [[nodiscard]] static TicketKey random();
};
inline constexpr std::size_t kTicketKeySize = sizeof(TicketKey);  // octets in a file

class TicketKeys {
 public:
  using List = std::vector<TicketKey>;
  static constexpr std::size_t kMost = 16;

  TicketKeys();  // one random key
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  // REQUIRES: one at least.
  void set(List keys);
  // A new random key first, and the one before it.
  void rotate();
  // Of one server's contexts, before they are used. The keys outlive them.
  void use_in(SSL_CTX* context);

 private:
  static int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* hash,
                       int encrypts);

  std::atomic<std::shared_ptr<const List>> keys_;
};

}  // namespace shared

#pragma once
// What every context of OpenSSL has here, the server's and the client's: versions and how octets are handled. Any
// thread.

#include <openssl/ssl.h>

namespace shared {

// TLS 1.2 and later. Buffers of a session that does nothing are given back, a record that is half out may be offered
// again from another place, and what the wire has is read in one go. Null: out of memory. The caller owns it.
[[nodiscard]] SSL_CTX* new_tls_context(const SSL_METHOD* method);

}  // namespace shared

#pragma once
// Which certificate a client meets, in words. Pure; any thread.

#include <string>
#include <string_view>

#include "shared/serve/tls/tls_server.h"

namespace shared {

// "shop.pem, for www.shop.example, shop.example; clients have to show a certificate"
[[nodiscard]] std::string words_for(const TlsServer& server, std::string_view name);

}  // namespace shared

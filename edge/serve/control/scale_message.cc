#include "edge/serve/control/scale_message.h"

#include <array>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <boost/json.hpp>

namespace edge {

std::string_view name_of(ScaleMode mode) { return mode == ScaleMode::on ? "on" : "dry_run"; }

std::string write(const ScaleMessage& message) {
  const boost::json::object json{{"version", 1},
                                 {"service", message.from.service},
                                 {"region", message.from.region},
                                 {"edge", message.from.node},
                                 {"pool", message.pool},
                                 {"desired", message.desired},
                                 {"servers", message.servers},
                                 {"serving", message.serving},
                                 {"min", message.settings.min},
                                 {"max", message.settings.max},
                                 {"mode", name_of(message.settings.mode)},
                                 {"reason", message.reason},
                                 {"decided", message.decided}};
  return boost::json::serialize(json);
}

std::string sign(std::string_view key, std::string_view timestamp, std::string_view body) {
  std::string text(timestamp);
  text.append(".").append(body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned int size = 0;
  ::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
         text.size(), mac.data(), &size);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) {
    hex.push_back(kDigits[mac[i] >> 4U]);
    hex.push_back(kDigits[mac[i] & 15U]);
  }
  return hex;
}

}  // namespace edge

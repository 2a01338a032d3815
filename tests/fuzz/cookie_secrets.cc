// Any text as a file of cookie secrets: one or two secrets, or errors.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "dns/load/config/cookie_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  shared::load::Diagnostics diagnostics;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto secrets = dns::read_cookie_secrets(text, "fuzz", diagnostics);
  if (secrets.has_value() == diagnostics.failed()) std::abort();
  if (secrets && (secrets->count < 1 || secrets->count > 2)) std::abort();
  return 0;
}

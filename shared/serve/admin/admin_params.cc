#include "shared/serve/admin/admin_params.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace shared {

Result<void> only_params(const AdminRequest& request, std::initializer_list<std::string_view> known,
                         std::string_view hint) {
  for (const auto& [name, value] : request.query) {
    if (std::ranges::find(known, name) != known.end()) continue;
    std::string all;
    for (const std::string_view one : known) all.append(all.empty() ? "" : ", ").append(one);
    return fail(name + ": unknown here" + (all.empty() ? std::string() : "; known: " + all) +
                (hint.empty() ? std::string() : "; " + std::string(hint)));
  }
  return {};
}

Result<std::optional<Duration>> expires_of(const AdminRequest& request) {
  const std::string_view text = request.param("expires").value_or(std::string_view());
  if (text.empty()) return std::optional<Duration>();
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value == 0) {
    return fail("expires: a number of seconds, not '" + std::string(text) + "'");
  }
  return std::optional<Duration>(seconds(value));
}

}  // namespace shared

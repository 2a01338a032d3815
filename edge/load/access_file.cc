#include "edge/load/access_file.h"

#include <algorithm>
#include <cstdint>
#include <memory>

#include "shared/core/ascii.h"
#include "shared/load/file.h"

namespace edge {
namespace {

using shared::load::Diagnostics;
using shared::load::Position;

constexpr std::size_t kMaxFile = 64 * 1024 * 1024;  // octets
constexpr std::size_t kMaxTold = 10;                // a file of another kind has an error in each line

std::string_view without_comment(std::string_view line) {
  line = shared::trim(line.substr(0, line.find_first_of("#;")));
  while (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

}  // namespace

std::vector<shared::Prefix> parse_networks(std::string_view text, const std::string& name, Diagnostics& diagnostics) {
  const auto file = std::make_shared<const std::string>(name);
  std::vector<shared::Prefix> networks;
  std::size_t wrong = 0;
  for (std::uint32_t line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view word = without_comment(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    const auto network = shared::Prefix::parse(word);
    if (network) {
      networks.push_back(*network);
    } else if (++wrong <= kMaxTold) {
      diagnostics.error({file, line, 1}, network.error().message);
    }
  }
  if (wrong > kMaxTold) {
    diagnostics.error({file, 0, 0}, "and " + std::to_string(wrong - kMaxTold) + " further lines that are no networks");
  }
  return networks;
}

std::vector<shared::Prefix> read_networks(const std::filesystem::path& path, const Position& at,
                                          Diagnostics& diagnostics) {
  const auto text = shared::load::read_file(path, {.largest = kMaxFile});
  if (!text) {
    diagnostics.error(at, "cannot read the networks in " + path.string() + ": " + text.error().message);
    return {};
  }
  if (shared::load::is_writable_by_all(path)) {
    diagnostics.warning(at, "everybody can change the networks in " + path.string() + ": chmod o-w");
  }
  auto networks = parse_networks(*text, path.string(), diagnostics);
  if (networks.empty() && !diagnostics.failed()) {
    diagnostics.warning(at, "there is no network in " + path.string());
  }
  return networks;
}

}  // namespace edge

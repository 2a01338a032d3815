#include "edge/load/key_file.h"

#include <algorithm>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "shared/load/file.h"
#include "shared/load/reader.h"

namespace edge {
namespace {

using shared::load::Diagnostics;
using shared::load::Position;

constexpr std::size_t kMaxFile = 64 * 1024 * 1024;  // octets
constexpr std::size_t kLeastKey = 8;                // octets: anything shorter is guessed, or a slip
constexpr std::string_view kPublic = "# public";    // in the first line: keys that are no secret

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

std::string_view next_word(std::string_view& line) {
  while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
  std::size_t end = 0;
  while (end < line.size() && !is_blank(line[end])) ++end;
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end);
  return word;
}

bool is_key(std::string_view key) {
  for (const char c : key) {
    if (c <= 0x20 || c >= 0x7F) return false;
  }
  return key.size() >= kLeastKey;
}

class KeyReader {
 public:
  KeyReader(const std::string& name, const Tiers& tiers, Diagnostics& diagnostics)
      : file_(std::make_shared<const std::string>(name)), tiers_(tiers), diagnostics_(diagnostics) {}

  void read_line(std::string_view line) {
    ++line_;
    const std::string_view key = next_word(line);
    if (key.empty() || key.front() == '#') return;
    const std::string_view tier = next_word(line);
    if (tier.empty() || !next_word(line).empty()) return error("expected `KEY TIER`");
    if (!is_key(key)) return error("a key has at least 8 characters, all of them printable ASCII");
    const std::optional<TierId> id = tiers_.find(tier);
    if (!id) return unknown_tier(tier);
    const auto [first, fresh] = lines_.emplace(key, line_);
    if (!fresh) return error("this key already stands in line " + std::to_string(first->second));
    entries_.push_back({std::string(key), *id});
  }

  [[nodiscard]] std::vector<ApiKeys::Entry> take() { return std::move(entries_); }

 private:
  [[nodiscard]] Position here() const { return {file_, line_, 1}; }
  void error(std::string message) { diagnostics_.error(here(), std::move(message)); }
  void unknown_tier(std::string_view tier) {
    std::vector<std::string_view> known;
    for (unsigned i = 0; !tiers_.name(static_cast<TierId>(i)).empty(); ++i)
      known.push_back(tiers_.name(static_cast<TierId>(i)));
    shared::load::unknown_name(here(), "tier", tier, known, diagnostics_);
  }

  std::shared_ptr<const std::string> file_;
  const Tiers& tiers_;
  Diagnostics& diagnostics_;
  std::uint32_t line_ = 0;
  std::unordered_map<std::string, std::uint32_t> lines_;
  std::vector<ApiKeys::Entry> entries_;
};

}  // namespace

std::vector<ApiKeys::Entry> parse_keys(std::string_view text, const std::string& name, const Tiers& tiers,
                                       Diagnostics& diagnostics) {
  KeyReader reader(name, tiers, diagnostics);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    reader.read_line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return reader.take();
}

std::vector<ApiKeys::Entry> read_key_file(const std::filesystem::path& path, const Tiers& tiers, const Position& at,
                                          Diagnostics& diagnostics) {
  const auto text = shared::load::read_file(path, {.largest = kMaxFile});
  if (!text) {
    diagnostics.error(at, "cannot read the key file " + path.string() + ": " + text.error().message);
    return {};
  }
  if (shared::load::is_writable_by_all(path)) {
    diagnostics.warning(at, "everybody can change the keys in " + path.string() + ": chmod o-rwx");
  } else if (shared::load::is_open_to_all(path) && !text->starts_with(kPublic)) {
    diagnostics.warning(at, "everybody can read the keys in " + path.string() +
                                ": chmod o-rwx; or let its first line begin with `# public`, if they are no secret");
  }
  return parse_keys(*text, path.string(), tiers, diagnostics);
}

}  // namespace edge

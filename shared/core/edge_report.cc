#include "shared/core/edge_report.h"

#include <array>
#include <limits>
#include <span>

#include <boost/json.hpp>

#include "shared/core/ascii.h"

namespace shared {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxDepth = 16;  // of what a newer edge may add
constexpr std::array<std::string_view, 3> kStates{"up", "draining", "down"};

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (octet < 0x20) {
      out += "\\u00";
      out += {kHexDigits[octet >> 4], kHexDigits[octet & 15]};
    } else {
      out += c;
    }
  }
  return out + '"';
}

void add_text(std::string& out, std::string_view key, std::string_view value) {
  if (value.empty() || value.size() > EdgeReport::kLongestName) return;
  out += (out.ends_with('{') ? "" : ",") + quoted(key) + ':' + quoted(value);
}

std::string pool_text(const EdgeReport::Pool& pool) {
  return "{\"name\":" + quoted(pool.name) + ",\"servers\":" + std::to_string(pool.servers) +
         ",\"usable\":" + std::to_string(pool.usable) + '}';
}

void add_pools(std::string& out, std::span<const EdgeReport::Pool> pools) {
  constexpr std::string_view kBegin = ",\"pools\":[";
  constexpr std::string_view kEnd = "]}\n";
  std::string list;
  std::size_t count = 0;
  for (const EdgeReport::Pool& pool : pools) {
    const std::string text = (list.empty() ? "" : ",") + pool_text(pool);
    const std::size_t whole = out.size() + kBegin.size() + list.size() + text.size() + kEnd.size();
    if (whole > EdgeReport::kMaxSize || count++ == EdgeReport::kMaxPools) break;
    if (pool.name.empty() || pool.name.size() > EdgeReport::kLongestName) continue;
    list += text;
  }
  if (!list.empty()) out.append(kBegin).append(list) += ']';
}

// Reads the fields of one object; one that is there and not what it has to be makes the whole of it unreadable.
class Fields {
 public:
  explicit Fields(const json::object& object) : object_(object) {}

  [[nodiscard]] std::string text(std::string_view key) {
    const json::value* const value = object_.if_contains(key);
    if (value == nullptr) return {};
    const json::string* const found = value->if_string();
    readable_ = readable_ && found != nullptr && found->size() <= EdgeReport::kLongestName;
    return readable_ ? std::string(found->data(), found->size()) : std::string();
  }

  [[nodiscard]] std::optional<std::uint64_t> number(std::string_view key) {
    const json::value* const value = object_.if_contains(key);
    if (value == nullptr) return std::nullopt;
    json::error_code error;
    const auto found = value->to_number<std::uint64_t>(error);
    readable_ = readable_ && !error && !value->is_double();
    return found;
  }

  [[nodiscard]] const json::array* list(std::string_view key) {
    const json::value* const value = object_.if_contains(key);
    if (value == nullptr) return nullptr;
    readable_ = readable_ && value->is_array();
    return value->if_array();
  }

  [[nodiscard]] bool readable() const { return readable_; }

 private:
  const json::object& object_;
  bool readable_ = true;
};

std::optional<EdgeReport::State> state_of(std::string_view word) {
  for (std::size_t i = 0; i < kStates.size(); ++i) {
    if (kStates[i] == word) return static_cast<EdgeReport::State>(i);
  }
  return std::nullopt;
}

std::optional<EdgeReport::Pool> read_pool(const json::value& value) {
  if (!value.is_object()) return std::nullopt;
  Fields fields(value.get_object());
  EdgeReport::Pool pool;
  pool.name = fields.text("name");
  const auto servers = fields.number("servers");
  const auto usable = fields.number("usable");
  if (!fields.readable() || pool.name.empty() || !servers || !usable) return std::nullopt;
  if (*servers > std::numeric_limits<std::uint32_t>::max() || *usable > *servers) return std::nullopt;
  pool.servers = static_cast<std::uint32_t>(*servers);
  pool.usable = static_cast<std::uint32_t>(*usable);
  return pool;
}

std::optional<EdgeReport> read_report(const json::object& page) {
  Fields fields(page);
  EdgeReport report;
  const std::uint64_t version = fields.number("version").value_or(EdgeReport::kVersion);
  const auto state = state_of(fields.text("state"));
  report.region = fields.text("region");
  report.reason = fields.text("reason");
  report.pool = fields.text("pool");
  const json::array* const pools = fields.list("pools");
  if (!fields.readable() || version == 0 || version > EdgeReport::kVersion || !state) return std::nullopt;
  report.state = *state;
  if (pools == nullptr) return report;
  if (pools->size() > EdgeReport::kMaxPools) return std::nullopt;
  for (const json::value& value : *pools) {
    auto pool = read_pool(value);
    if (!pool) return std::nullopt;
    report.pools.push_back(std::move(*pool));
  }
  return report;
}

}  // namespace

std::string_view name_of(EdgeReport::State state) { return kStates[static_cast<std::size_t>(state)]; }

std::string write(const EdgeReport& report) {
  std::string out = "{\"version\":" + std::to_string(EdgeReport::kVersion);
  add_text(out, "region", report.region);
  add_text(out, "state", name_of(report.state));  // nodes before the first version look for these very octets
  add_text(out, "reason", report.reason);
  add_text(out, "pool", report.pool);
  add_pools(out, report.pools);
  return out + "}\n";
}

std::optional<EdgeReport> parse_edge_report(std::string_view text) {
  if (text.size() > EdgeReport::kMaxSize) return std::nullopt;
  json::parse_options options;
  options.max_depth = kMaxDepth;
  options.allow_invalid_utf8 = true;  // in a name; whoever prints it looks at it
  json::error_code error;
  const json::value page = json::parse(json::string_view(text.data(), text.size()), error, {}, options);
  if (error || !page.is_object()) return std::nullopt;
  return read_report(page.get_object());
}

std::string words_of_reason(std::string_view reason, std::string_view pool) {
  if (reason == kCriticalPoolDown && !pool.empty()) return "critical pool " + std::string(pool) + " is empty";
  if (reason == kAllPoolsDown) return "every pool is empty";
  return std::string(reason);
}

}  // namespace shared

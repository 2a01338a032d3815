#include "dns/load/record/service_params.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <vector>

#include "dns/core/wire/wire.h"
#include "shared/core/ip.h"

namespace dns {

using shared::fail;

namespace {

enum Key : std::uint16_t {  // https://www.iana.org/assignments/dns-svcb
  kMandatory = 0,
  kAlpn = 1,
  kNoDefaultAlpn = 2,
  kPort = 3,
  kIpv4Hint = 4,
  kEch = 5,
  kIpv6Hint = 6,
  kDohPath = 7,
  kOhttp = 8,
};

constexpr std::string_view kNames[] = {"mandatory", "alpn",     "no-default-alpn", "port", "ipv4hint",
                                       "ech",       "ipv6hint", "dohpath",         "ohttp"};

std::string key_text(std::uint16_t key) {
  return key < std::size(kNames) ? std::string(kNames[key]) : "key" + std::to_string(key);
}

// A name in lower case, or keyNNNNN without leading zeros (RFC 9460 section 2.1).
std::optional<std::uint16_t> parse_key(std::string_view text) {
  const auto* const found = std::find(std::begin(kNames), std::end(kNames), text);
  if (found != std::end(kNames)) return static_cast<std::uint16_t>(found - kNames);
  if (!text.starts_with("key")) return std::nullopt;
  text.remove_prefix(3);
  if (text.size() > 1 && text.starts_with('0')) return std::nullopt;
  const auto number = parse_decimal(text, 0xFFFF);
  if (!number) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

// Appendix A.1: commas between the items, \, and \\ inside them. Nothing if an item is empty or an escape is another.
std::optional<std::vector<std::string>> split_list(std::string_view text) {
  std::vector<std::string> items(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ',') {
      items.emplace_back();
    } else if (text[i] != '\\') {
      items.back() += text[i];
    } else if (i + 1 < text.size() && (text[i + 1] == ',' || text[i + 1] == '\\')) {
      items.back() += text[++i];
    } else {
      return std::nullopt;
    }
  }
  if (std::any_of(items.begin(), items.end(), [](const std::string& item) { return item.empty(); })) {
    return std::nullopt;
  }
  return items;
}

void put16(Octets& out, std::uint16_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

Result<Octets> read_mandatory(const std::vector<std::string>& items) {
  std::vector<std::uint16_t> keys;
  for (const std::string& item : items) {
    const auto key = parse_key(item);
    if (!key) return fail("mandatory: " + quoted(item) + " is not the key of a parameter");
    keys.push_back(*key);
  }
  std::sort(keys.begin(), keys.end());
  Octets out;
  for (const std::uint16_t key : keys) put16(out, key);
  return out;
}

Result<Octets> read_alpn(const std::vector<std::string>& items) {
  Octets out;
  for (const std::string& item : items) {
    if (item.size() > 255) return fail("alpn: a protocol is longer than 255 octets");
    out.push_back(static_cast<std::uint8_t>(item.size()));
    out.insert(out.end(), item.begin(), item.end());
  }
  return out;
}

Result<Octets> read_hints(const std::vector<std::string>& items, std::uint16_t key) {
  const auto family = key == kIpv4Hint ? shared::Family::ipv4 : shared::Family::ipv6;
  Octets out;
  for (const std::string& item : items) {
    const auto address = shared::IpAddress::parse(item);
    if (!address || address->family != family) {
      return fail(key_text(key) + ": " + quoted(item) + " is not an IPv" + (key == kIpv4Hint ? "4" : "6") + " address");
    }
    out.insert(out.end(), address->bytes.begin(), address->bytes.begin() + shared::bits_of(family) / 8);
  }
  return out;
}

Result<Octets> read_list(std::uint16_t key, std::string_view text) {
  const auto items = split_list(text);
  if (!items)
    return fail(key_text(key) + ": an item of " + quoted(text) + " is empty or has another escape than \\, and \\\\");
  if (key == kMandatory) return read_mandatory(*items);
  if (key == kAlpn) return read_alpn(*items);
  return read_hints(*items, key);
}

// `text`: the value, escapes of the zone file replaced. What is said as keyNNNNN is octets as they stand.
Result<Octets> read_value(std::uint16_t key, std::string_view text) {
  switch (key) {
    case kMandatory:
    case kAlpn:
    case kIpv4Hint:
    case kIpv6Hint:
      return read_list(key, text);
    case kPort: {
      const auto port = parse_decimal(text, 0xFFFF);
      if (!port) return fail("port: " + quoted(text) + " is not a number from 0 to 65535");
      Octets out;
      put16(out, static_cast<std::uint16_t>(*port));
      return out;
    }
    case kEch: {
      auto octets = decode_base64(text);
      if (!octets || octets->empty()) return fail("ech: " + quoted(text) + " is not base64");
      return std::move(*octets);
    }
    default:
      return Octets(text.begin(), text.end());
  }
}

struct Word {
  std::uint16_t key = 0;
  bool by_number = false;
  std::string value;
};

// key, key=value, or key= and a quoted string directly behind it.
Result<Word> take_word(FieldReader& reader) {
  const auto word = reader.take_word();
  if (!word) return tl::unexpected(word.error());
  const std::size_t equals = word->find('=');
  const std::string_view name = word->substr(0, equals);
  const auto key = parse_key(name);
  if (!key) return fail(quoted(name) + " is not the key of a parameter, such as alpn or key65280");
  std::string_view text = equals == std::string_view::npos ? std::string_view{} : word->substr(equals + 1);
  if (const MasterToken* const next = reader.peek(); next != nullptr && next->quoted && next->joined) {
    if (equals == std::string_view::npos || !text.empty()) return fail(quoted(*word) + ": a quote inside a word");
    text = next->text;
    reader.skip();
  }
  auto value = unescape(text);
  if (!value) return fail(quoted(text) + ": an escape is neither \\X nor \\DDD up to 255");
  return Word{*key, name.starts_with("key"), std::move(*value)};
}

using Value = std::span<const std::uint8_t>;

bool is_alpn(Value value) {
  while (!value.empty()) {
    if (value[0] == 0 || value[0] >= value.size()) return false;
    value = value.subspan(value[0] + 1U);
  }
  return true;
}

// RFC 9461 section 5: a relative URI template (RFC 6570) with the variable dns.
bool is_dns_template(std::string_view text) {
  if (!text.starts_with('/')) return false;
  for (std::size_t open = text.find('{'); open != std::string_view::npos; open = text.find('{', open + 1)) {
    const std::size_t close = text.find('}', open);
    if (close == std::string_view::npos) return false;
    std::string_view names = text.substr(open + 1, close - open - 1);
    if (!names.empty() && std::string_view("+#./;?&").find(names.front()) != std::string_view::npos) {
      names.remove_prefix(1);
    }
    while (!names.empty()) {
      const std::size_t comma = names.find(',');
      const std::string_view name = names.substr(0, comma);
      if (name.substr(0, name.find_first_of(":*")) == "dns") return true;
      names = comma == std::string_view::npos ? std::string_view{} : names.substr(comma + 1);
    }
  }
  return false;
}

// What a value must be by itself; nullptr: it is.
const char* value_problem(std::uint16_t key, Value value) {
  switch (key) {
    case kMandatory:
      return !value.empty() && value.size() % 2 == 0 ? nullptr : "a list of keys";
    case kAlpn:
      return !value.empty() && is_alpn(value) ? nullptr : "a list of protocols";
    case kNoDefaultAlpn:
    case kOhttp:
      return value.empty() ? nullptr : "without a value";
    case kPort:
      return value.size() == 2 ? nullptr : "a port";
    case kIpv4Hint:
      return !value.empty() && value.size() % 4 == 0 ? nullptr : "a list of IPv4 addresses";
    case kIpv6Hint:
      return !value.empty() && value.size() % 16 == 0 ? nullptr : "a list of IPv6 addresses";
    case kEch:
      return !value.empty() ? nullptr : "a list of configurations";
    case kDohPath:
      return is_dns_template({reinterpret_cast<const char*>(value.data()), value.size()})
                 ? nullptr
                 : "a path with the variable dns, such as /dns-query{?dns}";
    default:
      return nullptr;
  }
}

using Params = std::map<std::uint16_t, Value>;

// RFC 9460 section 8: each once, in ascending order, in the record, and never itself.
std::optional<std::string> mandatory_problem(const Params& params) {
  const auto list = params.find(kMandatory);
  if (list == params.end()) return std::nullopt;
  int last = -1;
  for (std::size_t i = 0; i < list->second.size(); i += 2) {
    const std::uint16_t key = load_u16(&list->second[i]);
    if (key == kMandatory) return "mandatory: lists itself";
    if (key == last) return "mandatory: " + key_text(key) + " stands twice";
    if (key < last) return "mandatory: not in ascending order";
    if (!params.contains(key)) return "mandatory: " + key_text(key) + " is not in the record";
    last = key;
  }
  return std::nullopt;
}

}  // namespace

Result<void> read_service_params(FieldReader& reader) {
  std::map<std::uint16_t, Octets> values;
  while (!reader.at_end()) {
    const auto word = take_word(reader);
    if (!word) return tl::unexpected(word.error());
    auto value = word->by_number ? Result<Octets>(Octets(word->value.begin(), word->value.end()))
                                 : read_value(word->key, word->value);
    if (!value) return tl::unexpected(value.error());
    if (value->size() > 0xFFFF) return fail(key_text(word->key) + ": longer than 65535 octets");
    if (!values.emplace(word->key, std::move(*value)).second) return fail(key_text(word->key) + " stands twice");
  }
  const std::size_t begin = reader.out().size();
  for (const auto& [key, value] : values) {
    reader.put(key, 2);
    reader.put(value.size(), 2);
    reader.put(value);
  }
  if (auto problem = service_params_problem(std::span(reader.out()).subspan(begin))) return fail(std::move(*problem));
  return {};
}

std::optional<std::string> service_params_problem(std::span<const std::uint8_t> wire) {
  Params params;
  int last = -1;
  while (!wire.empty()) {
    if (wire.size() < 4 || wire.size() - 4 < load_u16(&wire[2])) return "a parameter is cut off";
    const std::uint16_t key = load_u16(wire.data());
    if (key <= last) return "the parameters are not in ascending order of their keys";
    const Value value = wire.subspan(4, load_u16(&wire[2]));
    if (const char* const wanted = value_problem(key, value)) return key_text(key) + ": must be " + wanted;
    params.emplace(key, value);
    last = key;
    wire = wire.subspan(4 + value.size());
  }
  if (params.contains(kNoDefaultAlpn) && !params.contains(kAlpn)) return "no-default-alpn: needs alpn beside it";
  return mandatory_problem(params);
}

}  // namespace dns

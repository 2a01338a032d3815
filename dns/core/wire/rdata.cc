#include "dns/core/wire/rdata.h"

#include <algorithm>
#include <cstring>

#include "shared/core/ascii.h"

namespace dns {

namespace {

constexpr std::uint16_t kMandatory = 0;  // SvcParamKeys, RFC 9460 section 14.3.2
constexpr std::uint16_t kIpv4Hint = 4;
constexpr std::uint16_t kIpv6Hint = 6;
constexpr std::size_t kParameterHead = 4;          // key and length
constexpr std::size_t kRrHead = 2 + kRrFixedSize;  // owner pointer and fixed part

[[nodiscard]] bool is_name(RdataSpan bytes) { return !bytes.empty() && name_length(bytes) == bytes.size(); }

[[nodiscard]] const char* soa_problem(RdataSpan rdata) {
  const std::size_t primary = name_length(rdata);
  if (primary == 0) return "the primary server is not a name";
  const std::size_t mailbox = name_length(rdata.subspan(primary));
  if (mailbox == 0) return "the mailbox is not a name";
  return rdata.size() == primary + mailbox + 20 ? nullptr : "five 32-bit numbers must follow the names";
}

struct Parameter {
  std::uint16_t key = 0;
  RdataSpan whole;  // with key and length
  RdataSpan value;
};

// The parameter at the front of `rest`; nothing if it is cut off.
[[nodiscard]] std::optional<Parameter> read_parameter(RdataSpan rest) {
  if (rest.size() < 4) return std::nullopt;
  const std::size_t size = load_u16(&rest[2]);
  if (rest.size() - 4 < size) return std::nullopt;
  return Parameter{load_u16(rest.data()), rest.first(4 + size), rest.subspan(4, size)};
}

[[nodiscard]] RdataSpan parameters(RdataSpan rdata) { return rdata.subspan(2 + name_length(rdata.subspan(2))); }

template <class Visit>
void for_each_parameter(RdataSpan rdata, Visit&& visit) {
  for (RdataSpan rest = parameters(rdata); !rest.empty();) {
    const auto parameter = read_parameter(rest);
    if (!parameter) return;
    visit(*parameter);
    rest = rest.subspan(parameter->whole.size());
  }
}

// The RRs that an address hint is made of.
struct Hint {
  std::span<const std::uint8_t> rrs;
  std::size_t address_size = 0;

  [[nodiscard]] std::size_t rr_size() const { return kRrHead + address_size; }
  [[nodiscard]] std::size_t count() const { return rrs.size() / rr_size(); }
};

[[nodiscard]] std::optional<Hint> hint_of(std::uint16_t key, const HintAddresses& addresses) {
  if (key == kIpv4Hint) return Hint{addresses.a, 4};
  if (key == kIpv6Hint) return Hint{addresses.aaaa, 16};
  return std::nullopt;
}

std::uint8_t* write_hint(std::uint8_t* out, std::uint16_t key, const Hint& hint) {
  store_u16(out, key);
  store_u16(out + 2, static_cast<std::uint16_t>(hint.count() * hint.address_size));
  out += kParameterHead;
  for (std::size_t i = 0; i < hint.count(); ++i) {
    out = std::copy_n(hint.rrs.begin() + static_cast<std::ptrdiff_t>(i * hint.rr_size() + kRrHead), hint.address_size,
                      out);
  }
  return out;
}

// RFC 9460 section 2.2: keys strictly ascending.
[[nodiscard]] const char* service_problem(RdataSpan rdata) {
  if (rdata.size() < 3 || name_length(rdata.subspan(2)) == 0) return "the target is not a name";
  int last_key = -1;
  for (RdataSpan rest = parameters(rdata); !rest.empty();) {
    const auto parameter = read_parameter(rest);
    if (!parameter) return "a parameter is cut off";
    if (parameter->key <= last_key) return "the parameters are not in ascending order of their keys";
    last_key = parameter->key;
    rest = rest.subspan(parameter->whole.size());
  }
  return nullptr;
}

[[nodiscard]] const char* text_problem(RdataSpan rdata) {
  if (rdata.empty()) return "there is no string";
  while (!rdata.empty()) {
    const std::size_t size = rdata[0] + 1U;
    if (size > rdata.size()) return "a string is cut off";
    rdata = rdata.subspan(size);
  }
  return nullptr;
}

}  // namespace

const char* rdata_problem(RrType type, RdataSpan rdata) {
  switch (type) {
    case RrType::a:
      return rdata.size() == 4 ? nullptr : "an IPv4 address has 4 octets";
    case RrType::aaaa:
      return rdata.size() == 16 ? nullptr : "an IPv6 address has 16 octets";
    case RrType::soa:
      return soa_problem(rdata);
    case RrType::txt:
      return text_problem(rdata);
    case RrType::svcb:
    case RrType::https:
      return service_problem(rdata);
    default:
      break;
  }
  const auto offset = target_offset(type);
  if (!offset) return nullptr;
  return rdata.size() > *offset && is_name(rdata.subspan(*offset)) ? nullptr : "the target is not a name";
}

std::optional<std::size_t> target_offset(RrType type) {
  switch (type) {
    case RrType::ns:
    case RrType::cname:
    case RrType::dname:
    case RrType::ptr:
      return 0;
    case RrType::mx:
    case RrType::svcb:
    case RrType::https:
      return 2;
    case RrType::srv:
      return 6;
    default:
      return std::nullopt;
  }
}

NameSpan target_name(RrType type, RdataSpan rdata) {
  const auto offset = target_offset(type);
  if (!offset) return {};
  const RdataSpan rest = rdata.subspan(*offset);
  return rest.first(name_length(rest));
}

std::strong_ordering compare_rdata(RrType type, RdataSpan a, RdataSpan b) {
  if (target_offset(type) == std::size_t{0}) {
    return std::lexicographical_compare_three_way(
        a.begin(), a.end(), b.begin(), b.end(),
        [](std::uint8_t x, std::uint8_t y) { return shared::lower(x) <=> shared::lower(y); });
  }
  const std::size_t common = std::min(a.size(), b.size());
  const int order = common == 0 ? 0 : std::memcmp(a.data(), b.data(), common);
  return order != 0 ? order <=> 0 : a.size() <=> b.size();
}

bool has_address_hints(RdataSpan rdata) {
  bool found = false;
  for_each_parameter(rdata, [&](const Parameter& p) { found |= p.key == kIpv4Hint || p.key == kIpv6Hint; });
  return found;
}

bool hints_are_mandatory(RdataSpan rdata) {
  bool found = false;
  for_each_parameter(rdata, [&](const Parameter& p) {
    if (p.key != kMandatory) return;
    for (std::size_t i = 0; i + 1 < p.value.size(); i += 2) {
      const std::uint16_t key = load_u16(&p.value[i]);
      found |= key == kIpv4Hint || key == kIpv6Hint;
    }
  });
  return found;
}

std::size_t hinted_size(RdataSpan rdata, const HintAddresses& addresses) {
  std::size_t size = rdata.size();
  for_each_parameter(rdata, [&](const Parameter& p) {
    const auto hint = hint_of(p.key, addresses);
    if (!hint) return;
    size -= p.whole.size();
    if (!hint->rrs.empty()) size += kParameterHead + hint->count() * hint->address_size;
  });
  return size;
}

std::uint8_t* write_hinted(std::uint8_t* out, RdataSpan rdata, const HintAddresses& addresses) {
  const RdataSpan front = rdata.first(rdata.size() - parameters(rdata).size());
  out = std::copy(front.begin(), front.end(), out);
  for_each_parameter(rdata, [&](const Parameter& p) {
    const auto hint = hint_of(p.key, addresses);
    if (!hint) {
      out = std::copy(p.whole.begin(), p.whole.end(), out);
    } else if (!hint->rrs.empty()) {
      out = write_hint(out, p.key, *hint);
    }
  });
  return out;
}

}  // namespace dns

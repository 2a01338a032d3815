#include "dns/core/zone/query.h"

#include <algorithm>

#include "dns/core/wire/cookie.h"

namespace dns {

namespace {

// What follows an owner, as it stands in the packet.
struct RrHead {
  RrType type{};
  std::uint16_t klass = 0;
  std::uint32_t ttl = 0;
  std::span<const std::uint8_t> rdata;
};

// Walks a packet behind the header. Every step says whether the packet went on as it must.
class Walker {
 public:
  Walker(std::span<const std::uint8_t> packet, std::size_t at) : packet_(packet), at_(at) {}

  [[nodiscard]] bool at_end() const { return at_ == packet_.size(); }
  [[nodiscard]] bool at_root() const { return at_ < packet_.size() && packet_[at_] == 0; }

  // An owner, compressed or not. Pointers are not followed: nothing in an owner but the root concerns us.
  [[nodiscard]] bool skip_name() {
    const std::size_t start = at_;
    while (at_ < packet_.size() && at_ - start < kMaxNameSize) {
      const std::uint8_t octet = packet_[at_];
      if (octet >= 0xC0) return skip(2);
      if (octet > kMaxLabelSize) return false;
      at_ += octet + 1U;
      if (octet == 0) return true;
    }
    return false;
  }

  [[nodiscard]] bool read_head(RrHead& head) {
    const std::size_t at = at_;
    if (!skip(kRrFixedSize)) return false;
    const std::uint8_t* fixed = &packet_[at];
    head.type = RrType{load_u16(fixed)};
    head.klass = load_u16(fixed + 2);
    head.ttl = load_u32(fixed + 4);
    const std::uint16_t size = load_u16(fixed + 8);
    if (!skip(size)) return false;
    head.rdata = packet_.subspan(at_ - size, size);
    return true;
  }

 private:
  [[nodiscard]] bool skip(std::size_t n) {
    if (packet_.size() - at_ < n) return false;
    at_ += n;
    return true;
  }

  std::span<const std::uint8_t> packet_;
  std::size_t at_;
};

// The client subnet option, RFC 7871 section 6. Family 0 is what `dig +subnet=0` sends: no address, source 0; it is
// echoed and means nothing.
[[nodiscard]] Rcode read_subnet(std::span<const std::uint8_t> data, Query& query) {
  if (data.size() < 4 || !query.edns->subnet.empty()) return Rcode::formerr;
  const std::uint16_t family = load_u16(data.data());
  const unsigned source = data[2];
  const unsigned scope = data[3];
  const std::span<const std::uint8_t> address = data.subspan(4);
  if (family > 2 || scope != 0 || address.size() != (source + 7) / 8) return Rcode::formerr;
  constexpr unsigned kMaxSource[] = {0, 32, 128};
  if (source > kMaxSource[family]) return Rcode::formerr;
  if (source % 8 != 0 && (address.back() & (0xFF >> (source % 8))) != 0) return Rcode::formerr;
  query.edns->subnet = data;
  if (family == 0) return Rcode::noerror;
  ClientSubnet& subnet = query.subnet.emplace();
  subnet.address.family = family == 1 ? shared::Family::ipv4 : shared::Family::ipv6;
  std::copy(address.begin(), address.end(), subnet.address.bytes.begin());
  subnet.source = static_cast<std::uint8_t>(source);
  return Rcode::noerror;
}

[[nodiscard]] Rcode read_option(OptionCode code, std::span<const std::uint8_t> data, Query& query) {
  switch (code) {
    case OptionCode::nsid:
      query.edns->wants_nsid = true;
      return Rcode::noerror;
    case OptionCode::tcp_keepalive:
      query.edns->wants_keepalive = true;
      return Rcode::noerror;
    case OptionCode::client_subnet:
      return read_subnet(data, query);
    case OptionCode::cookie:  // RFC 7873 sections 5.2 and 5.2.2: the first one counts
      if (!query.edns->cookie.empty()) return Rcode::noerror;
      if (!is_cookie_size(data.size())) return Rcode::formerr;
      query.edns->cookie = data;
      return Rcode::noerror;
    default:
      return Rcode::noerror;
  }
}

[[nodiscard]] Rcode read_options(std::span<const std::uint8_t> rest, Query& query) {
  while (!rest.empty()) {
    if (rest.size() < 4) return Rcode::formerr;
    const OptionCode code{load_u16(rest.data())};
    const std::size_t size = load_u16(rest.data() + 2);
    if (rest.size() - 4 < size) return Rcode::formerr;
    const Rcode error = read_option(code, rest.subspan(4, size), query);
    if (error != Rcode::noerror) return error;
    rest = rest.subspan(4 + size);
  }
  return Rcode::noerror;
}

enum class OwnerIs : std::uint8_t { root, other };

// RFC 6891 sections 6.1.1 and 6.1.3. Whatever is wrong with it, an OPT that was seen is replied to with an OPT.
[[nodiscard]] Rcode read_opt(const RrHead& head, OwnerIs owner, Query& query) {
  const bool second = query.edns.has_value();
  if (!second) {
    query.edns.emplace();
    query.edns->udp_size = std::max<std::uint16_t>(head.klass, kMinUdpSize);
    query.edns->dnssec_ok = (head.ttl & kEdnsFlagDo) != 0;
  }
  if (second || owner != OwnerIs::root) return Rcode::formerr;
  if (((head.ttl >> 16) & 0xFF) != 0) return Rcode::badvers;  // options of another version are not for us to read
  return read_options(head.rdata, query);
}

// All sections behind the question. The first error stands, but the walk ends at a malformed record.
[[nodiscard]] Rcode read_records(std::span<const std::uint8_t> packet, Walker walker, Query& query) {
  const unsigned before_additional = load_u16(&packet[6]) + load_u16(&packet[8]);
  const unsigned total = before_additional + load_u16(&packet[10]);
  Rcode error = Rcode::noerror;
  for (unsigned i = 0; i < total; ++i) {
    const OwnerIs owner = walker.at_root() ? OwnerIs::root : OwnerIs::other;
    RrHead head;
    if (!walker.skip_name() || !walker.read_head(head)) return Rcode::formerr;
    if (head.type != RrType::opt || i < before_additional) continue;
    const Rcode opt_error = read_opt(head, owner, query);
    if (error != Rcode::formerr && opt_error != Rcode::noerror) error = opt_error;
  }
  return walker.at_end() ? error : Rcode::formerr;
}

// No question: sound only if a cookie is what is wanted (RFC 7873 section 5.4).
[[nodiscard]] Rcode read_questionless(std::span<const std::uint8_t> packet, Query& query) {
  const Rcode error = read_records(packet, Walker(packet, kHeaderSize), query);
  if (error != Rcode::noerror) return error;
  return query.edns && !query.edns->cookie.empty() ? Rcode::noerror : Rcode::formerr;
}

[[nodiscard]] Rcode read_body(std::span<const std::uint8_t> packet, Query& query) {
  if (load_u16(&packet[4]) == 0) return read_questionless(packet, query);
  if (load_u16(&packet[4]) != 1) return Rcode::formerr;  // RFC 9619
  const std::size_t size = query.name.assign(packet.subspan(kHeaderSize));
  if (size == 0 || packet.size() - kHeaderSize < size + 4) return Rcode::formerr;
  query.question = packet.subspan(kHeaderSize, size + 4);
  query.type = RrType{load_u16(&query.question[size])};
  query.klass = RrClass{load_u16(&query.question[size + 2])};
  return read_records(packet, Walker(packet, kHeaderSize + size + 4), query);
}

}  // namespace

Query parse_query(std::span<const std::uint8_t> packet) {
  Query query;
  if (packet.size() < kHeaderSize) return query;
  query.id = load_u16(packet.data());
  query.flags = load_u16(&packet[2]);
  if ((query.flags & kFlagQr) != 0) return query;
  query.error = read_body(packet, query);
  if (query.opcode() != Opcode::query && query.error != Rcode::badvers) query.error = Rcode::notimp;
  const bool answerable = query.error == Rcode::noerror && !query.question.empty();
  query.verdict = answerable ? Verdict::answer : Verdict::reject;
  return query;
}

}  // namespace dns

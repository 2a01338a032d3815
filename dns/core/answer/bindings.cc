#include "dns/core/answer/bindings.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "dns/core/answer/lookup.h"
#include "dns/core/steer/answer_sets.h"
#include "dns/core/wire/rdata.h"
#include "dns/core/zone/shorten.h"

namespace dns {

namespace {

constexpr unsigned kMaxHintLinks = 16;  // CNAMEs behind which a binding's addresses are looked for

// The node that has the addresses of the target; that may be an alias (section 2.4.3).
[[nodiscard]] Node find_hinted(const ZoneSet& zones, HashedName& target) {
  AddressNode found = find_address_node(zones, target);
  for (unsigned links = 0; links < kMaxHintLinks && found.node && found.node.has(Node::kCname); ++links) {
    std::array<std::uint8_t, kMostImagined> imagined;
    const Rrset cname = found.node.find(RrType::cname);
    const std::size_t size = write_imagined(imagined, *found.zone, found.node, cname);
    target.assign_at(std::span(imagined).first(size), size - cname.wire.size() + 2 + kRrFixedSize);
    found = find_address_node(zones, target);
  }
  return found.node;
}

// What a client is given at a policy name, as hints. `ttl` becomes at most theirs.
template <class Trace>
[[nodiscard]] std::span<const std::uint8_t> choose_addresses(Draft<Trace>& draft, const Node& node, AddressType type,
                                                             std::uint32_t& ttl) {
  if (node.has_beside(rr_type_of(type))) {
    const Rrset rrset = node.find(rr_type_of(type));
    ttl = std::min(ttl, rrset.ttl());
    return rrset.wire;
  }
  const Choice choice = draft.choose_for(node, type);
  draft.frame.widen_scope(choice.scope);
  if (choice.rrset.count > 0) ttl = std::min(ttl, choice.rrset.ttl());
  return choice.is_cname() ? std::span<const std::uint8_t>() : choice.rrset.wire;
}

// Nothing: as they stand in the zone file, no policy gives the target its addresses. `ttl` becomes at most theirs.
template <class Trace>
[[nodiscard]] std::optional<HintAddresses> choose_hints(Draft<Trace>& draft, std::span<const std::uint8_t> rdata,
                                                        std::size_t owner_at, std::uint32_t& ttl) {
  const bool alias = load_u16(rdata.data()) == 0;
  if (alias || !has_address_hints(rdata)) return std::nullopt;
  if (rdata[2] == 0) {
    draft.read_target(owner_at);
  } else {
    draft.target.assign(rdata.subspan(2));
  }
  const Node node = find_hinted(*draft.snapshot.zones, draft.target);
  if (!node || !node.has(Node::kPolicy)) return std::nullopt;
  const auto a = choose_addresses(draft, node, AddressType::a, ttl);
  const HintAddresses hints{a, choose_addresses(draft, node, AddressType::aaaa, ttl)};
  draft.trace.note("hints", [&] {
    return "the same addresses: " + std::to_string(hints.a.size() / AnswerSets::rr_size(AddressType::a)) +
           " of IPv4, " + std::to_string(hints.aaaa.size() / AnswerSets::rr_size(AddressType::aaaa)) + " of IPv6";
  });
  return hints;
}

}  // namespace

template <class Trace>
std::size_t add_bindings(Draft<Trace>& draft, Section section, const Rrset& rrset, std::size_t owner_at) {
  Reply& reply = draft.frame.reply;
  const Reply::Mark before = reply.mark();
  std::uint32_t ttl = rrset.ttl();
  std::size_t first = 0;
  std::span<const std::uint8_t> rest = rrset.wire;
  for (unsigned i = 0; i < rrset.count; ++i) {
    const auto rr = rest.first(2 + kRrFixedSize + load_u16(&rest[kRrFixedSize]));
    const auto rdata = rr.subspan(2 + kRrFixedSize);
    rest = rest.subspan(rr.size());
    const auto hints = choose_hints(draft, rdata, owner_at, ttl);
    const std::size_t rr_at =
        hints ? reply.add_binding(section, rr, owner_at, *hints) : reply.add(section, {rrset.type, 1, 0, rr}, owner_at);
    if (rr_at == 0) {
      reply.rollback(before);
      return draft.frame.noted(section, 0);
    }
    if (i == 0) first = rr_at;
  }
  std::size_t at = first;
  for (unsigned i = 0; i < rrset.count; ++i, at = reply.next_rr(at)) reply.set_ttl(at, ttl);
  return first;
}

template std::size_t add_bindings(Draft<NullTrace>&, Section, const Rrset&, std::size_t);
template std::size_t add_bindings(Draft<RecordingTrace>&, Section, const Rrset&, std::size_t);

}  // namespace dns

#include "dns/core/answer/additional.h"

#include "dns/core/answer/bindings.h"
#include "dns/core/answer/lookup.h"
#include "dns/core/answer/seen_names.h"
#include "dns/core/wire/rdata.h"

namespace dns {

namespace {

// False: it did not fit.
template <class Trace>
bool add_address(Draft<Trace>& draft, const Node& node, AddressType type, std::size_t owner_at) {
  if (!node.has(Node::kPolicy) || node.has_beside(rr_type_of(type))) {
    const Rrset rrset = node.find(rr_type_of(type));
    return rrset.count == 0 || draft.frame.add(Section::additional, rrset, owner_at) != 0;
  }
  const Choice choice = draft.choose_for(node, type);
  if (choice.refuse || choice.rrset.count == 0) return true;
  draft.frame.widen_scope(choice.scope);
  if (choice.is_cname()) return true;  // its addresses are somebody else's
  return draft.frame.add(Section::additional, choice.rrset, owner_at) != 0;
}

// False: something did not fit.
template <class Trace>
bool add_addresses(Draft<Trace>& draft, const Node& node, std::size_t owner_at) {
  const bool a = add_address(draft, node, AddressType::a, owner_at);
  const bool aaaa = add_address(draft, node, AddressType::aaaa, owner_at);
  return a && aaaa;
}

// RFC 9460 sections 2.4 and 4.1: "." is the owner in ServiceMode and nothing in AliasMode; behind an alias come its
// service bindings too.
template <class Trace>
void add_service_target(Draft<Trace>& draft, RrType type, std::size_t rdata_at, SeenNames& seen) {
  const auto rdata = draft.frame.reply.message().subspan(rdata_at);
  const bool alias = load_u16(rdata.data()) == 0;
  const bool root = rdata[2] == 0;
  if (alias && root) return;
  const std::size_t target_at = root ? draft.name_at : rdata_at + 2;
  draft.read_target(target_at);
  if (!seen.insert(draft.target.hash(0))) return;
  const bool itself = draft.target.hash(0) == draft.name->hash(0);  // what is answered already
  const Node node = find_address_node(*draft.snapshot.zones, draft.target).node;
  if (!node) return;
  if (alias && !itself) {
    const Rrset bindings = node.find(type);
    if (bindings.count > 0) add_bindings(draft, Section::additional, bindings, target_at);
  }
  add_addresses(draft, node, target_at);
}

enum class Glue : std::uint8_t { required, optional };

}  // namespace

template <class Trace>
void add_additional(Draft<Trace>& draft, const Rrset& rrset, std::size_t rr_at) {
  const Reply& reply = draft.frame.reply;
  const std::size_t offset = *target_offset(rrset.type);
  SeenNames seen;
  for (unsigned i = 0; i < rrset.count; ++i, rr_at = reply.next_rr(rr_at)) {
    const std::size_t rdata_at = reply.rdata_at(rr_at);
    if (is_service_binding(rrset.type)) {
      add_service_target(draft, rrset.type, rdata_at, seen);
      continue;
    }
    const std::size_t target_at = rdata_at + offset;
    draft.read_target(target_at);
    if (!seen.insert(draft.target.hash(0))) continue;
    const Node node = find_address_node(*draft.snapshot.zones, draft.target).node;
    if (node) add_addresses(draft, node, target_at);
  }
}

template <class Trace>
void add_glue(Draft<Trace>& draft, std::size_t rr_at, unsigned count, unsigned cut) {
  const Reply& reply = draft.frame.reply;
  bool others = false;
  const auto pass = [&](Glue glue) {
    std::size_t at = rr_at;
    for (unsigned i = 0; i < count; ++i, at = reply.next_rr(at)) {
      const std::size_t target_at = reply.rdata_at(at);
      draft.read_target(target_at);
      const bool other = (glue == Glue::required) != draft.target.is_within(*draft.name, cut);
      others |= other;
      if (other) continue;
      const Node node = find_address_node(*draft.snapshot.zones, draft.target).node;
      if (!node || node.has(Node::kPolicy)) continue;  // a referral is the same for every client, scope 0
      if (!add_addresses(draft, node, target_at) && glue == Glue::required) draft.frame.info.truncated = true;
    }
  };
  pass(Glue::required);
  if (others && !draft.frame.info.truncated) pass(Glue::optional);
}

template void add_additional(Draft<NullTrace>&, const Rrset&, std::size_t);
template void add_additional(Draft<RecordingTrace>&, const Rrset&, std::size_t);
template void add_glue(Draft<NullTrace>&, std::size_t, unsigned, unsigned);
template void add_glue(Draft<RecordingTrace>&, std::size_t, unsigned, unsigned);

}  // namespace dns

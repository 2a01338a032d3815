#include "dns/core/steer/steering.h"

#include <algorithm>
#include <string>
#include <type_traits>
#include <vector>

#include "dns/core/steer/answer_sets.h"
#include "dns/core/steer/narrate.h"
#include "dns/core/steer/policy_tables.h"
#include "dns/core/steer/private_block.h"
#include "shared/core/hash.h"

namespace dns {
namespace {

using shared::Family;
using shared::IpAddress;

// Answers that differ inside a class do so by blocks of this length, the finest that resolvers send (RFC 7871 11.1).
constexpr std::uint8_t granularity(Family family) { return family == Family::ipv4 ? 24 : 56; }

bool is_given(const std::optional<ClientSubnet>& subnet) { return subnet && subnet->source > 0; }

const shared::PrefixTable& table_for(const PolicyTables::Compiled& policy, bool by_subnet) {
  return by_subnet || !policy.resolvers ? policy.clients : *policy.resolvers;
}

// What choose() will look for, and where; no table: an ALIAS, the same for everybody.
struct Search {
  const shared::PrefixTable* table = nullptr;
  const IpAddress* address = nullptr;
};

Search search_for(const PolicyTables& tables, PolicyNameId name, const std::optional<ClientSubnet>& subnet,
                  const IpAddress& resolver) {
  const PolicyTables::Profile& profile = tables.profiles()[tables.profile_of(name)];
  if (profile.alias != 0) return {};
  const bool by_subnet = is_given(subnet);
  return {&table_for(tables.compiled()[profile.policy], by_subnet), by_subnet ? &subnet->address : &resolver};
}

ClientMatch locate(const PolicyTables::Compiled& policy, const IpAddress& address, bool by_subnet) {
  ClientMatch out;
  out.by_subnet = by_subnet;
  out.address = address;
  const shared::PrefixTable& table = table_for(policy, by_subnet);
  shared::PrefixMatch match = table.lookup(out.address);
  if (match.value == PolicyTables::kEmbeddedIpv4) {
    const auto embedded = shared::embedded_ipv4(out.address);  // never empty: the same prefixes
    out.address = embedded->address;
    out.shift = embedded->shift;
    match = table.lookup(out.address);
  }
  out.class_id = match.value;
  out.depth = match.depth;
  return out;
}

// A private subnet is answered by the resolver's address, for all of its block, and no other answer's block holds it
// (RFC 7871 section 10); unless the policy has a row for it. `found`: as if it were a client's.
[[gnu::noinline]] ClientMatch locate_private(const PolicyTables::Compiled& policy, const Client& client,
                                             ClientMatch found) {
  const PrivateBlock block = private_block_of(found.address);
  if (!block.is_private) {
    found.depth = std::max(found.depth, block.length);
    return found;
  }
  const shared::PrefixMatch own = policy.own.lookup(found.address);
  const std::uint8_t length = std::max(block.length, own.depth);
  if (own.value != 0) {
    found.depth = std::max(found.depth, length);
    return found;
  }
  ClientMatch out = locate(policy, client.resolver, false);
  out.private_scope = static_cast<std::uint8_t>(length + found.shift);
  return out;
}

[[nodiscard]] inline ClientMatch locate(const PolicyTables::Compiled& policy, const Client& client) {
  const bool by_subnet = is_given(client.subnet);
  ClientMatch out = locate(policy, by_subnet ? client.subnet->address : client.resolver, by_subnet);
  if (!by_subnet || policy.one_answer) return out;
  const std::uint8_t known = known_public_length(out.address);
  if (known == 0) return locate_private(policy, client, out);
  out.depth = std::max(out.depth, known);
  return out;
}

// What picks among the variants of a class: the client's block, or a draw if only the resolver is known, lest all users
// of one big resolver get the same. What a private subnet is given is kept for its whole block: there the resolver's
// own address picks.
std::uint64_t variant_of(std::uint64_t seed, const ClientMatch& located, std::uint8_t scope, std::uint64_t entropy) {
  if (!located.by_subnet && located.private_scope == 0) return shared::mix(seed ^ entropy);
  const IpAddress block = located.by_subnet ? located.address.masked(scope) : located.address;
  const std::size_t size = shared::bits_of(block.family) / 8;
  return shared::hash_bytes(seed, {block.bytes.data(), size});
}

// Draws by weight among all members, and draws again without those that cannot be used: so the absence of one region
// moves its own clients only, each to the rest by their weights. REQUIRES: one is usable, at most 32 candidates.
const AnswerSets::Candidate& draw(std::span<const AnswerSets::Candidate> candidates, std::uint64_t variant) {
  std::uint32_t out = 0;  // bit set: drawn already, unusable
  std::uint32_t total = 0;
  for (const auto& candidate : candidates) total += candidate.weight;
  while (true) {
    std::uint32_t point = shared::hash_to_index(variant, total);
    std::size_t drawn = 0;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if ((out >> i & 1) != 0) continue;
      drawn = i;
      if (point < candidates[i].weight) break;
      point -= candidates[i].weight;
    }
    if (candidates[drawn].usable) return candidates[drawn];
    out |= std::uint32_t{1} << drawn;
    total -= candidates[drawn].weight;
    variant = shared::mix(variant + 0x9E3779B97F4A7C15ULL);
  }
}

template <class Trace>
void note_all(Trace& trace, const std::vector<Sentence>& sentences) {
  for (const Sentence& sentence : sentences) trace.note(sentence.topic, [&] { return sentence.text; });
}

// ALIAS: the same addresses for every client.
template <class Trace>
Choice choose_alias(const PolicyTables& tables, const AnswerSets& answers, PolicyNameId name, AddressType type,
                    Trace& trace) {
  const AliasSet::OfType& set = answers.alias(tables.profiles()[tables.profile_of(name)]).of(type);
  trace.note("alias", [&] { return narrate_alias(tables, answers, name, type); });
  Choice choice;
  choice.fail = set.known.state == AliasAnswer::State::unknown;
  choice.rrset = {rr_type_of(type), static_cast<std::uint16_t>(set.known.addresses.size()), 0, set.rrs};
  return choice;
}

}  // namespace

template <class Trace>
Choice choose(const PolicyTables& tables, const AnswerSets& answers, PolicyNameId name, AddressType type,
              const Client& client, Trace& trace) {
  if (!tables.has(name, type) && !tables.may_cname(name)) {
    trace.note("existence", [] { return std::string("the regions of this name have no edge of this family"); });
    return {};
  }
  const std::size_t profile_index = tables.profile_of(name);
  const PolicyTables::Profile& profile = tables.profiles()[profile_index];
  if (profile.alias != 0) return choose_alias(tables, answers, name, type, trace);
  const PolicyTables::Compiled& policy = tables.compiled()[profile.policy];
  const ClientMatch located = locate(policy, client);
  const AnswerSets::Slot& slot = answers.slot(profile_index, type, located.class_id);
  if constexpr (!std::is_same_v<Trace, NullTrace>) {
    note_all(trace, narrate_client(tables, name, client, located));
    trace.note("order", [&] { return narrate_class(tables, name, located); });
  }

  std::uint8_t scope = located.depth;
  if (slot.variants) scope = std::max(scope, granularity(located.address.family));
  Choice choice;
  choice.scope = located.by_subnet ? static_cast<std::uint8_t>(scope + located.shift) : located.private_scope;
  const auto tell = [&]([[maybe_unused]] std::optional<RegionId> region) {
    if constexpr (!std::is_same_v<Trace, NullTrace>) {
      const Decided decided{name, type, located, slot, region};
      note_all(trace, narrate_health(tables, answers, decided));
      trace.note("choice", [&] { return narrate_choice(tables, answers, decided); });
      trace.note("ttl", [&] { return narrate_ttl(tables, answers, decided); });
      trace.note("scope", [&] { return narrate_scope(slot, located, choice.scope); });
    }
  };
  choice.refuse = slot.verdict == AnswerSets::Verdict::all_down_refuse;
  const auto candidates = answers.candidates(slot);
  if (candidates.empty()) {
    tell(std::nullopt);
    return choice;
  }

  const std::uint64_t variant = slot.variants ? variant_of(policy.seed, located, scope, client.entropy) : 0;
  const AnswerSets::Candidate& chosen = candidates.size() == 1 ? candidates.front() : draw(candidates, variant);
  tell(chosen.region);
  choice.region = chosen.region;
  choice.steered = true;
  if (chosen.cname_size > 0) {
    trace.note("cname", [] { return std::string("this region is somebody else's platform: its CNAME, alone"); });
    choice.rrset = answers.cname(chosen);
    return choice;
  }
  std::uint32_t start = 0;
  std::uint16_t count = chosen.ring.edges;
  const bool windowed = profile.answers > 0 && slot.verdict == AnswerSets::Verdict::answer;
  if (windowed && count > profile.answers) {
    start = shared::hash_to_index(shared::mix(~variant), count);
    count = profile.answers;
    trace.note("window", [&] { return narrate_window(start, count, chosen.ring.edges); });
  }
  choice.rrset = answers.window(chosen.ring, type, start, count);
  return choice;
}

std::uint32_t class_of(const PolicyTables& tables, PolicyNameId name, const Client& client) {
  return locate(tables.compiled()[tables.profiles()[tables.profile_of(name)].policy], client).class_id;
}

void prefetch_index(const PolicyTables& tables, PolicyNameId name, const std::optional<ClientSubnet>& subnet,
                    const IpAddress& resolver) {
  const auto [table, address] = search_for(tables, name, subnet, resolver);
  if (table != nullptr) table->prefetch_index(*address);
}

void prefetch_segments(const PolicyTables& tables, PolicyNameId name, const std::optional<ClientSubnet>& subnet,
                       const IpAddress& resolver) {
  const auto [table, address] = search_for(tables, name, subnet, resolver);
  if (table != nullptr) table->prefetch_segments(*address);
}

template Choice choose(const PolicyTables&, const AnswerSets&, PolicyNameId, AddressType, const Client&, NullTrace&);
template Choice choose(const PolicyTables&, const AnswerSets&, PolicyNameId, AddressType, const Client&,
                       RecordingTrace&);

}  // namespace dns

#pragma once
// Narrate: the sentences of `explain` about steering. They describe what choose() found; they decide nothing. Called
// only when a trace records, on any thread.

#include <optional>
#include <string>
#include <vector>

#include "dns/core/steer/answer_sets.h"
#include "dns/core/steer/policy_tables.h"
#include "dns/core/steer/steering.h"

namespace dns {

// Where choose() found the client in the tables.
struct ClientMatch {
  shared::IpAddress address;  // that was looked up: an embedded IPv4 address in place of its IPv6 one
  std::uint32_t class_id = 0;
  std::uint8_t depth = 0;  // at which the table decides, in the family of `address`
  std::uint8_t shift = 0;  // bits before an embedded IPv4 address
  bool by_subnet = false;  // the query said whose it is; else it is the resolver's own address
  // The query said whose it is, but by a private address: the length of that block, `address` is the resolver's. Else
  // 0.
  std::uint8_t private_scope = 0;
};

struct Sentence {
  std::string_view topic;
  std::string text;
};

// The name's policy, the address used, its row in the database, what each step added or why it added nothing.
[[nodiscard]] std::vector<Sentence> narrate_client(const PolicyTables& tables, PolicyNameId name, const Client& client,
                                                   const ClientMatch& located);
// The finished order, and for whom else it holds.
[[nodiscard]] std::string narrate_class(const PolicyTables& tables, PolicyNameId name, const ClientMatch& located);

// What choose() decided upon.
struct Decided {
  PolicyNameId name{};
  AddressType type{};
  const ClientMatch& located;
  const AnswerSets::Slot& slot;
  std::optional<RegionId> region;  // absent: no addresses are given
};
// Each region of the order: how it is, and why it was taken or passed over; then those that the order leaves out.
[[nodiscard]] std::vector<Sentence> narrate_health(const PolicyTables& tables, const AnswerSets& answers,
                                                   const Decided& decided);
[[nodiscard]] std::string narrate_choice(const PolicyTables& tables, const AnswerSets& answers, const Decided& decided);
[[nodiscard]] std::string narrate_alias(const PolicyTables& tables, const AnswerSets& answers, PolicyNameId name,
                                        AddressType type);
[[nodiscard]] std::string narrate_window(std::uint32_t start, std::uint32_t count, std::uint32_t edges);
[[nodiscard]] std::string narrate_ttl(const PolicyTables& tables, const AnswerSets& answers, const Decided& decided);
[[nodiscard]] std::string narrate_scope(const AnswerSets::Slot& slot, const ClientMatch& located, std::uint8_t scope);

}  // namespace dns

#pragma once
// Steering: which addresses a policy name gives to a client. Two immutable halves, both inside the Snapshot:
//
//   PolicyTables   client prefix -> class: policy x geo database x subnet rows, disjoint and merged (slow to build)
//   AnswerSets     class x health -> ready wire RRs, per type and window of edges (under a millisecond to build)
//
// choose() is a pure function of both; it is what the answer path calls for a name that has a policy. Any thread.
// Whether the name has the type at all is PolicyTables::has(name, type), which depends on neither client nor health.

#include <cstdint>
#include <optional>
#include <span>

#include "dns/core/health/region.h"
#include "dns/core/steer/trace.h"
#include "dns/core/wire/rrset.h"
#include "dns/core/wire/wire.h"
#include "shared/core/ip.h"

namespace dns {

class PolicyTables;
class AnswerSets;

// Index of a policy name in PolicyTables and AnswerSets; a Zone node carries it. Stable within one build of the
// configuration.
enum class PolicyNameId : std::uint32_t {};

// EDNS Client Subnet as it came (RFC 7871 section 6), already validated: bits past `source` are zero.
struct ClientSubnet {
  shared::IpAddress address;
  std::uint8_t source = 0;  // SOURCE PREFIX-LENGTH
};

struct Client {
  shared::IpAddress resolver;          // where the query came from
  std::optional<ClientSubnet> subnet;  // source 0: as if absent for the choice, but echoed with scope 0
  std::uint64_t entropy = 0;           // a draw per query, for clients without a subnet
};

enum class AddressType : std::uint8_t { a, aaaa };
[[nodiscard]] constexpr RrType rr_type_of(AddressType type) {
  return type == AddressType::a ? RrType::a : RrType::aaaa;
}

// What choose() found. The set lives as long as the AnswerSets: RRs of 16 (A) or 28 (AAAA) octets, or one CNAME, which
// is the answer to every type, alone (RFC 7871 7.2.1). None in it: NODATA (all down and `when_all_down: nodata`).
struct Choice {
  Rrset rrset;
  std::uint8_t scope = 0;  // SCOPE PREFIX-LENGTH in the family of the query's own subnet option
  bool refuse = false;     // all down and `when_all_down: refuse`
  bool fail = false;       // the addresses of an ALIAS target are not known yet: SERVFAIL
  bool steered = false;    // a policy chose; else `region` means nothing
  RegionId region{};       // whose edges they are; REQUIRES: steered, the set is not empty

  [[nodiscard]] bool is_cname() const { return rrset.type == RrType::cname; }
};

template <class Trace>
[[nodiscard]] Choice choose(const PolicyTables& tables, const AnswerSets& answers, PolicyNameId name, AddressType type,
                            const Client& client, Trace& trace);

// The class of clients that choose() counts this one to. REQUIRES: the name has a policy, so it is no ALIAS.
[[nodiscard]] std::uint32_t class_of(const PolicyTables& tables, PolicyNameId name, const Client& client);

// What choose() will read of the prefix table, asked for in two steps: the index, then the segments that it names.
void prefetch_index(const PolicyTables& tables, PolicyNameId name, const std::optional<ClientSubnet>& subnet,
                    const shared::IpAddress& resolver);
void prefetch_segments(const PolicyTables& tables, PolicyNameId name, const std::optional<ClientSubnet>& subnet,
                       const shared::IpAddress& resolver);

}  // namespace dns

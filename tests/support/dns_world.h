#pragma once
// For tests, fuzzing and benchmarks: one small world with everything in it that the answer path knows. Two regions, a
// policy, and two zones that have wildcards, aliases, a DNAME, delegations and policy names.

#include <memory>

#include "dns/core/answer/snapshot.h"
#include "tests/support/dns_message.h"

namespace test {

// Policy names in order of their ids: www.example.com, *.geo.example.com, four.example.com (IPv4 only),
// mixed.example.com (198.51.100.0/24 is sent to shop.cdn.example.org. by a CNAME), and two ALIAS names:
// flat.example.com (192.0.2.61 and .62, TTL 20, no IPv6), unflat.example.com (its target has never answered).
// Clients in 198.51.100.0/24 and 2001:db8:ec::/48 go to eu (203.0.113.31, 2001:db8:3::31), all others to us
// (192.0.2.11, 2001:db8:1::11). TTL 60 while nothing changes.
void add_steering(dns::Snapshot& snapshot);

[[nodiscard]] ZoneText example_zone();  // example.com
[[nodiscard]] ZoneText other_zone();    // example.net
[[nodiscard]] dns::Snapshot example_world();

}  // namespace test

#pragma once
// What a registry's tool asks about a zone before it is delegated, as judgements over answers that were fetched: glue,
// NS agreement, SOA serials over all nodes, TCP, EDNS, no DS at the parent. Pure: zone_check.cc asks the servers. Any
// thread.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cli {

// What one server said of the zone.
struct NodeAnswers {
  std::string address;
  std::string problem;  // why it said nothing over UDP; the rest is empty then
  bool authoritative = false;
  bool tcp = false;
  bool edns = false;
  std::optional<std::uint32_t> serial;
  std::set<std::string> name_servers;                      // "ns1.example.com."
  std::map<std::string, std::set<std::string>> addresses;  // of the name servers inside the zone
};

struct Delegation {
  std::string zone;  // with its last dot
  std::vector<NodeAnswers> nodes;
  bool parent_asked = false;
  bool ds_at_parent = false;
};

struct Judged {
  bool good = true;
  std::vector<std::string> lines;  // "good  ...", "WRONG ...", and at the end what the registrar is to be sent
};

[[nodiscard]] Judged judge(const Delegation& delegation);

}  // namespace cli

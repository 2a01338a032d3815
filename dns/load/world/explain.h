#pragma once
// explain(): how a question would be answered and why, in words: the query is built, answer() itself runs with a
// recording sink, and what it noted is printed with the reply as dig would show it. `meridian explain` calls it on a
// snapshot of its own, the admin port's /explain on the live one. Pure; any thread, but off the path: it allocates.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/core/answer/snapshot.h"
#include "shared/core/ip.h"
#include "shared/core/result.h"

namespace dns {

struct ExplainQuestion {
  std::string name;                      // absolute, the final dot may be missing
  std::string type = "A";                // mnemonic or TYPE123
  std::optional<shared::Prefix> client;  // as a client subnet (RFC 7871); absent: only the resolver is known
  shared::IpAddress resolver;            // where the query comes from
  std::uint64_t entropy = 0;             // the draw of a query without a subnet
};

// The same from the words of a command line or of /explain?name=...&type=...&client=...&resolver=...; empty: not said.
// The resolver is 127.0.0.1 if it is not said.
struct ExplainWords {
  std::string_view name;
  std::string_view type;
  std::string_view client;    // an address or a prefix
  std::string_view resolver;  // an address
};
[[nodiscard]] shared::Result<ExplainQuestion> parse_explain(const ExplainWords& words);

// What answer() did and said. Lines come in the order of the decision.
struct Explanation {
  struct Line {
    std::string topic;  // "geo", "health", "choice" ...
    std::string text;
  };
  struct Section {
    std::string name;  // "answer" ...
    std::vector<std::string> records;
  };
  struct Subnet {
    unsigned source = 0;
    unsigned scope = 0;
  };
  std::string name;
  std::string type;
  ExplainQuestion question;
  std::vector<Line> lines;
  std::optional<std::string> policy;  // that chose; absent: none did
  std::optional<std::string> region;
  bool replied = false;
  std::string rcode;  // REQUIRES, like the rest: replied
  bool authoritative = false;
  std::optional<Subnet> subnet;
  std::size_t octets = 0;
  std::vector<Section> sections;
};

// An error says what is wrong with the question. REQUIRES: all parts of the snapshot are there.
[[nodiscard]] shared::Result<Explanation> explain(const Snapshot& snapshot, const ExplainQuestion& question);

[[nodiscard]] std::string to_text(const Explanation& explanation);
[[nodiscard]] std::string to_json(const Explanation& explanation);

}  // namespace dns

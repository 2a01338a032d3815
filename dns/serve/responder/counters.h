#pragma once
// What one worker counts: WorkerCounters, written by the worker alone, read by Control for /metrics at any time; and
// SteeringCounts, the answers of each policy name by region and samples of who was given them, whose shape belongs to
// one build of the configuration.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dns/core/answer/answer.h"
#include "dns/core/answer/rate_limit.h"
#include "dns/core/health/region.h"
#include "dns/core/steer/steering.h"
#include "dns/serve/responder/given_samples.h"
#include "shared/core/counter.h"
#include "shared/serve/tls/tls_session.h"

namespace dns {

struct WorkerCounters {
  static constexpr std::size_t kTransports = 3;  // by Transport
  static constexpr std::size_t kRcodes = 24;     // the last one that we send is BADCOOKIE, 23
  static constexpr std::size_t kTypes = 258;     // up to CAA; [0] counts all others

  std::array<shared::Counter, kTransports> queries;
  std::array<shared::Counter, kTransports> truncated;
  std::array<shared::Counter, kAnswerKinds> kinds;
  std::array<shared::Counter, kRcodes> rcodes;
  std::array<shared::Counter, kTypes> types;
  std::array<shared::Counter, kCookieStates> cookies;  // of queries with one
  // Responses in excess of the rate limit, by what became of them: carried out, or only counted in shadow mode.
  using Excess = std::array<std::array<shared::Counter, kRulings>, kResponseKinds>;
  Excess limited;
  Excess limited_in_shadow;
  shared::Counter with_subnet;
  shared::Counter unanswered;   // no reply is due: responses, fragments of a header
  shared::Counter send_failed;  // replies that the kernel did not take
  shared::Counter tcp_accepted;
  shared::Counter tcp_open;                       // a gauge
  shared::Counter tcp_closed_idle;                // by the idle timeout
  shared::Counter tcp_closed_for_new;             // the longest idle one made room
  shared::Counter tcp_closed_for_client;          // the longest idle one of a client that has too many
  shared::Counter tcp_closed_for_memory;          // held half a query or answers when all sessions held too much
  std::array<shared::Counter, 2> tls_handshakes;  // [full, resumed]
  std::array<shared::Counter, shared::kTlsFailures> tls_failed;
  shared::Counter tcp_closed_slow;  // did not read its answers
  shared::Counter snapshots;        // taken over
};

class SteeringCounts {
 public:
  SteeringCounts(std::size_t names, std::size_t regions) : regions_(regions), counts_(names * regions) {}

  void add(PolicyNameId name, RegionId region) { counts_[index(name, region)].add(); }
  [[nodiscard]] std::uint64_t read(PolicyNameId name, RegionId region) const {
    return counts_[index(name, region)].read();
  }
  [[nodiscard]] GivenSamples& given() { return given_; }
  [[nodiscard]] const GivenSamples& given() const { return given_; }

 private:
  [[nodiscard]] std::size_t index(PolicyNameId name, RegionId region) const {
    return static_cast<std::size_t>(name) * regions_ + index_of(region);
  }

  std::size_t regions_;
  std::vector<shared::Counter> counts_;
  GivenSamples given_;
};

}  // namespace dns

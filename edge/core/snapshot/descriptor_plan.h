#pragma once
// plan_descriptors(): how many clients a process can serve at a time with the descriptors that it may have: a request
// needs two, and four while its answer is spliced through a pipe. So a flood of clients ends at the cap, where somebody
// makes room, and never at a connect() to a server. Pure.

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace edge {

struct DescriptorPlan {
  std::size_t connections = 1;       // of clients
  std::size_t pipes_per_worker = 0;  // for splicing
};

struct DescriptorNeeds {
  std::uint64_t limit = 0;      // of the process
  std::size_t connections = 1;  // wanted
  std::size_t reserved = 0;     // connections that may come on top, which ask no server
  std::size_t workers = 1;
  std::size_t pipes_per_worker = 0;  // wanted
};

[[nodiscard]] constexpr DescriptorPlan plan_descriptors(const DescriptorNeeds& needs) {
  constexpr std::uint64_t kOwn = 256;  // admin port, checks, logs, listeners, resolver
  constexpr std::uint64_t kOfPipe = 2;
  constexpr std::uint64_t kOfRequest = 2;
  const std::uint64_t left = needs.limit - std::min(kOwn, needs.limit / 4);
  const std::uint64_t for_pipes = std::min<std::uint64_t>(kOfPipe * needs.pipes_per_worker * needs.workers, left / 8);
  const std::uint64_t pipes = for_pipes / kOfPipe / needs.workers;
  const std::uint64_t spent = pipes * kOfPipe * needs.workers + needs.reserved;
  const std::uint64_t room = left > spent ? (left - spent) / kOfRequest : 0;
  return {.connections = std::max<std::size_t>(1, std::min<std::uint64_t>(needs.connections, room)),
          .pipes_per_worker = pipes};
}

}  // namespace edge

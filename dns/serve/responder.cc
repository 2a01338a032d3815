#include "dns/serve/responder.h"

#include <utility>

#include "shared/core/hash.h"

namespace dns {

Publication Responder::replace(Publication next) {
  counters_.snapshots.add();
  return std::exchange(now_, std::move(next));
}

std::size_t Responder::respond(const Query& query, AnswerRequest request, std::span<std::uint8_t> out) {
  request.entropy = draw();
  NullTrace trace;
  const AnswerInfo info = answer(*now_.snapshot, query, request, out, trace);
  count(query, request.transport, info);
  return info.length;
}

void Responder::count(const Query& query, Transport transport, const AnswerInfo& info) {
  const auto by_transport = static_cast<std::size_t>(transport);
  counters_.queries[by_transport].add();
  if (info.length == 0) return counters_.unanswered.add();
  counters_.kinds[static_cast<std::size_t>(info.kind)].add();
  counters_.rcodes[static_cast<std::size_t>(info.rcode) % WorkerCounters::kRcodes].add();
  const auto type = query.question.empty() ? std::size_t{0} : static_cast<std::size_t>(query.type);
  counters_.types[type < WorkerCounters::kTypes ? type : 0].add();
  if (info.kind == AnswerKind::policy) now_.steering->add(info.policy, info.region);
  if (info.truncated) counters_.truncated[by_transport].add();
  if (info.with_subnet) counters_.with_subnet.add();
}

// SplitMix64: shares among clients need to be even, not secret.
std::uint64_t Responder::draw() {
  random_ += 0x9E3779B97F4A7C15ULL;
  return shared::mix(random_);
}

}  // namespace dns

#include "edge/core/protect/ejection.h"

#include <algorithm>

namespace edge {
namespace {

double rate(std::uint64_t failures, std::uint64_t requests) {
  return requests == 0 ? 0.0 : static_cast<double>(failures) / static_cast<double>(requests);
}

struct Window {
  std::uint64_t requests = 0, failures = 0;
};

// Why this server is to go; empty: it may stay.
std::string_view reason_to_eject(const EjectionSettings& settings, const Window& own, std::uint32_t in_a_row,
                                 const Window& pool) {
  if (settings.consecutive > 0 && in_a_row >= settings.consecutive) return "failures in a row";
  if (own.requests < settings.min_requests) return {};
  const double mine = rate(own.failures, own.requests);
  const double others = rate(pool.failures - own.failures, pool.requests - own.requests);
  if (mine >= settings.error_rate && mine >= others + settings.margin) return "error rate above the pool's";
  return {};
}

}  // namespace

std::vector<EjectionChange> EjectionJudge::judge(const EjectionSettings& settings, std::span<const ServerTotals> totals,
                                                 std::span<EjectionTrack> tracks, shared::TimePoint now) {
  std::vector<EjectionChange> changes;
  Window pool;
  std::size_t out = 0;
  for (std::size_t i = 0; i < tracks.size(); ++i) {
    EjectionTrack& track = tracks[i];
    track.present_ = totals[i];
    auto& rounds = track.rounds_;
    std::erase_if(rounds, [&](const EjectionTrack::Round& round) { return round.at + settings.window < now; });
    // What happened before the oldest round that is kept, and what it did before it came back, is forgotten.
    const EjectionTrack::Round start =
        rounds.empty() ? EjectionTrack::Round{now, totals[i].requests, totals[i].failures} : rounds.front();
    rounds.push_back({now, totals[i].requests, totals[i].failures});
    track.requests_ = totals[i].requests - start.requests;
    track.failures_ = std::min(totals[i].failures - start.failures, track.requests_);
    pool.requests += track.requests_;
    pool.failures += track.failures_;
    const bool ends = track.ejected_ && (now >= track.until_ || settings.mode == shared::Mode::disabled);
    if (ends) {
      track.ejected_ = false;
      track.back_since_ = now;
      track.rounds_ = {{now, totals[i].requests, totals[i].failures}};
      changes.push_back({i, false, "its time is over"});
    }
    if (track.ejected_) ++out;
  }
  if (settings.mode == shared::Mode::disabled) return changes;
  const auto most = static_cast<std::size_t>(settings.max_ejected * static_cast<double>(tracks.size()));
  for (std::size_t i = 0; i < tracks.size() && out < most; ++i) {
    EjectionTrack& track = tracks[i];
    if (track.ejected_ || track.back_since_ == now) continue;
    const Window own{track.requests_, track.failures_};
    const std::string_view reason = reason_to_eject(settings, own, track.present_.in_a_row, pool);
    if (reason.empty()) continue;
    const bool again = track.row_ > 0 && now < track.back_since_ + settings.max_time;
    track.row_ = again ? track.row_ + 1 : 1;
    track.ejected_ = true;
    track.until_ = now + std::min(settings.time * track.row_, settings.max_time);
    ++out;
    changes.push_back({i, true, reason});
  }
  return changes;
}

}  // namespace edge

#include "dns/serve/explain_facts.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <string>

namespace dns {
namespace {

// "2d 3h", "1h 59m", "12s": the two largest units, rounded up.
std::string time_left(shared::Duration left) {
  const auto seconds = std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::seconds>(left).count());
  if (seconds < 60) return std::to_string(seconds) + "s";
  const std::int64_t minutes = (seconds + 59) / 60;
  if (minutes < 60) return std::to_string(minutes) + "m";
  const std::int64_t hours = minutes / 60;
  if (hours < 24) return std::to_string(hours) + "h " + std::to_string(minutes % 60) + "m";
  return std::to_string(hours / 24) + "d " + std::to_string(hours % 24) + "h";
}

std::string word_text(const Override& word) {
  std::string text = "the operator's word: " + std::string(to_string(word.state));
  if (!word.reason.empty()) text += " (" + word.reason + ")";
  if (!word.expires) return text + ", until it is taken back";
  const shared::Duration left = *word.expires - shared::Clock::now();
  const auto end = std::chrono::system_clock::now() + std::chrono::round<std::chrono::seconds>(left);
  return text + ", until " + utc(end) + ", for another " + time_left(left);
}

std::string probes_text(const SteeringControl& steering, EdgeId edge) {
  const RegionHealth& health = steering.health();
  const auto& notes = steering.notes(edge);
  if (notes.probes == 0) return "not probed yet";
  std::string text = "probes say " + std::string(to_string(health.probed(edge))) + " since " + utc(notes.since);
  if (!notes.reason.empty()) text += "; the last one: " + notes.reason;
  if (health.draining(edge)) text += "; it says itself that it is draining";
  return text;
}

}  // namespace

std::string utc(shared::WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::string text(sizeof "2026-01-01T00:00:00Z" - 1, '\0');
  text.resize(std::strftime(text.data(), text.size() + 1, "%Y-%m-%dT%H:%M:%SZ", &parts));
  return text;
}

std::vector<Explanation::Line> facts_of(const SteeringControl& steering) {
  const RegionHealth& health = steering.health();
  std::vector<Explanation::Line> out;
  if (health.holding()) {
    out.push_back({"isolated", "every region was lost at once: this node suspects itself and holds its last answers"});
  }
  for (std::size_t r = 0; r < health.regions().size(); ++r) {
    const RegionId id{static_cast<std::uint16_t>(r)};
    const Region& region = health.regions()[r];
    if (const auto& word = health.override_of(id)) out.push_back({"region", region.name + ": " + word_text(*word)});
    for (std::size_t e = 0; e < region.edges.size(); ++e) {
      const EdgeId edge{id, static_cast<std::uint16_t>(e)};
      std::string text = region.name + " " + region.edges[e].to_string() + ": " + probes_text(steering, edge);
      if (const auto& word = health.override_of(edge)) text += "; " + word_text(*word);
      out.push_back({"edge", std::move(text)});
    }
  }
  return out;
}

}  // namespace dns

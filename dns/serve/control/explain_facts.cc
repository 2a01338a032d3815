#include "dns/serve/control/explain_facts.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

#include "shared/serve/os/utc.h"

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

std::string time_until(shared::TimePoint time) { return time_left(time - shared::Clock::now()); }

std::string word_text(const Override& word) {
  std::string text = "the operator's word: " + std::string(to_string(word.state));
  if (!word.reason.empty()) text += " (" + word.reason + ")";
  if (word.expires) {
    const auto end = std::chrono::round<std::chrono::seconds>(wall_time(*word.expires));
    text += ", until " + utc(end) + ", for another " + time_until(*word.expires);
  } else {
    text += ", until it is taken back";
  }
  return word.since ? text + ", since " + utc(wall_time(*word.since)) : text;
}

// "1 of 2 good, next probe in 4 s"; the first part if a flip has begun.
std::string progress_text(const SteeringControl& steering, EdgeId edge) {
  const RegionHealth& health = steering.health();
  const shared::HealthMachine& machine = health.edge(edge).machine();
  std::string text;
  if (machine.flip_pending()) {
    const auto& settings = health.settings().edge;
    const bool down = machine.state() == shared::HealthState::down;
    text = std::to_string(machine.against()) + " of " + std::to_string(down ? settings.rise : settings.fall) +
           (down ? " good, " : " bad, ");
  }
  const auto next = steering.next_probe(edge);
  if (!next) return text + "being probed now";
  const shared::Duration left = std::max(*next - shared::Clock::now(), shared::Duration::zero());
  if (left >= std::chrono::seconds(1)) {
    return text + "next probe in " + std::to_string(std::chrono::ceil<std::chrono::seconds>(left).count()) + " s";
  }
  return text + "next probe in " + std::to_string(std::chrono::ceil<shared::milliseconds>(left).count()) + " ms";
}

std::string hold_down_text(const RegionHealth& health, EdgeId edge) {
  const auto now = shared::Clock::now();
  const HoldDown& hold_down = health.edge(edge).hold_down();
  const auto until = hold_down.until(now);
  if (!until) return "";
  return "; held down for another " + time_until(*until) + " after " +
         std::to_string(hold_down.falls(now, health.settings().hold_down)) + " falls lately";
}

std::string probes_text(const SteeringControl& steering, EdgeId edge) {
  const RegionHealth& health = steering.health();
  const auto& notes = steering.notes(edge);
  const bool verified = health.edge(edge).machine().verified();
  if (!verified && health.probed(edge) == shared::HealthState::unknown) return "not probed yet";
  std::string text = "probes say " + std::string(to_string(health.probed(edge))) + " since " + utc(notes.since);
  if (!verified) text = "not probed since the restart, before it: " + std::string(to_string(health.probed(edge)));
  if (!notes.reason.empty()) text += "; the last one: " + notes.reason;
  if (health.draining(edge)) text += "; it says itself that it is draining";
  if (health.edge(edge).kept()) text += "; answered as before the silence";
  return text + hold_down_text(health, edge) + "; " + progress_text(steering, edge);
}

// What is true of the region as a whole.
std::string region_text(const SteeringControl& steering, RegionId id) {
  const Region& region = steering.health().regions()[index_of(id)];
  std::string text;
  const auto add = [&text](const std::string& more) { text += (text.empty() ? "" : "; ") + more; };
  if (region.edges.empty() && region.cname) add("nobody probes it: it is up unless the operator says otherwise");
  if (const auto& word = steering.health().override_of(id)) add(word_text(*word));
  if (steering.policies_naming(id).empty()) add("it stands in no step of any policy, so it is never answered");
  return text;
}

}  // namespace

std::string utc(shared::WallTime time) { return shared::utc(time); }

std::vector<Explanation::Line> facts_of(const SteeringControl& steering) {
  const RegionHealth& health = steering.health();
  std::vector<Explanation::Line> out;
  if (health.holding()) {
    out.push_back({"isolated",
                   "no region can be heard, all at once: this node suspects itself and gives the answers from before, "
                   "for another " +
                       time_until(*health.holding_until())});
  }
  for (std::size_t r = 0; r < health.regions().size(); ++r) {
    const RegionId id{static_cast<std::uint16_t>(r)};
    const Region& region = health.regions()[r];
    if (const std::string text = region_text(steering, id); !text.empty()) {
      out.push_back({"region", region.name + ": " + text});
    }
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

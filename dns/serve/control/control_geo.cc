// The Control's care for the geo database: taken when its file is replaced, judged by what it would move of the answers
// that are really given.
#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

#include "dns/serve/control/control.h"
#include "shared/serve/os/log.h"

namespace dns {

using shared::Level;
using shared::log_event;

namespace {

constexpr std::size_t kKeptGiven = 4 * GivenSamples::kSize;  // of policies that are gone

bool names_region_and_block(const GivenAnswer& a, const GivenAnswer& b) {
  return std::tie(a.name, a.client, a.by_subnet) < std::tie(b.name, b.client, b.by_subnet);
}

}  // namespace

void Control::add_given(const Publication& from, std::vector<GivenAnswer>& to) {
  const auto& names = from.snapshot->policies->spec().names;
  for (std::size_t place = 0; place < GivenSamples::kSize; ++place) {
    const auto sample = from.steering->given().read(place);
    if (!sample || static_cast<std::size_t>(sample->name) >= names.size()) continue;
    to.push_back({names[static_cast<std::size_t>(sample->name)].name, sample->client, sample->by_subnet, 1});
  }
}

void Control::keep_given(const Publication& from) {
  std::vector<GivenAnswer> gone;
  add_given(from, gone);
  given_before_.insert(given_before_.end(), gone.begin(), gone.end());
  while (given_before_.size() > kKeptGiven) given_before_.pop_front();
}

// Those of the present policies, and of earlier ones as far as the present ones have not replaced them.
std::vector<GivenAnswer> Control::given() const {
  std::vector<GivenAnswer> all;
  for (std::size_t i = 0; i < workers_.size(); ++i) add_given(publication_of(i), all);
  const std::size_t wanted = GivenSamples::kSize * std::max<std::size_t>(workers_.size(), 1);
  const std::size_t more = std::min(wanted - std::min(wanted, all.size()), given_before_.size());
  all.insert(all.end(), given_before_.end() - static_cast<std::ptrdiff_t>(more), given_before_.end());
  std::ranges::sort(all, names_region_and_block);
  std::vector<GivenAnswer> sums;
  for (GivenAnswer& answer : all) {
    if (!sums.empty() && !names_region_and_block(sums.back(), answer)) {
      ++sums.back().count;
    } else {
      sums.push_back(std::move(answer));
    }
  }
  return sums;
}

Control::GuardInput Control::guard_input(Geo geo) const { return {world_, snapshot_->answers, given(), geo}; }

// On the Builder. Nothing: the database is the same. More than the guard allows becomes an error, or a warning if it is
// to be taken all the same.
std::optional<GeoVerdict> Control::guard_geo(const GuardInput& input, const World& next,
                                             shared::load::Diagnostics& diagnostics) {
  if (next.geo == input.before->geo) return std::nullopt;
  GeoVerdict verdict = judge_geo(*input.before, *input.answers, next, input.given);
  if (!verdict.too_much) return verdict;
  const GeoConfig& config = next.config.geo;
  const std::string text = verdict.text + "; dns.geo.guard allows " + print_share(config.guard.share / 100);
  if (config.guard.mode == shared::Mode::enforce && input.geo == Geo::guarded) {
    diagnostics.error(config.at, guard_advice(verdict, config.guard));
  } else {
    diagnostics.warning(config.at,
                        text + (input.geo == Geo::forced ? ": taken by force" : ": taken, the guard only watches"));
  }
  return verdict;
}

// A new database has come; what of the diagnostics is an error kept it, or all that came with it, out.
void Control::note_geo(const GeoVerdict& verdict, const FileStamp& stamp,
                       const shared::load::Diagnostics& diagnostics) {
  geo_.verdict = verdict;
  geo_.message.clear();
  geo_.waiting.reset();
  if (!diagnostics.failed()) {
    ++geo_.taken;
    geo_.last = std::chrono::system_clock::now();
    log_event(Level::info, "geo_database_taken", {{"moved", print_share(verdict.moved)}, {"detail", verdict.text}});
    return;
  }
  ++geo_.refused;
  for (const auto& problem : diagnostics.list()) {
    if (problem.severity == shared::load::Severity::error && geo_.message.empty()) geo_.message = problem.message;
  }
  log_event(Level::error, "geo_database_refused", {{"reason", geo_.message}});
  if (!verdict.too_much) return;
  geo_.waiting = {stamp, geo_.message};
  keep();
}

// The guard has spoken at the start already.
void Control::recall_geo(const StartReport& report) {
  if (!report.geo || !report.geo_waiting) return;
  geo_.verdict = *report.geo;
  geo_.waiting = report.geo_waiting;
  geo_.message = report.geo_waiting->why;
  geo_.refused = 1;
}

// The file was replaced: the present configuration over the new database, or all stays as it is.
void Control::reload_geo() {
  struct Loaded {
    std::shared_ptr<const World> before;
    std::shared_ptr<const World> world;  // null: refused
    GeoVerdict verdict;
    shared::load::Diagnostics diagnostics;
  };
  auto load = [input = guard_input(Geo::guarded)] {
    Loaded loaded;
    loaded.before = input.before;
    auto world = with_new_geo(*input.before, loaded.diagnostics);
    if (!world) return loaded;
    loaded.verdict = guard_geo(input, *world, loaded.diagnostics).value_or(GeoVerdict{});
    loaded.world = std::make_shared<const World>(std::move(*world));
    return loaded;
  };
  auto finish = [this](Loaded loaded) {
    if (loaded.before != world_) return reload_geo();  // a reload came between: over its configuration, then
    if (loaded.world && loaded.world->geo == world_->geo) return;  // it has been read meanwhile
    for (const auto& said : loaded.diagnostics.list()) {
      if (said.severity != shared::load::Severity::warning) continue;
      log_event(Level::warn, "config_warning", {{"at", said.at.to_string()}, {"message", said.message}});
    }
    note_geo(loaded.verdict, loaded.world ? loaded.world->geo->stamp : FileStamp{}, loaded.diagnostics);
    if (!loaded.diagnostics.failed()) return adopt(std::move(loaded.world));
    builder_.dispose(std::move(loaded.world));
  };
  builder_.run_then(supervisor_.loop(), std::move(load), std::move(finish), shared::Pace::background);
}

void Control::watch_geo() {
  if (!geo_watch_) {
    geo_watch_ = std::make_unique<GeoWatch>(supervisor_.loop(), builder_, [this] { reload_geo(); });
    geo_.taken = world_->geo->path.empty() ? 0 : 1;
  }
  // What waits has been looked at.
  geo_watch_->watch(world_->geo->path, geo_.waiting ? geo_.waiting->stamp : world_->geo->stamp,
                    world_->config.geo.poll);
}

}  // namespace dns

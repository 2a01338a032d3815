// The Control's care for the geo database: taken when its file is replaced, judged by what it would move of the answers
// that are really given.
#include <algorithm>
#include <chrono>
#include <utility>

#include "dns/serve/control/control.h"
#include "shared/serve/os/log.h"

namespace dns {

using shared::Level;
using shared::log_event;

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
  given_before_.keep(gone);
}

// Those of the present policies, and of earlier ones as far as the present ones have not replaced them.
std::vector<GivenAnswer> Control::given() const {
  std::vector<GivenAnswer> present;
  for (std::size_t i = 0; i < workers_.size(); ++i) add_given(publication_of(i), present);
  const std::size_t wanted = GivenSamples::kSize * std::max<std::size_t>(workers_.size(), 1);
  return counted(given_before_.fill_up(std::move(present), wanted));
}

namespace {

// On the Builder. Nothing: the database is the same. More than the guard allows becomes an error, or a warning if it is
// to be taken all the same.
std::optional<GeoVerdict> guard_geo(const World& before, const World& next, const AnswerSets& answers,
                                    const std::vector<GivenAnswer>& given, Control::Geo geo,
                                    shared::load::Diagnostics& diagnostics) {
  if (next.geo == before.geo) return std::nullopt;
  GeoVerdict verdict = judge_geo(before, answers, next, given);
  if (!verdict.too_much) return verdict;
  const GeoConfig& config = next.config.geo;
  const std::string text = verdict.text + "; dns.geo.guard allows " + print_share(config.guard.share / 100);
  if (config.guard.mode == shared::Mode::enforce && geo == Control::Geo::guarded) {
    diagnostics.error(config.at, guard_advice(verdict, config.guard));
  } else {
    diagnostics.warning(config.at,
                        text + (geo == Control::Geo::forced ? ": taken by force" : ": taken, the guard only watches"));
  }
  return verdict;
}

}  // namespace

void Control::add_guard(Job& job, Geo geo) {
  auto verdict = std::make_shared<std::optional<GeoVerdict>>();  // the Builder's, then ours
  job.judge = [verdict, geo, answers = snapshot_->answers, given = given()](const World& before, const World& next,
                                                                            shared::load::Diagnostics& diagnostics) {
    if (before.zones != next.zones) warn_of_serials(*before.zones, *next.zones, next.config, diagnostics);
    *verdict = guard_geo(before, next, *answers, given, geo, diagnostics);
  };
  job.note = [this, verdict](const World* next, const shared::load::Diagnostics& diagnostics) {
    if (*verdict) note_geo(**verdict, next->geo->stamp, diagnostics);
  };
}

// A new database has come; what of the diagnostics is an error kept it, or all that came with it, out.
void Control::note_geo(const GeoVerdict& verdict, const FileStamp& stamp,
                       const shared::load::Diagnostics& diagnostics) {
  if (geo_.note(verdict, stamp, diagnostics, std::chrono::system_clock::now())) {
    log_event(Level::info, "geo_database_taken", {{"moved", print_share(verdict.moved)}, {"detail", verdict.text}});
    return;
  }
  log_event(Level::error, "geo_database_refused", {{"reason", geo_.message}});
  if (geo_.waiting) keep();
}

// The file was replaced: the present configuration over the new database, or all stays as it is.
void Control::reload_geo() {
  Job job;
  job.build = [](const World& before, shared::load::Diagnostics& diagnostics) {
    return with_new_geo(before, diagnostics);
  };
  job.holds = [this](const std::shared_ptr<const World>& before) { return before == world_; };
  add_guard(job, Geo::guarded);
  job.note = [this, note = std::move(job.note)](const World* next, const shared::load::Diagnostics& diagnostics) {
    if (next != nullptr && next->geo == world_->geo) return;  // it has been read meanwhile
    for (const auto& said : diagnostics.list()) {
      if (said.severity != shared::load::Severity::warning) continue;
      log_event(Level::warn, "config_warning", {{"at", said.at.to_string()}, {"message", said.message}});
    }
    if (next == nullptr) return note_geo(GeoVerdict{}, FileStamp{}, diagnostics);
    note(next, diagnostics);
  };
  job.adopt = [this](std::shared_ptr<const World> next) {
    if (next->geo == world_->geo) return service_.builder().dispose(std::move(next));
    adopt(std::move(next));
    service_.taken({{"generation", generation_},
                    {"config_hash", shared::config_hash_text(world_->common.hash)},
                    {"zones", world_->zones->zones().size()}});
  };
  // A reload came between: over its configuration, then.
  job.done = [this](shared::Rebuilt end, const shared::load::Diagnostics&) {
    if (end == shared::Rebuilt::outdated) reload_geo();
  };
  job.pace = shared::Pace::background;
  rebuild_.run(std::move(job));
}

void Control::watch_geo() {
  if (!geo_watch_) {
    geo_watch_ = std::make_unique<GeoWatch>(supervisor_.loop(), service_.builder(), [this] { reload_geo(); });
    geo_.taken = world_->geo->path.empty() ? 0 : 1;
  }
  // What waits has been looked at.
  geo_watch_->watch(world_->geo->path, geo_.waiting ? geo_.waiting->stamp : world_->geo->stamp,
                    world_->config.geo.poll);
}

}  // namespace dns

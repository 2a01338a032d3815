#include "dns/serve/control/start.h"

#include <pwd.h>
#include <unistd.h>

#include <utility>

#include "dns/serve/control/explain_facts.h"
#include "shared/load/values.h"
#include "shared/serve/os/log.h"
#include "shared/serve/process/privileges.h"

namespace dns {

using shared::Level;
using shared::log_event;
using shared::Result;
using shared::load::Diagnostics;
using shared::load::Files;
using shared::load::Severity;

namespace {

shared::load::YamlSettings settings_over(Files files, const shared::load::NodeChoice& node) {
  auto settings = shared::load::settings_for(shared::load::Role::dns);
  settings.files = std::move(files);
  settings.node = node;
  return settings;
}

// A file that is no YAML any more still has its lines.
std::filesystem::path state_directory_in(const std::string& path) {
  constexpr std::string_view kKey = "state_directory:";
  const auto text = shared::load::read_file(path, {.pipes = false});
  for (std::size_t at = 0; text && at < text->size();) {
    const std::size_t end = std::min(text->find('\n', at), text->size());
    const std::string line = text->substr(at, end - at);
    at = end + 1;
    if (!line.starts_with(kKey)) continue;
    Diagnostics unsaid;
    const auto document = shared::load::read_yaml_text(line, path, shared::load::process_settings(), unsaid);
    const auto* const node = document ? document->find("state_directory") : nullptr;
    const auto found = node == nullptr ? std::nullopt : shared::load::file_path().read(*node, unsaid);
    if (found) return *found;
  }
  return shared::load::Config().state_directory;
}

constexpr const char* kServiceUser =
    "meridian";  // of a configuration without `user`: shared/serve/process/privileges.h

// A copy lies where the service's own user may write: as root, it is believed only as far as that user goes.
bool is_owners(const std::string& user, uid_t owner) {
  if (::geteuid() != 0) return true;
  if (user.empty() && owner == 0) return true;
  const passwd* const entry = ::getpwnam(user.empty() ? kServiceUser : user.c_str());
  return entry != nullptr && entry->pw_uid == owner;
}

}  // namespace

Result<void> Starter::confine() {
  Diagnostics unsaid;
  auto settings = settings_over(shared::load::disk(), node_);
  settings.parsed = parsed_;
  auto common = shared::load::load_sections(path_, settings, unsaid);
  if (common) {
    state_ = shared::load::dns_state_directory(*common);
  } else {
    state_ = state_directory_in(path_) / "dns";
  }
  const bool good = common && !unsaid.failed();
  if (!good) {
    open_copy();
    common = common_of_copy();
    if (!common) return {};  // it is complained of when it is loaded
  }
  const auto done = shared::confine({common->user, common->system_calls, state_});
  if (done && good) open_copy();  // as who reads it
  return done;
}

void Starter::open_copy() {
  memory_ = read_geo_memory(state_);
  // A server that runs there goes on, and is better than any copy.
  if (shared::StateDirectory::in_use(state_.string())) broken_ = Broken::refuse;
  if (broken_ == Broken::refuse) return;
  auto opened = shared::LastGood::open(state_);
  if (!opened) return log_event(Level::warn, "last_good_unusable", {{"reason", opened.error().message}});
  if (*opened != nullptr && (*opened)->config() == shared::load::noted_path(path_)) copy_ = std::move(*opened);
}

std::optional<shared::load::Config> Starter::common_of_copy() const {
  if (copy_ == nullptr) return std::nullopt;
  Diagnostics unsaid;
  auto common = shared::load::load_sections(path_, settings_over(files_of(copy_), node_), unsaid);
  if (!common || unsaid.failed()) return std::nullopt;
  if (is_owners(common->user, copy_->owner())) return common;
  log_event(Level::warn, "last_good_unusable", {{"reason", "it names another user than the one that it belongs to"}});
  return std::nullopt;
}

StartCare Starter::care_for(std::optional<Files> copy) const {
  StartCare care;
  care.zones.copy = std::move(copy);
  care.last_geo = [this](const GeoConfig& config) { return remembered_geo(state_, memory_, config); };
  care.last_systems = [this](const GeoConfig& config) { return remembered_systems(state_, memory_, config); };
  return care;
}

LoadOptions Starter::options_with(StartCare& care) const {
  LoadOptions options;
  options.node = node_;
  if (broken_ == Broken::last_good) options.care = &care;
  options.accepted = std::make_shared<const std::set<std::string>>(memory_.accepted);
  options.is_kept = [](const shared::load::FileNote&) { return false; };
  if (copy_ != nullptr)
    options.is_kept = [copy = copy_](const auto& note) { return copy->holds(note.hash, note.size); };
  return options;
}

std::optional<World> Starter::load() {
  StartCare care = care_for(copy_ == nullptr ? std::nullopt : std::optional(files_of(copy_)));
  Diagnostics found;
  LoadOptions options = options_with(care);
  options.parsed = std::exchange(parsed_, nullptr);
  auto world = load_world(path_, found, options);
  options.parsed.reset();
  if (world) {
    shared::log_text(found.render());
    take_note(std::move(care));
  } else if (copy_ != nullptr) {
    world = load_copy(found);
  }
  if (!world) {
    shared::log_text(found.render());
    return std::nullopt;
  }
  World taken = guarded(std::move(*world));
  say();
  return taken;
}

std::optional<World> Starter::load_copy(const Diagnostics& broken) {
  StartCare care = care_for(std::nullopt);
  LoadOptions options = options_with(care);
  options.files = files_of(copy_);
  Diagnostics found;
  auto world = load_world(path_, found, options);
  if (!world) {
    log_event(Level::error, "last_good_unusable", {{"reason", found.render()}});
    return std::nullopt;
  }
  if (!is_owners(world->common.user, copy_->owner())) return std::nullopt;
  report_.whole_copy = true;
  for (const auto& problem : broken.told()) {
    if (problem.severity == Severity::error) report_.problems.push_back(problem);
  }
  take_note(std::move(care));
  return world;
}

void Starter::take_note(StartCare care) {
  report_.zones_from_copy = std::move(care.zones.from_copy);
  report_.zones_left_out = std::move(care.zones.left_out);
  for (auto* list : {&care.problems, &care.zones.problems}) {
    report_.problems.insert(report_.problems.end(), list->begin(), list->end());
  }
  if (copy_ != nullptr) report_.copied = copy_->saved();
}

// What was accepted before goes on if the guard, of which a restart must not be a way round, refuses what is there now.
World Starter::guarded(World world) {
  const GuardConfig& guard = world.config.geo.guard;
  if (world.geo->path.empty() || world.geo->from_copy || guard.mode == shared::Mode::disabled) return world;
  if (is_accepted(*world.geo)) return world;
  auto last = remembered_geo(state_, memory_, world.config.geo);
  Diagnostics unsaid;
  auto before = last == nullptr ? std::nullopt : with_geo(world, std::move(last), unsaid);
  if (!before) return world;
  const auto regions = dns::regions_of(world.common);
  const auto answers = AnswerSets::build(*before->policies, HealthView::all_up(regions));
  GeoVerdict verdict = judge_geo(*before, *answers, world, {});
  const bool refused_before = memory_.waiting && memory_.waiting->is(world.geo->stamp);
  if (guard.mode != shared::Mode::enforce || (!verdict.too_much && !refused_before)) {
    if (verdict.too_much)
      log_event(Level::warn, "config_warning", {{"message", verdict.text + ": taken, the guard only watches"}});
    return world;
  }
  const FileStamp& stamp = world.geo->stamp;
  report_.geo_waiting = refused_before ? *memory_.waiting : GeoMemory::Waiting{stamp, guard_advice(verdict, guard)};
  report_.geo = std::move(verdict);
  return std::move(*before);
}

bool Starter::is_accepted(const GeoFile& geo) const {
  if (!memory_.database || memory_.database->file != shared::load::noted_path(geo.path)) return true;
  if (memory_.database->stamp == geo.stamp) return true;
  const auto text = shared::load::read_file(geo.path);
  return text && shared::load::hash_of_content(*text) == memory_.database->hash;
}

void Starter::say() const {
  for (const auto& problem : report_.problems) {
    log_event(Level::error, "config_error", {{"at", problem.at.to_string()}, {"message", problem.message}});
  }
  if (report_.geo_waiting) log_event(Level::error, "geo_database_refused", {{"reason", report_.geo_waiting->why}});
  if (report_.all_is_well()) return;
  const std::string serves = report_.whole_copy ? "the last good copy of everything"
                             : report_.zones_from_copy.empty() && report_.zones_left_out.empty()
                                 ? "the files, but for what is broken"
                                 : "the files, and the last good copy of broken zones";
  log_event(Level::error, "started_although_broken",
            {{"serves", serves},
             {"copied", copy_ == nullptr ? "never" : utc(report_.copied)},
             {"zones_from_copy", report_.zones_from_copy.size()},
             {"zones_left_out", report_.zones_left_out.size()},
             {"remedy", "mend what config_error says, then `meridian reload`"}});
}

}  // namespace dns

// What changes the servers while the edge runs: what an operator says (drain, enable, weight), and how it is kept; and
// pools that are made anew from that and from what the DNS has found.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "edge/serve/control/control.h"
#include "shared/serve/admin/admin_params.h"
#include "shared/serve/os/log.h"

namespace edge {
namespace {

using shared::AdminMethod;
using shared::AdminRequest;
using shared::AdminResponse;
using shared::Level;
using shared::log_event;

constexpr std::string_view kWordsFile = "operator.json";
constexpr std::string_view kElsewhere = "regions and edges are taken out of the answers at a DNS node";

enum class Scope : std::uint8_t { edge, server };

shared::Result<Scope> scope_of(const AdminRequest& request) {
  const std::string_view scope = request.param("scope").value_or(std::string_view());
  const bool server = request.param("pool") || request.param("server");
  if (scope == "edge" && !server) return Scope::edge;
  if (scope.empty() && request.param("pool") && request.param("server")) return Scope::server;
  return shared::fail("say which: scope=edge for this whole edge, or pool=NAME and server=ADDRESS for one server");
}

std::optional<AdminResponse> refused(const shared::Result<void>& known) {
  if (known) return std::nullopt;
  return AdminResponse::text(400, known.error().message + "\n");
}

std::string param(const AdminRequest& request, std::string_view name) {
  return std::string(request.param(name).value_or(std::string_view()));
}

std::optional<std::uint16_t> parse_weight(std::string_view text) {
  std::uint16_t weight = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
  if (error != std::errc{} || end != text.data() + text.size() || weight < 1 || weight > kMaxWeight) {
    return std::nullopt;
  }
  return weight;
}

}  // namespace

void Control::recall_words(std::string_view inherited) {
  const auto lost = [](std::string_view reason) { log_event(Level::warn, "state_not_kept", {{"reason", reason}}); };
  std::string text(inherited);
  const auto* state = service_.state_directory();
  if (text.empty() && state != nullptr) {
    const auto kept = state->read(kWordsFile);
    if (!kept) return lost(kept.error().message);
    text = kept->value_or("");
  }
  if (text.empty()) return;
  auto words = OperatorWords::parse(text);
  if (!words) return lost(std::string(kWordsFile) + ": " + words.error().message);
  words_ = std::move(*words);
  words_.expire(std::chrono::system_clock::now());
  if (words_.drain) {
    loader_.live().draining = true;
    log_event(Level::warn, "drain_begun",
              {{"reason", "an operator's word from before the restart"}, {"word", words_.drain->reason}});
  }
  wait_for_expiry();
}

// Wall time may be set meanwhile, so it is looked at again every minute.
void Control::wait_for_expiry() {
  const auto next = words_.next_expiry();
  word_end_.cancel();
  if (!next) return;
  const auto left = std::chrono::duration_cast<shared::Duration>(*next - std::chrono::system_clock::now());
  word_end_.expires_after(std::clamp<shared::Duration>(left, shared::milliseconds(1), std::chrono::minutes(1)));
  word_end_.async_wait([this](shared::error_code error) {
    if (!error) end_words();
  });
}

void Control::end_words() {
  constexpr std::string_view kExpired = "the operator's word has expired";
  bool weights = false;
  for (const auto& [what, place] : words_.expire(std::chrono::system_clock::now())) {
    if (what == OperatorWords::Ended::What::server_weight) {
      weights = true;
      log_event(Level::info, "server_weight",
                {{"pool", place.first}, {"server", place.second}, {"weight", "default"}, {"reason", kExpired}});
    } else if (what == OperatorWords::Ended::What::server_drain) {
      log_event(Level::info, "drain_ended", {{"of", place.first + "/" + place.second}, {"reason", kExpired}});
    } else {
      log_event(Level::info, "drain_ended", {{"of", "the edge"}, {"reason", kExpired}});
      if (!supervisor_.stopping()) loader_.live().draining = false;
    }
  }
  words_.apply(*snapshot_->pools, loader_.live());
  if (weights) rebuild_pools();
  keep_words();
  wait_for_expiry();
}

// What is said in a request, or what is wrong with it.
shared::Result<OperatorWord> Control::read_word(const AdminRequest& request) {
  const auto expires = shared::expires_of(request);
  if (!expires) return tl::unexpected(expires.error());
  OperatorWord word;
  word.reason = param(request, "reason");
  word.since = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  if (*expires) word.expires = word.since + std::chrono::duration_cast<std::chrono::seconds>(**expires);
  return word;
}

// The world was made from its file alone; a predecessor may have told more.
void Control::rebuild_at_start() {
  const PoolInputs inputs = pool_inputs();
  if (inputs == PoolInputs()) return;
  shared::load::Diagnostics diagnostics;
  if (auto world = loader_.with_inputs(*world_, inputs, diagnostics)) {
    world_ = std::make_shared<const World>(std::move(*world));
  } else {
    log_event(Level::error, "pools_not_rebuilt", {{"reason", diagnostics.render()}});
  }
}

PoolInputs Control::pool_inputs() const { return {.weights = words_.weights(), .found = discovery_.found()}; }

void Control::keep_words() {
  service_.state_writer().write(std::string(kWordsFile), [text = words_.to_json()] { return text; });
}

// While a successor starts with what we have told it, a word to us would be lost.
std::optional<AdminResponse> Control::not_now() const {
  if (!service_.upgrading()) return std::nullopt;
  return AdminResponse::text(409, "an upgrade is under way: say it again when the new process serves\n");
}

AdminResponse Control::set_edge_drain(std::optional<OperatorWord> word) {
  if (auto refusal = not_now()) return *refusal;
  const bool on = word.has_value();
  if (!on && supervisor_.stopping()) return AdminResponse::text(409, "the process is stopping\n");
  loader_.live().draining = on;
  log_event(Level::info, on ? "drain_begun" : "drain_ended",
            {{"reason", "an operator's word"}, {"word", on ? word->reason : std::string()}});
  words_.drain = std::move(word);
  keep_words();
  wait_for_expiry();
  return AdminResponse::text(200, on ? "draining\n" : "serving\n");
}

shared::Result<OperatorWords::ServerKey> Control::find_server(const AdminRequest& request) const {
  const std::string pool = param(request, "pool");
  const std::string server = param(request, "server");
  const Pool* found = snapshot_->pools->find(pool);
  if (found == nullptr) return shared::fail("pool: there is no pool '" + pool + "'");
  std::string known;
  for (const Server& one : found->servers) {
    if (one.name == server) return OperatorWords::ServerKey{pool, server};
    known += (known.empty() ? "" : ", ") + one.name;
  }
  return shared::fail("server: pool " + pool + " has no server '" + server + "' here; it has: " + known);
}

AdminResponse Control::set_server_drain(const AdminRequest& request, std::optional<OperatorWord> drain) {
  if (auto refusal = not_now()) return *refusal;
  const auto place = find_server(request);
  if (!place) return AdminResponse::text(400, place.error().message + "\n");
  const bool on = drain.has_value();
  log_event(Level::info, on ? "server_drains" : "server_enabled",
            {{"pool", place->first}, {"server", place->second}, {"word", on ? drain->reason : std::string()}});
  ServerWord word = words_.of(*place);
  word.drain = std::move(drain);
  words_.set(*place, word);
  words_.apply(*snapshot_->pools, loader_.live());
  keep_words();
  wait_for_expiry();
  const std::string name = place->first + "/" + place->second;
  return AdminResponse::text(200, name + (on ? " drains\n" : " is enabled\n"));
}

AdminResponse Control::set_server_weight(const AdminRequest& request) {
  if (auto refusal = not_now()) return *refusal;
  const auto place = find_server(request);
  if (!place) return AdminResponse::text(400, place.error().message + "\n");
  const std::string text = param(request, "weight");
  const auto weight = parse_weight(text);
  if (!weight && text != "default") {
    return AdminResponse::text(400, "weight: 1 to " + std::to_string(kMaxWeight) + ", or default, not '" + text +
                                        "'; to send nothing there, drain it\n");
  }
  auto said = read_word(request);
  if (!said) return AdminResponse::text(400, said.error().message + "\n");
  if (!weight && said->expires) {
    return AdminResponse::text(400, "expires: for another weight; the default one holds until another is said\n");
  }
  log_event(Level::info, "server_weight",
            {{"pool", place->first}, {"server", place->second}, {"weight", text}, {"word", std::string(said->reason)}});
  ServerWord word = words_.of(*place);
  word.weight.reset();
  if (weight) word.weight = WeightWord{.weight = *weight, .word = std::move(*said)};
  words_.set(*place, word);
  keep_words();
  rebuild_pools();
  wait_for_expiry();
  return AdminResponse::text(200, place->first + "/" + place->second + " has weight " + text + "\n");
}

// The pools of the present world anew, over what is known now. What has become known while they were built is for the
// next time: where names change all the time, pools would else never be published.
void Control::rebuild_pools() {
  if (std::exchange(rebuilding_pools_, true)) return;
  shared::Rebuild<World>::Job job;
  const auto inputs = std::make_shared<const PoolInputs>(pool_inputs());
  job.build = [this, inputs](const World& before, shared::load::Diagnostics& diagnostics) {
    return loader_.with_inputs(before, *inputs, diagnostics);
  };
  job.holds = [this](const std::shared_ptr<const World>& before) { return before == world_; };
  job.adopt = [this](std::shared_ptr<const World> next) {
    service_.builder().dispose(std::exchange(world_, std::move(next)));
    backends_.set(world_->built);
    publish();
  };
  job.done = [this, inputs](shared::Rebuilt end, const shared::load::Diagnostics& diagnostics) {
    rebuilding_pools_ = false;
    if (end == shared::Rebuilt::refused) {
      log_event(Level::error, "pools_not_rebuilt", {{"reason", diagnostics.render()}});
    }
    if (end == shared::Rebuilt::outdated || *inputs != pool_inputs()) rebuild_pools();
  };
  rebuild_.run(std::move(job));
}

// Who is not named, the whole edge or one server of a pool, is not guessed: the one that was meant is never the other.
AdminResponse Control::drain(const AdminRequest& request) {
  const auto known = shared::only_params(request, {"scope", "pool", "server", "reason", "expires"}, kElsewhere);
  if (auto refusal = refused(known)) return *refusal;
  const auto scope = scope_of(request);
  if (!scope) return AdminResponse::text(400, scope.error().message + "\n");
  auto word = read_word(request);
  if (!word) return AdminResponse::text(400, word.error().message + "\n");
  return *scope == Scope::edge ? set_edge_drain(std::move(*word)) : set_server_drain(request, std::move(*word));
}

AdminResponse Control::undrain(const AdminRequest& request) {
  const auto known = shared::only_params(request, {"scope", "pool", "server"}, kElsewhere);
  if (auto refusal = refused(known)) return *refusal;
  const auto scope = scope_of(request);
  if (!scope) return AdminResponse::text(400, scope.error().message + "\n");
  return *scope == Scope::edge ? set_edge_drain(std::nullopt) : set_server_drain(request, std::nullopt);
}

void Control::add_server_routes(shared::Admin& admin) {
  admin.route(AdminMethod::post, "/drain", [this](const AdminRequest& request) { return drain(request); });
  admin.route(AdminMethod::post, "/undrain", [this](const AdminRequest& request) { return undrain(request); });
  admin.route(AdminMethod::post, "/enable", [this](const AdminRequest& request) {
    if (auto refusal = refused(shared::only_params(request, {"pool", "server"}))) return *refusal;
    return set_server_drain(request, std::nullopt);
  });
  admin.route(AdminMethod::post, "/weight", [this](const AdminRequest& request) {
    if (auto refusal = refused(shared::only_params(request, {"pool", "server", "weight", "reason", "expires"})))
      return *refusal;
    return set_server_weight(request);
  });
}

}  // namespace edge

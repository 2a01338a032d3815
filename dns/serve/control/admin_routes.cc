#include "dns/serve/control/admin_routes.h"

#include <utility>

#include "dns/load/world/explain.h"
#include "dns/serve/control/explain_facts.h"
#include "dns/serve/control/report.h"
#include "shared/serve/admin/admin_params.h"
#include "shared/serve/admin/metrics.h"

namespace dns {

using shared::AdminMethod;
using shared::AdminRequest;
using shared::AdminResponse;
using shared::fail;
using shared::Result;

namespace {

constexpr unsigned kBadRequest = 400;
constexpr unsigned kConflict = 409;
constexpr unsigned kRefused = 422;
constexpr unsigned kFailed = 500;
constexpr unsigned kUnavailable = 503;
constexpr std::string_view kElsewhere = "servers of pools, and an edge itself, are drained at that edge";

std::string_view param(const AdminRequest& request, std::string_view name) {
  return request.param(name).value_or(std::string_view());
}

AdminResponse healthz(Control& control) {
  if (!control.serving()) return AdminResponse::text(kUnavailable, "not serving\n");
  return control.service().healthz();
}

AdminResponse explain_question(const Control& control, const AdminRequest& request) {
  const auto question = parse_explain(
      {param(request, "name"), param(request, "type"), param(request, "client"), param(request, "resolver")});
  if (!question) return AdminResponse::text(kBadRequest, question.error().message + "\n");
  auto explanation = explain(control.snapshot(), *question);
  if (!explanation) return AdminResponse::text(kBadRequest, explanation.error().message + "\n");
  if (control.geo().waiting) {
    explanation->lines.push_back({"geo", "a newer database waits and is not taken: " + control.geo().waiting->why});
  }
  for (auto& fact : facts_of(control.steering())) explanation->lines.push_back(std::move(fact));
  if (param(request, "format") == "json") return AdminResponse::json(200, to_json(*explanation));
  return AdminResponse::text(200, to_text(*explanation));
}

Result<OverrideRequest> read_override(const AdminRequest& request) {
  if (const auto known = shared::only_params(request, {"target", "state", "reason", "expires"}, kElsewhere); !known) {
    return tl::unexpected(known.error());
  }
  OverrideRequest wanted;
  wanted.target = param(request, "target");
  wanted.reason = param(request, "reason");
  if (wanted.target.empty()) return fail("target: which region or edge?");
  const std::string_view state = param(request, "state");
  const auto parsed = parse_override_state(state.empty() ? "drained" : state);
  if (!parsed) return fail("state: one of drained, down, up, not '" + std::string(state) + "'");
  wanted.state = *parsed;
  const auto expires = shared::expires_of(request);
  if (!expires) return tl::unexpected(expires.error());
  wanted.expires_in = *expires;
  return wanted;
}

AdminResponse upgrade_under_way() {
  return AdminResponse::text(kConflict, "an upgrade is under way: say it again when the new process serves\n");
}

// Answers with `done` once the operator's word is on disk: who reads 200 may switch the machine off.
SteeringControl::Saved when_saved(const shared::AdminReply& reply, std::string done) {
  return [reply, done = std::move(done)](const Result<void>& saved) {
    if (saved) return reply(AdminResponse::text(200, done + "\n"));
    reply(AdminResponse::text(kFailed, done + ", but only until this process ends: it could not be written down, " +
                                           saved.error().message + "; that is tried again\n"));
  };
}

void set_override(Control& control, const AdminRequest& request, const shared::AdminReply& reply) {
  if (control.upgrading()) return reply(upgrade_under_way());
  const auto wanted = read_override(request);
  if (!wanted) return reply(AdminResponse::text(kBadRequest, wanted.error().message + "\n"));
  const std::string text = wanted->target + " is " + std::string(to_string(wanted->state)) + " by your word";
  const auto done = control.steering().set_override(*wanted, when_saved(reply, text));
  if (!done) reply(AdminResponse::text(kBadRequest, done.error().message + "\n"));
}

void clear_override(Control& control, const AdminRequest& request, const shared::AdminReply& reply) {
  if (control.upgrading()) return reply(upgrade_under_way());
  if (const auto known = shared::only_params(request, {"target"}, kElsewhere); !known) {
    return reply(AdminResponse::text(kBadRequest, known.error().message + "\n"));
  }
  const std::string target(param(request, "target"));
  const auto done = control.steering().clear_override(target, when_saved(reply, target + " is as its probes say"));
  if (!done) reply(AdminResponse::text(kBadRequest, done.error().message + "\n"));
}

// POST /reload, /reload?what=overrides, /reload?force_geo=true
void reload(Control& control, const AdminRequest& request, const shared::AdminReply& reply) {
  if (const auto known = shared::only_params(request, {"what", "force_geo"}); !known) {
    return reply(AdminResponse::text(kBadRequest, known.error().message + "\n"));
  }
  const std::string_view what = param(request, "what");
  if (!what.empty() && what != "overrides") {
    return reply(AdminResponse::text(kBadRequest, "what: overrides, or nothing for everything\n"));
  }
  const std::string_view force = param(request, "force_geo");
  if (!force.empty() && force != "true" && force != "false") {
    return reply(AdminResponse::text(kBadRequest, "force_geo: true or false, not '" + std::string(force) + "'\n"));
  }
  control.reload(
      what.empty() ? Control::Reload::everything : Control::Reload::overrides,
      [reply](const ReloadOutcome& outcome) {
        reply(AdminResponse::text(outcome.done ? 200 : kRefused, outcome.text));
      },
      force == "true" ? Control::Geo::forced : Control::Geo::guarded);
}

}  // namespace

void add_routes(shared::Admin& admin, Control& control) {
  admin.route(AdminMethod::get, "/metrics", [&control](const AdminRequest&) {
    AdminResponse response = AdminResponse::text(200, render_metrics(control));
    response.content_type = shared::MetricsWriter::kContentType;
    return response;
  });
  admin.route(AdminMethod::get, "/healthz", [&control](const AdminRequest&) { return healthz(control); });
  admin.route(AdminMethod::get, "/status",
              [&control](const AdminRequest&) { return AdminResponse::json(200, render_status(control)); });
  admin.route(AdminMethod::get, "/given",
              [&control](const AdminRequest&) { return AdminResponse::json(200, render_given(control)); });
  admin.route(AdminMethod::get, "/explain",
              [&control](const AdminRequest& request) { return explain_question(control, request); });
  admin.route_deferred(AdminMethod::post, "/drain",
                       [&control](const AdminRequest& request, const shared::AdminReply& reply) {
                         set_override(control, request, reply);
                       });
  admin.route_deferred(AdminMethod::post, "/undrain",
                       [&control](const AdminRequest& request, const shared::AdminReply& reply) {
                         clear_override(control, request, reply);
                       });
  admin.route(AdminMethod::post, "/logs/reopen", [](const AdminRequest&) {
    return AdminResponse::text(200, "a DNS node writes to standard error alone: nothing to reopen\n");
  });
  admin.route_deferred(
      AdminMethod::post, "/reload",
      [&control](const AdminRequest& request, const shared::AdminReply& reply) { reload(control, request, reply); });
}

}  // namespace dns

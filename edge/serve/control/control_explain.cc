// What Control answers to /explain: of a request or a connection, without touching either. A request is looked at from
// where each worker stands in the pools' orders.

#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "edge/core/decide/decide_connection.h"
#include "edge/load/explain_json.h"
#include "edge/serve/control/control.h"
#include "shared/serve/admin/admin_params.h"

namespace edge {
namespace {

using shared::AdminRequest;
using shared::AdminResponse;

constexpr shared::Duration kWorkerPatience = shared::seconds(1);

// Where the workers stand, as far as they have said; answered once.
struct Standpoints {
  std::vector<BalanceState> of_workers;
  std::size_t awaited = 0;
  std::function<void(const std::vector<BalanceState>&)> done;

  void finish() {
    if (auto call = std::exchange(done, nullptr)) call(of_workers);
  }
};

shared::Result<ExplainedRequest> read_request(const AdminRequest& request) {
  const auto known =
      shared::only_params(request, {"method", "host", "path", "client", "header", "scheme", "port", "format"});
  if (!known) return tl::unexpected(known.error());
  ExplainedRequest asked;
  if (const auto method = request.param("method")) asked.method = *method;
  if (const auto host = request.param("host")) asked.host = *host;
  if (const auto path = request.param("path")) asked.path = *path;
  if (const auto scheme = request.param("scheme")) asked.scheme = *scheme;
  if (!asked.scheme.empty() && asked.scheme != "http" && asked.scheme != "https") {
    return shared::fail("scheme: http or https");
  }
  asked.port = asked.scheme == "https" ? 443 : 80;
  if (const auto text = request.param("port")) {
    const auto port = shared::Endpoint::parse("127.0.0.1:" + std::string(*text));
    if (!port) return shared::fail("port: not a port number");
    asked.port = port->port;
  }
  const auto client = shared::IpAddress::parse(request.param("client").value_or("127.0.0.1"));
  if (!client) return shared::fail("client: not an IP address");
  asked.client = *client;
  for (const auto& [name, value] : request.query) {
    if (name == "header") asked.headers.push_back(value);
  }
  return asked;
}

}  // namespace

void Control::answer_explain(const AdminRequest& request, const shared::AdminReply& reply) {
  if (request.param("listener")) return reply(explain_connection_to(request));
  auto asked = read_request(request);
  if (!asked) return reply(AdminResponse::text(400, asked.error().message + "\n"));
  const bool as_json = request.param("format").value_or("") == "json";
  auto standpoints = std::make_shared<Standpoints>();
  standpoints->of_workers.resize(workers_.size());
  standpoints->awaited = workers_.size();
  standpoints->done = [this, reply, as_json, asked = std::move(*asked)](const std::vector<BalanceState>& states) {
    reply(explain_request(asked, as_json, states));
  };
  if (workers_.empty()) return standpoints->finish();
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    workers_[i]->tell_balance([this, standpoints, i](const BalanceState& state) {
      supervisor_.post([standpoints, i, state] {
        standpoints->of_workers[i] = state;
        if (--standpoints->awaited == 0) standpoints->finish();
      });
    });
  }
  // A worker that hangs has no say.
  auto patience = std::make_shared<shared::Timer>(supervisor_.loop());
  patience->expires_after(kWorkerPatience);
  patience->async_wait([standpoints, patience](shared::error_code) { standpoints->finish(); });
}

AdminResponse Control::explain_request(const ExplainedRequest& asked, bool as_json,
                                       const std::vector<BalanceState>& balances) const {
  ExplainMoment moment{.now = shared::Clock::now(), .wall = std::time(nullptr)};
  moment.cache = [this](const Decision& decision, const CacheAsker& asker) { return foresee_cache(decision, asker); };
  moment.listen = world_->built.listen;
  moment.virtual_host = [this](std::size_t listener, std::string_view name) {
    return certificates_.met_by(listener, name);
  };
  if (!balances.empty()) moment.balance = balances.front();
  auto explanation = explain(*snapshot_, loader_.live(), asked, moment);
  if (!explanation) return AdminResponse::text(400, explanation.error().message + "\n");
  // Orders are each worker's own.
  for (std::size_t i = 1; i < balances.size(); ++i) {
    moment.balance = balances[i];
    const auto other = explain(*snapshot_, loader_.live(), asked, moment);
    if (!other || other->server == explanation->server) continue;
    explanation->lines.push_back({"worker", workers_[i]->name() + " would pick " +
                                                (other->server.empty() ? "nobody" : other->server) + ", and " +
                                                workers_.front()->name() + " what is said here"});
  }
  if (as_json) return AdminResponse::json(200, to_json(*explanation));
  return AdminResponse::text(200, to_text(*explanation));
}

AdminResponse Control::explain_connection_to(const AdminRequest& request) const {
  ExplainedConnection asked;
  asked.listener = request.param("listener").value_or("");
  asked.server_name = request.param("sni").value_or("");
  const auto client = shared::IpAddress::parse(request.param("client").value_or("127.0.0.1"));
  if (!client) return AdminResponse::text(400, "client: not an IP address\n");
  asked.client = *client;
  const auto text = explain_connection(*snapshot_, loader_.live(), asked, {.now = shared::Clock::now()});
  if (!text) return AdminResponse::text(400, text.error().message + "\n");
  return AdminResponse::text(200, *text);
}

}  // namespace edge

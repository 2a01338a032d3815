#include "edge/core/decide/explain.h"

#include <memory>
#include <string_view>
#include <variant>

#include "edge/core/decide/decide.h"
#include "edge/core/snapshot/region_health.h"

namespace edge {
namespace {

std::string head_text(const ExplainedRequest& request) {
  std::string text = request.method + " " + request.path + " HTTP/1.1\r\nHost: " + request.host + "\r\n";
  for (const std::string& header : request.headers) text += header + "\r\n";
  return text + "\r\n";
}

std::string answer_of_pool(const Decision& decision) {
  const Pool& pool = *decision.at_pool.pool;
  const Server* server = decision.first.server;
  std::string answer = "pool " + pool.name + ", ";
  if (server == nullptr && decision.at_pool.overload == Overload::full && pool.queue.size != 0) {
    return answer + "waits for a place, at most " + std::to_string(pool.queue.timeout.count()) + "ms";
  }
  if (server == nullptr) return answer + "503: " + std::string(why_no_server(decision.at_pool));
  if (decision.at_pool.last_resort) {
    answer += "whose servers are all down, as checked, and are tried all the same: ";
  }
  return answer + "server " + server->name;
}

std::string answer_of(const Decision& decision, const Snapshot& snapshot, const Live& live) {
  if (decision.kind == Decision::Kind::refused) {
    return std::to_string(decision.refusal.status) + " " + std::string(decision.refusal.reason);
  }
  if (decision.kind == Decision::Kind::health_page) {
    return "the page of the region's health: " + words_of(regional_health(snapshot, live));
  }
  if (decision.kind == Decision::Kind::to_https) return "308 to https";
  if (decision.kind == Decision::Kind::preflight) return "204, to a browser that asks whether it may ask";
  if (decision.kind == Decision::Kind::password) return "as the password is right or wrong";
  const Route& route = *decision.match.route;
  std::string answer = "route " + route.name + ", ";
  if (decision.kind == Decision::Kind::pool) return answer + answer_of_pool(decision);
  if (const auto* respond = std::get_if<Respond>(&route.action)) {
    return answer + "respond " + std::to_string(respond->status);
  }
  if (const auto* files = std::get_if<StaticFiles>(&route.action)) {
    const auto name = file_of_path(*files, decision.match.target.path);
    return answer + (name ? "file " + files->root + "/" + *name : "404: no file can have this name");
  }
  return answer + "redirect " + std::to_string(std::get<Redirect>(route.action).status);
}

}  // namespace

shared::Result<std::string> explain(const Snapshot& snapshot, const Live& live, const ExplainedRequest& request,
                                    ExplainMoment moment) {
  const std::string text = head_text(request);
  http::HeadParser parser;
  const auto head = std::make_unique<http::RequestHead>();
  const http::ParseState state = parser.parse_request(text, snapshot.settings->head_limits, *head);
  if (state == http::ParseState::error) {
    return shared::fail("such a request is refused: " + std::string(parser.refusal().reason));
  }
  if (state != http::ParseState::complete || head->size != text.size()) {
    return shared::fail("that is no single request");
  }
  TargetScratch scratch;
  shared::RecordingTrace trace;
  const Asked asked{.head = *head, .peer = request.client, .now = moment.now, .wall = moment.wall};
  const DecideState decide_state{.scratch = scratch, .balance = moment.balance};
  const Decision decision = decide(snapshot, live, asked, decide_state, trace);
  std::string lines;
  for (const auto& line : trace.lines()) lines += std::string(line.topic) + ": " + line.text + "\n";
  const Route* route = decision.match.route;
  if (route != nullptr && route->cache != nullptr && decision.kind == Decision::Kind::pool) {
    lines += "cache: " + (moment.cache ? moment.cache(decision.match, *head) : "is asked first") + "\n";
  }
  return lines + "answer: " + answer_of(decision, snapshot, live) + "\n";
}

}  // namespace edge

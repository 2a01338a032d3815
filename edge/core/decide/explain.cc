#include "edge/core/decide/explain.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>
#include <variant>

#include "edge/core/decide/decide.h"
#include "edge/core/pool/places.h"
#include "edge/core/snapshot/region_health.h"
#include "shared/http/framing.h"

namespace edge {
namespace {

std::string head_text(const ExplainedRequest& request) {
  std::string text = request.method + " " + request.path + " HTTP/1.1\r\nHost: " + request.host;
  const std::uint16_t usual = request.scheme == "https" ? 443 : 80;
  if (request.port != 0 && request.port != usual) text += ":" + std::to_string(request.port);
  text += "\r\n";
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
  if (server == nullptr && decision.at_cache) return answer + "unless its cache has the answer";
  if (server == nullptr && decision.has_to_wait()) return answer + "after it has waited for its limit";
  if (server == nullptr) return answer + "503: " + std::string(why_no_server(decision.at_pool));
  if (decision.at_pool.last_resort) {
    answer += "whose servers are all down, as checked, and are tried all the same: ";
  }
  return answer + "server " + server->name;
}

// "3 of 40 places in use (max_in_flight), 2 wait": what bounds the pool now, by the numbers that bound it.
std::string words_of_pool(const Pool& pool, const Snapshot& snapshot, const Live& live, shared::TimePoint now) {
  const PoolLive& its = live.pool(pool.slot);
  const Capacity capacity = capacity_of(pool, *snapshot.addresses, live, now);
  std::string words = pool.name + ": ";
  if (capacity.places == 0) return words + "requests at a time are not bounded";
  words += std::to_string(capacity.in_flight) + " of " + std::to_string(capacity.places) + " places in use (" +
           std::string(capacity.by) + ")";
  const std::uint32_t waiting = its.waiting.load(std::memory_order_relaxed);
  return waiting == 0 ? words : words + ", " + std::to_string(waiting) + " wait";
}

// "10.0.1.10:8080: up, 3 of 20 in flight, full weight"
std::string words_of_server(const Pool& pool, const Server& server, const Live& live, shared::TimePoint now) {
  const ServerLive& its = live.server(server.id);
  const Standing standing = standing_of(its.state, pool.slow_start, now);
  std::string words = server.name + ": " + std::string(name_of(standing.eligibility)) + ", " +
                      std::to_string(its.in_flight.load(std::memory_order_relaxed));
  if (server.max_in_flight != 0) words += " of " + std::to_string(server.max_in_flight);
  words += " in flight";
  if (standing.allowed() && standing.share < kFullShare) {
    words += ", with " + std::to_string(std::max(1U, standing.share * 100 / kFullShare)) + " % of its weight";
  }
  return words;
}

bool speaks(const ListenPlan& plan, std::string_view scheme) {
  return scheme == "https" ? plan.protocol == Protocol::https : plan.protocol == Protocol::http;
}

std::string_view name_of(Protocol protocol) {
  constexpr std::string_view kNames[] = {"http", "https", "tcp", "udp"};
  return kNames[static_cast<std::size_t>(protocol)];
}

// Where nobody knows what is stored.
ForeseenCache foresee_empty(const Decision& decision, const CacheAsker& asker) {
  const CacheQuestion question = ask_cache(decision, asker);
  if (question.forward.empty()) return {"asked", question.url + " is looked for first"};
  const std::string why(question.why_forward.empty() ? question.forward : question.why_forward);
  return {"bypass", question.url + ": bypass, " + why};
}

// One run of explain(): the request, what is noted on the way, what comes of it.
class Explaining {
 public:
  Explaining(const Snapshot& snapshot, const Live& live, ExplainMoment& moment, Explanation& out)
      : snapshot_(snapshot), live_(live), moment_(moment), out_(out) {}

  shared::Result<void> run() {
    const std::string text = head_text(out_.request);
    http::HeadParser parser;
    const auto head = std::make_unique<http::RequestHead>();
    const http::ParseState state = parser.parse_request(text, snapshot_.settings->head_limits, *head);
    if (state == http::ParseState::error) {
      return shared::fail("such a request is refused: " + std::string(parser.refusal().reason));
    }
    if (state != http::ParseState::complete || head->size != text.size()) {
      return shared::fail("that is no single request");
    }
    bool to_https = false;
    if (!find_listener(to_https)) return {};
    const auto framing = http::frame_request(*head, snapshot_.settings->max_body);
    if (!framing) {
      refuse(framing.error());
      return {};
    }
    Asked asked{.head = *head, .peer = out_.request.client, .now = moment_.now, .to_https = to_https};
    asked.body_length = framing->body.length;
    asked.wall = moment_.wall;
    decide_about(asked, *framing);
    return {};
  }

 private:
  void say(std::string_view topic, std::string text) { out_.lines.push_back({std::string(topic), std::move(text)}); }

  void refuse(const http::Refusal& refusal) {
    out_.kind = "refused";
    out_.status = refusal.status;
    out_.reason = refusal.reason;
    out_.answer = std::to_string(refusal.status) + " " + out_.reason;
  }

  // Which listener the request comes by; false: none takes it.
  bool find_listener(bool& to_https) {
    const ExplainedRequest& request = out_.request;
    if (request.scheme.empty() || moment_.listen.empty()) return true;
    const auto at_port = [&](const ListenPlan& plan) {
      return plan.where.port == request.port && plan.protocol != Protocol::udp;
    };
    const auto fits = [&](const ListenPlan& plan) { return at_port(plan) && speaks(plan, request.scheme); };
    auto found = std::ranges::find_if(moment_.listen, fits);
    if (found == moment_.listen.end()) found = std::ranges::find_if(moment_.listen, at_port);
    if (found == moment_.listen.end()) return no_listener();
    const std::string where = found->where.to_string() + ", which speaks " + std::string(name_of(found->protocol));
    say("listener", where);
    if (!speaks(*found, request.scheme)) {
      out_.kind = "no_listener";
      out_.answer = "nothing: what listens on port " + std::to_string(request.port) + " speaks " +
                    std::string(name_of(found->protocol)) + " and not " + request.scheme;
      return false;
    }
    to_https = found->https_port != 0;
    if (request.scheme == "https" && moment_.virtual_host) {
      const std::string met = moment_.virtual_host(found->index, request.host);
      if (!met.empty()) say("certificate", met);
    }
    return true;
  }

  // Something in front may translate ports.
  bool no_listener() {
    say("listener", "none on port " + std::to_string(out_.request.port) +
                        "; explained as if something in front of the edge led there");
    return true;
  }

  void decide_about(Asked& asked, const http::RequestFraming& framing) {
    TargetScratch scratch;
    CredentialCache credentials;
    DecideState state{.scratch = scratch, .balance = moment_.balance};
    shared::RecordingTrace trace;
    Decision decision = decide(snapshot_, live_, asked, state, trace);
    std::string condition;
    std::optional<LimitRuling> ruled;
    shared::RecordingTrace after;
    const bool password = decision.kind == Decision::Kind::password;
    if (password) {
      // As serve_one goes on when it was right. Whether it is costs a hash that takes long on purpose.
      credentials.put(decision.check->key, decision.check->policy->identity(decision.check->user, std::nullopt),
                      asked.now + kGoodPassword);
      condition = "if the password of " + decision.check->user + " is right (else 401): ";
      ruled = decision.limit;
      asked.ruled = &*ruled;
      asked.ruled_by = decision.match.route;
      state.credentials = &credentials;
      decision = decide(snapshot_, live_, asked, state, after);
    }
    for (const auto& line : (password ? after : trace).lines()) say(line.topic, line.text);
    if (password) say("password", "is not checked here, and taken to be right");
    if (ruled && ruled->by != nullptr) say("limit", words_of(*ruled));
    record(decision, asked, framing);
    out_.answer = condition + answer_of(decision, snapshot_, live_);
  }

  void record(const Decision& decision, const Asked& asked, const http::RequestFraming& framing) {
    out_.kind = edge::name_of(decision.kind);
    const Match& match = decision.match;
    out_.client = match.client.address.to_string();
    if (snapshot_.tiers->enabled()) out_.tier = snapshot_.tiers->name(match.tier);
    if (match.route != nullptr) out_.route = match.route->name;
    if (const LimitRuling& limit = decision.limit; limit.by != nullptr) {
      out_.limit = {.name = limit.by->settings().name,
                    .refused = limit.refused,
                    .remaining = limit.remaining,
                    .wait = limit.wait,
                    .reset = limit.reset};
    }
    if (decision.kind == Decision::Kind::refused) {
      out_.status = decision.refusal.status;
      out_.reason = decision.refusal.reason;
    }
    if (decision.kind == Decision::Kind::to_https) out_.status = 308;
    if (decision.kind == Decision::Kind::preflight) out_.status = 204;
    if (match.route == nullptr) return;
    if (const auto* respond = std::get_if<Respond>(&match.route->action);
        respond != nullptr && decision.kind == Decision::Kind::respond) {
      out_.status = respond->status;
    }
    if (const auto* redirect = std::get_if<Redirect>(&match.route->action);
        redirect != nullptr && decision.kind == Decision::Kind::redirect) {
      out_.status = redirect->status;
    }
    if (decision.kind == Decision::Kind::pool) record_pool(decision, asked, framing);
  }

  void record_pool(const Decision& decision, const Asked& asked, const http::RequestFraming& framing) {
    const Pool& pool = *decision.at_pool.pool;
    out_.pool = pool.name;
    if (decision.match.route->cache != nullptr) {
      const CacheAsker asker{
          .head = asked.head, .framing = framing, .scheme = out_.request.scheme, .tiers = *snapshot_.tiers};
      out_.cache = moment_.cache ? moment_.cache(decision, asker) : foresee_empty(decision, asker);
      say("cache", out_.cache->words);
    }
    say("pool", words_of_pool(pool, snapshot_, live_, asked.now));
    if (const Server* server = decision.first.server) {
      out_.server = server->name;
      say("server", words_of_server(pool, *server, live_, asked.now));
    } else if (decision.at_pool.overload != Overload::full || pool.queue.size == 0) {
      out_.status = 503;
      out_.reason = why_no_server(decision.at_pool);
    }
  }

  const Snapshot& snapshot_;
  const Live& live_;
  ExplainMoment& moment_;
  Explanation& out_;
};

}  // namespace

std::string_view name_of(Decision::Kind kind) {
  constexpr std::string_view kNames[] = {"refused", "health_page", "respond",  "redirect", "files",
                                         "https",   "preflight",   "password", "pool"};
  return kNames[static_cast<std::size_t>(kind)];
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

shared::Result<Explanation> explain(const Snapshot& snapshot, const Live& live, const ExplainedRequest& request,
                                    ExplainMoment moment) {
  Explanation out;
  out.request = request;
  out.region = snapshot.settings->identity.region;
  out.node = snapshot.settings->identity.node;
  if (auto done = Explaining(snapshot, live, moment, out).run(); !done) return tl::unexpected(done.error());
  return out;
}

std::string to_text(const Explanation& explanation) {
  std::string text;
  for (const auto& line : explanation.lines) text += line.topic + ": " + line.text + "\n";
  return text + "answer: " + explanation.answer + "\n";
}

}  // namespace edge

// /metrics: sums over the workers.
#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "dns/load/record/rdata.h"
#include "dns/serve/control/report.h"
#include "shared/serve/admin/metrics.h"

namespace dns {

using shared::MetricKind;
using shared::MetricsWriter;

namespace {

constexpr std::array<std::string_view, kAnswerKinds> kKindNames = {"none",     "data",     "policy",  "nodata",
                                                                   "nxdomain", "referral", "refused", "error"};
constexpr std::array<std::string_view, kCookieStates> kCookieNames = {"none", "client_only", "invalid", "valid"};
constexpr std::array<std::string_view, kResponseKinds> kResponseNames = {"answer", "nodata", "nxdomain", "referral",
                                                                         "error"};
constexpr std::array<std::string_view, kRulings> kRulingNames = {"pass", "drop", "truncate", "badcookie"};
constexpr std::array<std::string_view, WorkerCounters::kTransports> kTransportNames = {"udp", "tcp", "tls"};

std::string rcode_name(std::size_t rcode) {
  switch (static_cast<Rcode>(rcode)) {
    case Rcode::noerror:
      return "NOERROR";
    case Rcode::formerr:
      return "FORMERR";
    case Rcode::servfail:
      return "SERVFAIL";
    case Rcode::nxdomain:
      return "NXDOMAIN";
    case Rcode::notimp:
      return "NOTIMP";
    case Rcode::refused:
      return "REFUSED";
    case Rcode::yxdomain:
      return "YXDOMAIN";
    case Rcode::notauth:
      return "NOTAUTH";
    case Rcode::badvers:
      return "BADVERS";
    case Rcode::badcookie:
      return "BADCOOKIE";
  }
  return "RCODE" + std::to_string(rcode);
}

class Report {
 public:
  explicit Report(const Control& control) : control_(control) {}

  std::string write() {
    queries();
    answers();
    tcp();
    tls();
    steering();
    edges();
    overrides();
    ttls();
    regions();
    aliases();
    world();
    return out_.take();
  }

 private:
  // read(counters) of every worker.
  template <class Read>
  [[nodiscard]] std::uint64_t sum(Read&& read) const {
    std::uint64_t total = 0;
    for (const auto& worker : control_.workers()) total += read(worker->counters()).read();
    return total;
  }

  void total(std::string_view name, std::string_view help, shared::Counter WorkerCounters::* counter) {
    out_.family(MetricKind::counter, name, help);
    out_.sample({}, sum([counter](const WorkerCounters& c) -> const shared::Counter& { return c.*counter; }));
  }

  template <std::size_t N, class Label>
  void by_index(std::string_view label, std::array<shared::Counter, N> WorkerCounters::* counters, Label&& label_of) {
    for (std::size_t i = 0; i < N; ++i) {
      const std::uint64_t count =
          sum([=](const WorkerCounters& c) -> const shared::Counter& { return (c.*counters)[i]; });
      if (count > 0 || N == WorkerCounters::kTransports) out_.sample({{label, label_of(i)}}, count);
    }
  }

  void queries() {
    const auto transport = [](std::size_t i) { return kTransportNames[i]; };
    out_.family(MetricKind::counter, "meridian_dns_queries_total", "Messages received.");
    by_index("transport", &WorkerCounters::queries, transport);
    out_.family(MetricKind::counter, "meridian_dns_query_types_total", "Queries answered, by the type asked for.");
    by_index("type", &WorkerCounters::types, [](std::size_t type) {
      return type == 0 ? std::string("other") : type_to_text(static_cast<std::uint16_t>(type));
    });
    total("meridian_dns_subnet_queries_total", "Queries with a client subnet (RFC 7871).",
          &WorkerCounters::with_subnet);
    total("meridian_dns_unanswered_total", "Messages that no reply is due to.", &WorkerCounters::unanswered);
    out_.family(MetricKind::counter, "meridian_dns_cookies_total", "Queries with a cookie (RFC 7873), by what it was.");
    by_index("state", &WorkerCounters::cookies, [](std::size_t i) { return kCookieNames[i]; });
    out_.family(MetricKind::counter, "meridian_dns_truncated_total", "Replies with TC set.");
    by_index("transport", &WorkerCounters::truncated, transport);
  }

  void answers() {
    out_.family(MetricKind::counter, "meridian_dns_answers_total", "Replies by what they hold.");
    by_index("kind", &WorkerCounters::kinds, [](std::size_t i) { return kKindNames[i]; });
    out_.family(MetricKind::counter, "meridian_dns_responses_total", "Replies by RCODE.");
    by_index("rcode", &WorkerCounters::rcodes, rcode_name);
    out_.family(MetricKind::counter, "meridian_dns_rate_limited_total",
                "Responses in excess of dns.rate_limit, by what was sent in their place; in shadow mode only counted.");
    limited("enforce", &WorkerCounters::limited);
    limited("shadow", &WorkerCounters::limited_in_shadow);
    total("meridian_dns_send_failures_total", "Replies that the kernel did not take.", &WorkerCounters::send_failed);
  }

  void limited(std::string_view mode, WorkerCounters::Excess WorkerCounters::* excess) {
    for (std::size_t kind = 0; kind < kResponseKinds; ++kind) {
      for (std::size_t ruling = 1; ruling < kRulings; ++ruling) {
        const std::uint64_t count =
            sum([=](const WorkerCounters& c) -> const shared::Counter& { return (c.*excess)[kind][ruling]; });
        if (count == 0) continue;
        out_.sample({{"mode", mode}, {"kind", kResponseNames[kind]}, {"action", kRulingNames[ruling]}}, count);
      }
    }
  }

  void tcp() {
    total("meridian_dns_tcp_accepted_total", "TCP connections accepted.", &WorkerCounters::tcp_accepted);
    out_.family(MetricKind::gauge, "meridian_dns_tcp_open", "TCP connections that are open.");
    out_.sample({}, sum([](const WorkerCounters& c) -> const shared::Counter& { return c.tcp_open; }));
    out_.family(MetricKind::counter, "meridian_dns_tcp_closed_total", "TCP connections that the server closed.");
    const auto closed = [this](std::string_view reason, shared::Counter WorkerCounters::* counter) {
      out_.sample({{"reason", reason}},
                  sum([counter](const WorkerCounters& c) -> const shared::Counter& { return c.*counter; }));
    };
    closed("idle", &WorkerCounters::tcp_closed_idle);
    closed("cap", &WorkerCounters::tcp_closed_for_new);
    closed("client_cap", &WorkerCounters::tcp_closed_for_client);
    closed("memory", &WorkerCounters::tcp_closed_for_memory);
    closed("slow", &WorkerCounters::tcp_closed_slow);
  }

  void tls() {
    out_.family(MetricKind::counter, "meridian_dns_tls_handshakes_total", "TLS handshakes that succeeded.");
    for (std::size_t i = 0; i < 2; ++i) {
      out_.sample({{"resumed", i == 1 ? "true" : "false"}},
                  sum([i](const WorkerCounters& c) -> const shared::Counter& { return c.tls_handshakes[i]; }));
    }
    out_.family(MetricKind::counter, "meridian_dns_tls_handshakes_failed_total", "TLS handshakes that failed.");
    for (std::size_t i = 1; i < shared::kTlsFailures; ++i) {
      out_.sample({{"reason", to_string(static_cast<shared::TlsFailure>(i))}},
                  sum([i](const WorkerCounters& c) -> const shared::Counter& { return c.tls_failed[i]; }));
    }
    out_.family(MetricKind::gauge, "meridian_dns_certificate_not_after_seconds",
                "When the certificate, or one of its chain, expires, as Unix time.");
    for (const shared::load::TlsHost& host : control_.over_tls().hosts()) {
      const auto ends = std::chrono::floor<std::chrono::seconds>(host.certified->not_after.time_since_epoch());
      out_.sample({{"certificate", host.file}}, static_cast<std::uint64_t>(ends.count()));
    }
  }

  void steering() {
    out_.family(MetricKind::counter, "meridian_dns_steered_total", "Answers of a policy name by the region chosen.");
    for (const auto& [key, count] : control_.steered()) {
      out_.sample({{"name", key.first}, {"region", key.second}}, count);
    }
    out_.family(MetricKind::counter, "meridian_dns_answer_set_builds_total", "Changes of health that changed answers.");
    out_.sample({}, control_.steering().rebuilds());
  }

  template <class Value>
  void per_edge(MetricKind kind, std::string_view name, std::string_view help, Value&& value) {
    out_.family(kind, name, help);
    const auto& regions = control_.steering().health().regions();
    for (std::size_t r = 0; r < regions.size(); ++r) {
      for (std::size_t e = 0; e < regions[r].edges.size(); ++e) {
        const EdgeId edge{RegionId{static_cast<std::uint16_t>(r)}, static_cast<std::uint16_t>(e)};
        out_.sample({{"region", regions[r].name}, {"edge", regions[r].edges[e].to_string()}}, value(edge));
      }
    }
  }

  void edges() {
    const SteeringControl& steering = control_.steering();
    per_edge(MetricKind::gauge, "meridian_dns_edge_up", "1: answers may name this edge.", [&](EdgeId edge) {
      const auto& view = steering.health().view().regions[index_of(edge.region)];
      return std::uint64_t{view.edges[edge.index] == EdgeState::up ? 1U : 0U};
    });
    per_edge(MetricKind::counter, "meridian_dns_probes_total", "Probes of an edge that count.",
             [&](EdgeId edge) { return steering.notes(edge).probes; });
    per_edge(MetricKind::counter, "meridian_dns_probe_failures_total", "Probes of an edge that failed.",
             [&](EdgeId edge) { return steering.notes(edge).failures; });
    per_edge(MetricKind::gauge, "meridian_dns_edge_held_down_seconds",
             "How long an edge that is well again has still to prove itself, since it fell too often lately.",
             [&](EdgeId edge) {
               const auto until = steering.health().edge(edge).hold_down().until(shared::Clock::now());
               if (!until) return std::uint64_t{0};
               const auto left = std::chrono::ceil<std::chrono::seconds>(*until - shared::Clock::now()).count();
               return static_cast<std::uint64_t>(std::max<long>(left, 0));
             });
    per_edge(
        MetricKind::gauge, "meridian_dns_edge_falls", "Falls of an edge that are not forgotten yet.", [&](EdgeId edge) {
          const RegionHealth& health = steering.health();
          return std::uint64_t{health.edge(edge).hold_down().falls(shared::Clock::now(), health.settings().hold_down)};
        });
    out_.family(MetricKind::counter, "meridian_dns_probe_rounds_discarded_total",
                "Probe rounds not counted because this server stalled, or lacked descriptors, ports or memory.");
    out_.sample({}, steering.discarded_rounds());
    out_.family(MetricKind::gauge, "meridian_dns_isolated",
                "1: no region can be heard, all at once: the answers from before are held.");
    out_.sample({}, std::uint64_t{steering.health().holding() ? 1U : 0U});
  }

  void override_samples(const std::function<void(const Region&, const std::string&, const Override&)>& add) {
    const RegionHealth& health = control_.steering().health();
    for (std::size_t r = 0; r < health.regions().size(); ++r) {
      const RegionId id{static_cast<std::uint16_t>(r)};
      const Region& region = health.regions()[r];
      if (const auto& word = health.override_of(id)) add(region, "", *word);
      for (std::size_t e = 0; e < region.edges.size(); ++e) {
        const auto& word = health.override_of(EdgeId{id, static_cast<std::uint16_t>(e)});
        if (word) add(region, region.edges[e].to_string(), *word);
      }
    }
  }

  void overrides() {
    out_.family(MetricKind::gauge, "meridian_dns_override",
                "1: the operator's word on a region, or on one edge of it, stands against its probes.");
    override_samples([this](const Region& region, const std::string& edge, const Override& word) {
      out_.sample({{"region", region.name}, {"edge", edge}, {"state", to_string(word.state)}}, std::uint64_t{1});
    });
    out_.family(MetricKind::gauge, "meridian_dns_override_expires_seconds",
                "How long the operator's word still stands; absent: until it is taken back.");
    override_samples([this](const Region& region, const std::string& edge, const Override& word) {
      if (!word.expires) return;
      const auto left = std::chrono::ceil<std::chrono::seconds>(*word.expires - shared::Clock::now()).count();
      out_.sample({{"region", region.name}, {"edge", edge}}, static_cast<std::uint64_t>(std::max<long>(left, 0)));
    });
  }

  void ttls() {
    const Snapshot& snapshot = control_.snapshot();
    const auto& names = snapshot.policies->spec().names;
    out_.family(MetricKind::gauge, "meridian_dns_ttl_seconds",
                "The lowest TTL that answers of a policy name carry now: its min while something may change.");
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto ttl = snapshot.answers->ttl_in_force(*snapshot.policies, PolicyNameId{static_cast<std::uint32_t>(i)});
      out_.sample({{"name", names[i].name}}, std::uint64_t{ttl.lowest});
    }
  }

  template <class Value>
  void per_alias(MetricKind kind, std::string_view name, std::string_view help, Value&& value) {
    out_.family(kind, name, help);
    for (const auto& report : control_.aliases().reports()) {
      const std::string_view type = report.type == AddressType::a ? "A" : "AAAA";
      out_.sample({{"target", report.target}, {"type", type}}, value(report));
    }
  }

  void aliases() {
    using Alias = AliasControl::Report;
    per_alias(
        MetricKind::gauge, "meridian_dns_alias_fresh", "1: the last lookup of an alias target was good.",
        [](const Alias& alias) { return std::uint64_t{alias.answer.state == AliasAnswer::State::fresh ? 1U : 0U}; });
    per_alias(MetricKind::gauge, "meridian_dns_alias_addresses", "Addresses that an alias gives.",
              [](const Alias& alias) { return std::uint64_t{alias.answer.addresses.size()}; });
    per_alias(MetricKind::counter, "meridian_dns_alias_lookups_total", "Lookups of an alias target.",
              [](const Alias& alias) { return alias.lookups; });
    per_alias(MetricKind::counter, "meridian_dns_alias_lookup_failures_total",
              "Lookups of an alias target that failed.", [](const Alias& alias) { return alias.failures; });
  }

  void regions() {
    out_.family(MetricKind::gauge, "meridian_dns_region_serves",
                "1: some edge of the region, or its platform, serves.");
    const RegionHealth& health = control_.steering().health();
    for (std::size_t r = 0; r < health.regions().size(); ++r) {
      const auto& edges = health.view().regions[r].edges;
      const bool serves = std::any_of(edges.begin(), edges.end(), [](EdgeState e) { return e != EdgeState::down; });
      out_.sample({{"region", health.regions()[r].name}}, std::uint64_t{serves ? 1U : 0U});
    }
  }

  void world() {
    out_.family(MetricKind::gauge, "meridian_dns_zone_serial", "SOA serial of a zone.");
    for (const auto& zone : control_.world().zones->zones()) {
      out_.sample({{"zone", zone->apex().to_text()}}, std::uint64_t{zone->serial()});
    }
    shared::write_facts(out_, "meridian_dns", control_.facts());
    out_.family(MetricKind::gauge, "meridian_dns_policies_build_seconds", "What building the policies in force took.");
    out_.sample({}, std::chrono::duration<double>(control_.world().policies_took).count());
    out_.family(MetricKind::counter, "meridian_dns_geo_databases_total", "Geo databases that came, by outcome.");
    out_.sample({{"outcome", "taken"}}, control_.geo().taken);
    out_.sample({{"outcome", "refused"}}, control_.geo().refused);
    out_.family(MetricKind::gauge, "meridian_dns_geo_moved_ratio",
                "Share of the answers that the last geo database that came moved, or would have.");
    out_.sample({}, control_.geo().verdict.moved);
    started();
    out_.family(MetricKind::gauge, "meridian_dns_generation", "Snapshots published since the start.");
    out_.sample({}, control_.snapshot().generation);
  }

  void started() {
    const StartReport& report = control_.started();
    out_.family(MetricKind::gauge, "meridian_dns_start_problems",
                "What was broken at the start, until a reload is good: 0 is well.");
    out_.sample({}, std::uint64_t{report.problems.size()});
    out_.family(MetricKind::gauge, "meridian_dns_last_good_configuration",
                "1: the last good copy serves, not the files as they are.");
    out_.sample({}, std::uint64_t{report.whole_copy ? 1U : 0U});
    out_.family(MetricKind::gauge, "meridian_dns_broken_zones", "Zones whose files were broken at the start.");
    out_.sample({{"serves", "last_good"}}, std::uint64_t{report.zones_from_copy.size()});
    out_.sample({{"serves", "nothing"}}, std::uint64_t{report.zones_left_out.size()});
    out_.family(MetricKind::gauge, "meridian_dns_last_good_kept",
                "1: the last good copy in the state directory is of what serves.");
    const bool kept = control_.kept().error.empty() && control_.kept().last != shared::WallTime{};
    out_.sample({}, std::uint64_t{kept ? 1U : 0U});
    out_.family(MetricKind::gauge, "meridian_dns_geo_database_waits",
                "1: a newer geo database waits because it would move too many answers.");
    out_.sample({}, std::uint64_t{control_.geo().waiting ? 1U : 0U});
  }

  const Control& control_;
  MetricsWriter out_;
};

}  // namespace

std::string render_metrics(const Control& control) { return Report(control).write(); }

}  // namespace dns

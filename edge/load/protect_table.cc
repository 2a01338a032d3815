// The field tables of what keeps a pool's trouble from its clients: checks, ejection, breaker, retries.

#include "edge/load/protect_table.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "edge/load/readers.h"

namespace edge {
namespace {

using namespace shared::load;
using shared::milliseconds;
using std::chrono::ceil;
using std::chrono::hours;
using std::chrono::minutes;

struct Symbol {
  std::string_view text;
  Comparison comparison;
};
// The longer ones first.
constexpr Symbol kSymbols[] = {
    {">=", Comparison::greater_or_equal}, {"<=", Comparison::less_or_equal}, {"==", Comparison::equal},
    {"!=", Comparison::not_equal},        {">", Comparison::greater},        {"<", Comparison::less}};

// "> 90"
std::optional<NumberRule> parse_number_rule(const std::string& name, std::string_view text) {
  NumberRule rule;
  rule.name = name;
  const Symbol* found = nullptr;
  for (const Symbol& symbol : kSymbols) {
    if (found == nullptr && text.starts_with(symbol.text)) found = &symbol;
  }
  if (found == nullptr) return std::nullopt;
  rule.comparison = found->comparison;
  text.remove_prefix(found->text.size());
  while (text.starts_with(' ')) text.remove_prefix(1);
  if (text.empty() || text.find_first_not_of("0123456789.-") != std::string_view::npos) return std::nullopt;
  const std::string digits(text);
  char* end = nullptr;
  rule.limit = std::strtod(digits.c_str(), &end);
  if (*end != '\0') return std::nullopt;
  rule.path = path_of_number(name);
  if (std::ranges::any_of(rule.path, [](const std::string& step) { return step.empty(); })) return std::nullopt;
  return rule;
}

std::optional<std::vector<NumberRule>> read_number_rules(const Node& node, Diagnostics& diagnostics) {
  if (!expect_map(node, "a map of names and limits, such as {cpu_usage: \"> 90\"}", diagnostics)) return std::nullopt;
  std::vector<NumberRule> rules;
  for (const Node& element : node.children) {
    if (!expect_scalar(element, "a limit such as \"> 90\"", diagnostics)) continue;
    auto rule = parse_number_rule(element.key, element.text);
    if (rule) {
      rules.push_back(std::move(*rule));
    } else {
      expected(element, "a limit such as \"> 90\" (>, >=, <, <=, == or !=, and a number)", diagnostics);
    }
  }
  return rules;
}

Reader<std::vector<NumberRule>> number_rules() {
  return custom<std::vector<NumberRule>>("map of NAME or PATH.TO.NAME: `\"> NUMBER\"`; also >=, <, <=, ==, !=",
                                         read_number_rules);
}

void check_certificate_options(const HealthCheck& health, const Node& node, Diagnostics& diagnostics) {
  const auto unused = [&](std::string_view key, std::string_view why) {
    const Node* found = node.find(key);
    if (found != nullptr) diagnostics.error(found->key_at, std::string(key) + " has no effect: " + std::string(why));
  };
  if (health.kind != HealthCheck::Kind::https) {
    for (const std::string_view key : {"verify", "server_name"}) unused(key, "kind is not https");
  }
  if (!health.verify) unused("ca_file", "certificates are taken unseen without verify: true");
}

void check_health(const HealthCheck& health, const Node& node, Diagnostics& diagnostics) {
  if (health.timeout > health.interval) {
    diagnostics.error(node.at, "health: timeout (" + print_duration(health.timeout) + ") is longer than interval (" +
                                   print_duration(health.interval) + "): checks would overlap");
  }
  const auto unused = [&](std::string_view key, std::string_view kind) {
    const Node* found = node.find(key);
    if (found == nullptr) return;
    diagnostics.warning(found->key_at, std::string(key) + " has no meaning for kind " + std::string(kind));
  };
  const bool tcp = health.kind == HealthCheck::Kind::tcp;
  if (tcp) unused("host", "tcp");
  if (tcp || health.kind == HealthCheck::Kind::grpc) {
    for (const std::string_view key : {"path", "status", "contains", "degraded_when", "unhealthy_when"}) {
      unused(key, tcp ? "tcp" : "grpc");
    }
  }
  if (health.kind != HealthCheck::Kind::grpc && node.find("service") != nullptr) {
    diagnostics.error(node.find("service")->key_at, "service has no effect: kind is not grpc");
  }
  check_certificate_options(health, node, diagnostics);
  for (const NumberRule& rule : health.unhealthy_when) {
    if (rule.name.find("cpu") == std::string::npos && rule.name.find("load") == std::string::npos) continue;
    diagnostics.warning(node.at, "unhealthy_when: " + to_string(rule) +
                                     " takes busy servers out, and their work falls on the others: on a busy day all "
                                     "of them go, one after another; use degraded_when, see docs/failures.md");
  }
}

const Table<HealthCheck>& health_table() {
  static const auto table =
      Table<HealthCheck>("edge.pools.NAME.health",
                         "How each server is checked; without it a server is up as long as its name resolves. A list "
                         "has several checks, and a server is as well as the worst of them says.")
          .field("name", &HealthCheck::name, word(), "For the log, where there are several")
          .field("kind", &HealthCheck::kind,
                 one_of<HealthCheck::Kind>({{"http", HealthCheck::Kind::http},
                                            {"https", HealthCheck::Kind::https},
                                            {"tcp", HealthCheck::Kind::tcp},
                                            {"grpc", HealthCheck::Kind::grpc}}),
                 "`http` and `https` want a good answer, `tcp` a connection, `grpc` SERVING of grpc.health.v1; `https` "
                 "takes any certificate unless told to `verify`")
          .field("port", &HealthCheck::port, integer<std::uint16_t>(0, 65535), "0: the server's own")
          .field("path", &HealthCheck::path, request_path(), "What is asked for")
          .field("service", &HealthCheck::service, text(), "Of grpc: which one; empty: the server as a whole")
          .field("host", &HealthCheck::host, host_header(), "Host header; empty: the server's address")
          .field("status", &HealthCheck::statuses, one_or_list(status_range()), "Statuses that count as healthy")
          .field("verify", &HealthCheck::verify, boolean(),
                 "Of https: a certificate that is expired, for another name or of an unknown authority fails the check")
          .field("ca_file", &HealthCheck::ca_file, file_path(), "PEM of the authorities; empty: the system's")
          .field("server_name", &HealthCheck::server_name, text(),
                 "Name in TLS (SNI) and wanted in the certificate; empty: that of `host`")
          .field("contains", &HealthCheck::contains, text(), "Text that must stand in the body")
          .field("degraded_when", &HealthCheck::degraded_when, number_rules(),
                 "Numbers in a JSON body that make the server degraded; one that is missing does too")
          .field("unhealthy_when", &HealthCheck::unhealthy_when, number_rules(),
                 "Numbers in a JSON body that make the check fail; not for CPU or load, see docs/failures.md")
          .field("interval", &HealthCheck::interval, whole_span(milliseconds(50), hours(1)),
                 "Time from one check to the next")
          .field("jitter", &HealthCheck::jitter, share_of(), "Each interval is up to so much shorter")
          .field("timeout", &HealthCheck::timeout, whole_span(milliseconds(10), minutes(1)),
                 "After it a check has failed; not longer than `interval`")
          .field("fall", &HealthCheck::fall, integer<std::uint16_t>(1, 100),
                 "Bad results in a row that take a server down; a refused connection does at once")
          .field("rise", &HealthCheck::rise, integer<std::uint16_t>(1, 100), "Good ones in a row that bring it up")
          .check(check_health);
  return table;
}

const Table<HedgeSettings>& hedge_table() {
  static const auto table =
      Table<HedgeSettings>("edge.pools.NAME.retry.hedge",
                           "A second server is asked when the first is slower than usual; the first answer counts. "
                           "For GET, HEAD and OPTIONS without a body, within the retry budget.")
          .field("mode", &HedgeSettings::mode, mode(), "enforce, shadow or disabled")
          .field("quantile", &HedgeSettings::quantile, share_of(),
                 "Of the pool's recent times to the head of an answer: that is when")
          .field("min_delay", &HedgeSettings::min_delay, whole_span(milliseconds(1), minutes(1)), "Never earlier");
  return table;
}

// Each has a default, so one of them alone may be wrong.
void check_breaker(const BreakerSettings& breaker, const Node& node, Diagnostics& diagnostics) {
  if (breaker.max_open >= breaker.open) return;
  const Node* const said = node.find("max_open") != nullptr ? node.find("max_open") : node.find("open");
  diagnostics.error(said == nullptr ? node.at : said->at,
                    "breaker: max_open (" + print_duration(breaker.max_open) + ") is shorter than open (" +
                        print_duration(breaker.open) + "), which grows up to it: raise max_open, or lower open");
}

}  // namespace

std::vector<std::string> path_of_number(std::string_view name) {
  std::vector<std::string> path;
  for (;;) {
    const std::size_t dot = name.find('.');
    path.emplace_back(name.substr(0, dot));
    if (dot == std::string_view::npos) return path;
    name.remove_prefix(dot + 1);
  }
}

Reader<milliseconds> whole_span(shared::Duration least, shared::Duration most) {
  auto wide = duration(least, most);
  auto read = [inner = wide.read](const Node& node, Diagnostics& diagnostics) -> std::optional<milliseconds> {
    const auto value = inner(node, diagnostics);
    if (!value) return std::nullopt;
    return ceil<milliseconds>(*value);
  };
  return Reader<milliseconds>{wide.type, read, [](milliseconds value) { return print_duration(value); }};
}

Reader<double> share_of() {
  auto wide = percent();
  auto read = [inner = wide.read](const Node& node, Diagnostics& diagnostics) -> std::optional<double> {
    const auto value = inner(node, diagnostics);
    if (!value) return std::nullopt;
    return *value / 100.0;
  };
  return Reader<double>{wide.type, read, [](double value) { return print_number(value * 100.0) + "%"; }};
}

Reader<std::vector<HealthCheck>> health_checks() { return one_or_list(nested(health_table())); }

const Table<EjectionSettings>& ejection_table() {
  static const auto table =
      Table<EjectionSettings>("edge.pools.NAME.ejection",
                              "Servers that fail more requests than the others are left out for a while. A failure is "
                              "what breaks a connection or is in `bad_statuses`.")
          .field("mode", &EjectionSettings::mode, mode(), "enforce, shadow or disabled")
          .field("consecutive", &EjectionSettings::consecutive, integer<std::uint16_t>(0, 10000),
                 "Failures in a row; 0: no reason")
          .field("error_rate", &EjectionSettings::error_rate, share_of(), "Of the server's requests in the window ...")
          .field("margin", &EjectionSettings::margin, share_of(), "... and so much above the other servers' rate")
          .field("min_requests", &EjectionSettings::min_requests, integer<std::uint32_t>(1, 1'000'000),
                 "Fewer requests in the window say nothing")
          .field("window", &EjectionSettings::window, whole_span(std::chrono::seconds(2), minutes(10)),
                 "What is looked at")
          .field("time", &EjectionSettings::time, whole_span(milliseconds(500), hours(1)),
                 "Out for so long; the second time in a row twice, and so on")
          .field("max_time", &EjectionSettings::max_time, whole_span(milliseconds(500), hours(24)), "At most")
          .field("max_ejected", &EjectionSettings::max_ejected, share_of(), "Of the pool, at a time");
  return table;
}

const Table<BreakerSettings>& breaker_table() {
  static const auto table =
      Table<BreakerSettings>("edge.pools.NAME.breaker",
                             "One circuit breaker for each server: after failures in a row it gets nothing, then a few "
                             "probes, then everything again.")
          .field("mode", &BreakerSettings::mode, mode(), "enforce, shadow or disabled")
          .field("failures", &BreakerSettings::failures, integer<std::uint16_t>(1, 1000), "In a row: it opens")
          .field("open", &BreakerSettings::open, whole_span(milliseconds(100), hours(1)),
                 "How long; doubled each time it opens again soon")
          .field("max_open", &BreakerSettings::max_open, whole_span(milliseconds(100), hours(24)), "At most")
          .field("jitter", &BreakerSettings::jitter, share_of(), "Up to so much longer, so that edges differ")
          .field("probes", &BreakerSettings::probes, integer<std::uint16_t>(1, 60),
                 "Requests under way at a time while it is half open")
          .field("successes", &BreakerSettings::successes, integer<std::uint16_t>(1, 1000),
                 "Of probes in a row: it closes")
          .field("max_opened", &BreakerSettings::max_opened, share_of(),
                 "Of the pool's breakers, at a time: no more open; 100%: all may")
          .check(check_breaker);
  return table;
}

const Table<RetrySettings>& retry_table() {
  static const auto table =
      Table<RetrySettings>("edge.pools.NAME.retry",
                           "A request that failed is sent to another server while nobody can notice; docs/failures.md "
                           "says when that is.")
          .field("attempts", &RetrySettings::attempts, integer<std::uint16_t>(1, kMaxAttempts),
                 "Servers tried in all; 1: no retry")
          .field("budget", &RetrySettings::budget_share, share_of(), "Retries for each request of the pool ...")
          .field("min_rate", &RetrySettings::budget_rate, number(0, 100000),
                 "... and so many a second however few there are; both over ten seconds")
          .field("buffer", &RetrySettings::buffer, size(0, 1024 * 1024),
                 "Octets of an idempotent request's body that are kept to be sent again")
          .field("hedge", &RetrySettings::hedge, nested(hedge_table()), "A second server for slow answers");
  return table;
}

}  // namespace edge

#include "cli/moves.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include <boost/json.hpp>

#include "cli/admin_client.h"
#include "cli/servers.h"
#include "dns/load/world/geo_guard.h"

namespace cli {

namespace json = boost::json;
using shared::fail;
using shared::Result;

namespace {

dns::GivenAnswer answer_from(const json::object& object) {
  dns::GivenAnswer answer;
  answer.name = std::string(object.at("name").as_string());
  const auto prefix = shared::Prefix::parse(std::string_view(object.at("client").as_string()));
  if (!prefix) throw std::invalid_argument(prefix.error().message);
  answer.client = *prefix;
  answer.by_subnet = object.at("subnet").as_bool();
  answer.count = object.at("count").to_number<std::uint64_t>();
  return answer;
}

Given::Region region_from(const json::object& object) {
  Given::Region region{std::string(object.at("name").as_string()), {}};
  for (const json::value& edge : object.at("edges").as_array()) {
    const auto state = dns::parse_edge_state(edge.as_string());
    if (!state) throw std::invalid_argument("an unknown state of an edge");
    region.edges.push_back(*state);
  }
  return region;
}

std::uint64_t total_of(const Given& given) {
  std::uint64_t total = 0;
  for (const auto& answer : given.answers) total += answer.count;
  return total;
}

std::string line(const std::string& left, const std::string& right) {
  std::string out = "  " + left;
  out.append(out.size() < 40 ? 40 - out.size() : 1, ' ');
  return out + right + "\n";
}

std::string right(const std::string& text) { return std::string(text.size() < 8 ? 8 - text.size() : 0, ' ') + text; }

// "70.0 % +- 9.0 %"; over the address space nothing is estimated.
std::string estimate(double share, double error, bool by_answers) {
  return dns::print_share(share) + (by_answers ? " +- " + dns::print_share(error) : "");
}

bool too_few(double answers) { return answers < dns::kFewSamples; }

std::string samples(double answers) {
  return std::to_string(static_cast<std::uint64_t>(answers)) + (answers == 1 ? " sample" : " samples");
}

std::string text_of(const dns::NameMoves& name, bool by_answers) {
  using dns::print_share;
  std::string out = "\n" + name.name + ": " + estimate(name.moved, name.error, by_answers) + " would move";
  if (by_answers) out += ", by " + samples(name.weight) + (too_few(name.weight) ? ": too few to go by" : "");
  if (!by_answers && name.moved_v6 > 0) out += ", of the IPv6 addresses " + print_share(name.moved_v6);
  out += "\n";
  for (const auto& region : name.regions) {
    out += line(region.region, right(print_share(region.before)) + " now" + right(print_share(region.after)) + " then");
  }
  for (const auto& flow : name.flows) out += line(flow.from + " -> " + flow.to, right(print_share(flow.share)));
  for (const auto& block : name.blocks) {
    out += line(block.block.to_string(), right(print_share(block.share)) + "  " + block.from + " -> " + block.to);
  }
  return out;
}

void add_estimate(json::object& out, double answers, double error) {
  out["samples"] = static_cast<std::uint64_t>(answers);
  out["error"] = error;
  out["too_few_samples"] = too_few(answers);
}

json::object json_of(const dns::NameMoves& name, bool by_answers) {
  json::array regions;
  for (const auto& r : name.regions) {
    regions.push_back({{"region", r.region}, {"before", r.before}, {"after", r.after}});
  }
  json::array flows;
  for (const auto& f : name.flows) flows.push_back({{"from", f.from}, {"to", f.to}, {"share", f.share}});
  json::array blocks;
  for (const auto& b : name.blocks) {
    blocks.push_back({{"prefix", b.block.to_string()}, {"from", b.from}, {"to", b.to}, {"share", b.share}});
  }
  json::object out{{"name", name.name},           {"moved", name.moved},
                   {"moved_ipv6", name.moved_v6}, {"regions", std::move(regions)},
                   {"flows", std::move(flows)},   {"prefixes", std::move(blocks)}};
  if (by_answers) add_estimate(out, name.weight, name.error);
  return out;
}

json::array words(const std::vector<std::string>& list) {
  json::array out;
  for (const std::string& word : list) out.push_back(json::value(word));
  return out;
}

}  // namespace

void add_moves_options(shared::Parser parser, MovesOptions& options) {
  const auto servers = parser.option(
      "--server", options.servers,
      "Weigh by the answers that this server gave lately, and take the health that it sees: unix:/PATH or "
      "127.0.0.1:PORT; may be repeated. Else the DNS node of the configuration, if it runs on this machine");
  servers.one_each();
  parser.flag("--addresses", options.addresses, "Ask no server: every address counts the same, every region is up")
      .excludes(servers);
  parser.flag("--json", options.json, "Print JSON");
}

Result<Given> parse_given(std::string_view text) {
  try {
    const json::value whole = json::parse(json::string_view(text.data(), text.size()));
    Given given;
    for (const json::value& answer : whole.at("answers").as_array())
      given.answers.push_back(answer_from(answer.as_object()));
    for (const json::value& region : whole.at("regions").as_array())
      given.regions.push_back(region_from(region.as_object()));
    given.sampled_one_in = whole.at("sampled_one_in").to_number<std::uint64_t>();
    return given;
  } catch (const std::exception& problem) {
    return fail(std::string("not what a DNS server says of its answers: ") + problem.what());
  }
}

namespace {

Result<Given> fetch_given(const std::string& server) {
  AdminCall call;
  call.path = "/given";
  const auto body = fetch(server, call);
  if (!body) return fail(body.error().message);
  auto given = parse_given(*body);
  if (!given) return fail(server + ": " + given.error().message);
  if (given->answers.empty()) {
    return fail("too few samples: " + server +
                " has sampled none of its answers to policy names yet, of which it takes one in " +
                std::to_string(given->sampled_one_in) + "; with --addresses all addresses count");
  }
  given->server = server;
  return given;
}

// Of who was found and not named: one that cannot be asked is no reason to say nothing, but it is told.
Exit report_found(const std::string& config, const Report& report) {
  const auto found = running_servers(config, Role::dns);
  std::string problem = found ? "" : found.error().message;
  if (found && !found->empty()) {
    const auto given = fetch_given(found->front());  // a configuration has one DNS node here
    if (given) return report(*given);
    problem = given.error().message;
  }
  if (!problem.empty()) std::fputs((problem + "\nnobody is asked: all addresses count the same\n").c_str(), stderr);
  return report({});
}

}  // namespace

Exit report_each(const MovesOptions& options, const std::string& config, const Report& report) {
  if (options.addresses) return report({});
  if (options.servers.empty()) return report_found(config, report);
  Exit exit = Exit::ok;
  for (const std::string& server : options.servers) {
    if (options.servers.size() > 1) print((&server == &options.servers.front() ? "" : "\n") + server + "\n");
    const auto given = fetch_given(server);
    if (!given) std::fflush(stdout);
    const Exit one = given ? report(*given) : complain(Exit::failed, given.error().message);
    if (one != Exit::ok) exit = one;
  }
  return exit;
}

dns::HealthView health_of(const std::vector<dns::Region>& regions, const std::optional<Given>& given) {
  dns::HealthView view = dns::HealthView::all_up(regions);
  if (!given) return view;
  for (std::size_t i = 0; i < regions.size(); ++i) {
    for (const Given::Region& seen : given->regions) {
      if (seen.name == regions[i].name && seen.edges.size() == regions[i].edges.size()) {
        view.regions[i].edges = seen.edges;
      }
    }
  }
  return view;
}

std::optional<dns::World> load_or_complain(const std::string& file) {
  shared::load::Diagnostics diagnostics;
  auto world = dns::load_world(file, diagnostics);
  std::fputs(diagnostics.render().c_str(), stderr);
  if (!world) complain(Exit::invalid, file + " has errors");
  return world;
}

std::string moves_text(const dns::MoveReport& report, const std::string& change, const std::optional<Given>& given) {
  const bool by_answers = given.has_value();
  std::string out = "if " + change;
  if (by_answers) {
    const std::uint64_t total = total_of(*given);
    out += " (by " + std::to_string(total) + " sampled answers of " + given->server + ", one in " +
           std::to_string(given->sampled_one_in) + ")";
  }
  out += ": " + estimate(report.moved, report.error, by_answers) + " of the " +
         (by_answers ? "answers" : "IPv4 addresses") + " would move\n";
  if (by_answers && too_few(report.weight)) {
    out += "too few samples to go by: " + samples(report.weight) + ", of some " +
           std::to_string(static_cast<std::uint64_t>(report.weight) * given->sampled_one_in) + " answers\n";
  }
  for (const std::string& name : report.added) out += "new name: " + name + "\n";
  for (const std::string& name : report.removed) out += "name without a policy from then on: " + name + "\n";
  for (const auto& name : report.names) out += text_of(name, by_answers);
  return out;
}

std::string moves_json(const dns::MoveReport& report, const std::string& change, const std::optional<Given>& given) {
  json::array names;
  for (const auto& name : report.names) names.push_back(json_of(name, given.has_value()));
  json::object whole{{"change", change},
                     {"weighed_by", given ? "answers" : "addresses"},
                     {"moved", report.moved},
                     {"names", std::move(names)},
                     {"added", words(report.added)},
                     {"removed", words(report.removed)}};
  if (given) {
    add_estimate(whole, report.weight, report.error);
    whole["sampled_one_in"] = given->sampled_one_in;
  }
  return json::serialize(whole) + "\n";
}

Exit print_moves(const dns::Side& before, const dns::Side& after, const std::optional<Given>& given,
                 const std::string& change, const MovesOptions& options) {
  const auto report = given ? dns::moves_of_answers(before, after, given->answers) : dns::moves_of_space(before, after);
  print(options.json ? moves_json(report, change, given) : moves_text(report, change, given));
  return Exit::ok;
}

}  // namespace cli

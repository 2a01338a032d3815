#include "cli/explain_url.h"

#include <algorithm>
#include <ctime>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "cli/explain_story.h"
#include "cli/health_play.h"
#include "cli/servers.h"
#include "cli/url.h"
#include "dns/core/steer/answer_sets.h"
#include "dns/load/world/explain.h"
#include "dns/load/world/world.h"
#include "edge/core/decide/explain.h"
#include "edge/load/explain_json.h"
#include "edge/load/world.h"
#include "shared/serve/tls/host_words.h"

namespace cli {
namespace {

namespace json = boost::json;
using shared::Result;
using shared::load::Diagnostics;

Result<json::object> read_object(const std::string& text) {
  json::error_code error;
  json::value value = json::parse(text, error);
  if (error || !value.is_object()) return shared::fail("its answer is not JSON: is it of another version?");
  return std::move(value.as_object());
}

// The client's own address: DNS hears of it by a client subnet, the edge by its connection.
std::string client_of(const UrlQuestion& question) { return question.client.empty() ? "127.0.0.1" : question.client; }

bool is_address(std::string_view host) {
  if (host.starts_with('[')) return true;
  return shared::IpAddress::parse(host).has_value();
}

// From a file: DNS as it would answer with every region up, but for those that are played down.
Result<json::object> ask_dns_of_file(const UrlQuestion& question, const dns::World& world, const Url& url,
                                     const std::string& type) {
  const auto asked = dns::parse_explain({url.host, type, question.client, question.resolver});
  if (!asked) return tl::unexpected(asked.error());
  auto health = play_down(dns::regions_of(world.common), question.down);
  if (!health) return tl::unexpected(health.error());
  const auto answers = dns::AnswerSets::build(*world.policies, std::move(*health));
  const auto explanation = dns::explain(dns::make_snapshot(world, answers), *asked);
  if (!explanation) return tl::unexpected(explanation.error());
  return read_object(dns::to_json(*explanation));
}

Result<void> tell_dns_of_file(const UrlQuestion& question, const Url& url, Story& story) {
  if (is_address(url.host)) {
    story.notes.emplace_back("the URL has an address and no name: DNS is not asked");
    return {};
  }
  Diagnostics diagnostics;
  auto common =
      shared::load::load_config(question.file, shared::load::settings_for(shared::load::Role::both), diagnostics);
  if (!common) return shared::fail(diagnostics.render() + question.file + " has errors");
  if (!common->dns) {
    story.notes.emplace_back("the file has no `dns`: who sends the client to an edge is not known here");
    return {};
  }
  const auto world = dns::load_world(question.file, diagnostics);
  if (!world) return shared::fail(diagnostics.render() + question.file + " has errors");
  for (const char* const type : {"A", "AAAA"}) {
    auto said = ask_dns_of_file(question, *world, url, type);
    if (!said) return tl::unexpected(said.error());
    const bool answered = !addresses_in(*said).empty();
    if (answered || story.dns.empty()) story.dns = {{question.file, std::move(*said)}};
    if (answered) break;
  }
  return {};
}

// Which edge the client comes to: of --region, else of where DNS sends it, else the only one.
Result<edge::Options> find_edge(const UrlQuestion& question, const shared::load::Config& config, Story& story) {
  edge::Options options{.config = question.file, .version = {}, .region = question.region, .node = {}};
  if (options.region.empty()) options.region = region_of(story);
  std::vector<std::string> addresses;
  if (!story.dns.empty()) addresses = addresses_in(story.dns.front().said);
  for (const auto& region : config.regions) {
    for (const auto& node : region.value.edges) {
      const std::string text = node.value.to_string();
      if (std::ranges::find(addresses, text) == addresses.end()) continue;
      if (!options.region.empty() && options.region != region.name) continue;
      if (options.node.empty()) options.node = text;
      if (options.region.empty()) options.region = region.name;
    }
  }
  if (options.region.empty() && config.regions.size() == 1) options.region = config.regions.front().name;
  const auto named =
      std::ranges::find_if(config.regions, [&](const auto& region) { return region.name == options.region; });
  if (named == config.regions.end()) {
    return shared::fail(options.region.empty() ? "DNS leads to no region: say --region, to explain the edge of one"
                                               : "--region: there is no region " + options.region);
  }
  if (named->value.edges.empty()) return shared::fail("region " + named->name + " has no edge of ours: it ends there");
  if (options.node.empty()) options.node = named->value.edges.front().value.to_string();
  return options;
}

// Every name of a server is taken to be found.
std::shared_ptr<const edge::Addresses> addresses_of(const edge::Built& built) {
  auto addresses = std::make_shared<edge::Addresses>(*built.servers.addresses);
  for (const edge::NameToResolve& name : built.servers.names) {
    addresses->set(name.id, {shared::Endpoint{shared::IpAddress::v4(0), name.port}});
  }
  return addresses;
}

// Which certificates are met, by the listeners' indexes.
class Hosts {
 public:
  explicit Hosts(const edge::Built& built) {
    for (const edge::TlsPlan& plan : built.tls) {
      auto made = shared::TlsServer::make({.hosts = plan.hosts, .strict_names = plan.strict_names, .alpn = plan.alpn},
                                          tickets_);
      if (made) servers_.emplace(plan.index, std::move(*made));
    }
  }
  [[nodiscard]] std::string met_by(std::size_t index, std::string_view name) const {
    const auto found = servers_.find(index);
    return found == servers_.end() ? std::string() : shared::words_for(*found->second, name);
  }

 private:
  shared::TicketKeys tickets_;
  std::map<std::size_t, std::shared_ptr<const shared::TlsServer>> servers_;
};

edge::ExplainedRequest request_of(const UrlQuestion& question, const Url& url, const shared::IpAddress& client) {
  return {.method = question.method,
          .host = url.host,
          .path = url.path,
          .client = client,
          .headers = question.headers,
          .scheme = url.scheme,
          .port = url.port};
}

Result<void> tell_edge_of_file(const UrlQuestion& question, const Url& url, Story& story) {
  Diagnostics diagnostics;
  auto common =
      shared::load::load_config(question.file, shared::load::settings_for(shared::load::Role::both), diagnostics);
  if (!common) return shared::fail(diagnostics.render() + question.file + " has errors");
  if (!common->edge) {
    story.notes.emplace_back("the file has no `edge`: what becomes of the request is not known here");
    return {};
  }
  auto options = find_edge(question, *common, story);
  if (!options) {
    story.notes.push_back(options.error().message);
    return {};
  }
  edge::Live live;
  edge::WorldLoader loader(*options, live, 0);
  const auto world = loader.load({}, diagnostics);
  if (!world) return shared::fail(diagnostics.render() + question.file + " has errors");
  edge::Snapshot snapshot = world->built.snapshot(1);
  snapshot.addresses = addresses_of(world->built);
  const auto client = shared::IpAddress::parse(client_of(question));
  if (!client) return shared::fail("--client: with --url it is the client's address, such as 81.2.69.142");
  const Hosts hosts(world->built);
  edge::ExplainMoment moment{.now = shared::Clock::now(), .wall = std::time(nullptr)};
  moment.listen = world->built.listen;
  moment.virtual_host = [&hosts](std::size_t index, std::string_view name) { return hosts.met_by(index, name); };
  const auto explanation = edge::explain(snapshot, live, request_of(question, url, *client), moment);
  if (!explanation) return shared::fail(explanation.error().message);
  auto said = read_object(edge::to_json(*explanation));
  if (!said) return tl::unexpected(said.error());
  story.edges.push_back({question.file, std::move(*said)});
  if (!world->built.servers.sources.empty()) {
    story.notes.emplace_back("servers that SRV records name are not looked for: their pools have nobody here");
  }
  story.notes.emplace_back(
      "from the file: every server is up, every limit is unused, no cache has anything; --server asks those that run");
  return {};
}

AdminCall call_of_dns(const UrlQuestion& question, const Url& url, const std::string& type) {
  AdminCall call;
  call.path = "/explain";
  call.query = {{"name", url.host}, {"type", type}, {"format", "json"}};
  if (!question.client.empty()) call.query.emplace_back("client", question.client);
  if (!question.resolver.empty()) call.query.emplace_back("resolver", question.resolver);
  return call;
}

AdminCall call_of_edge(const UrlQuestion& question, const Url& url) {
  AdminCall call;
  call.path = "/explain";
  call.query = {{"scheme", url.scheme},      {"port", std::to_string(url.port)}, {"host", url.host}, {"path", url.path},
                {"method", question.method}, {"client", client_of(question)},    {"format", "json"}};
  for (const std::string& header : question.headers) call.query.emplace_back("header", header);
  return call;
}

Result<json::object> fetch_object(const std::string& server, const AdminCall& call) {
  const auto body = fetch(server, call);
  if (!body) return tl::unexpected(body.error());
  auto object = read_object(*body);
  if (!object) return shared::fail(server + ": " + object.error().message);
  return object;
}

Result<json::object> ask_dns_node(const std::string& server, const UrlQuestion& question, const Url& url) {
  auto said = fetch_object(server, call_of_dns(question, url, "A"));
  if (!said || !addresses_in(*said).empty()) return said;
  auto of_ipv6 = fetch_object(server, call_of_dns(question, url, "AAAA"));
  return of_ipv6 && !addresses_in(*of_ipv6).empty() ? of_ipv6 : said;
}

// What one running server has to say; a failure becomes a note.
bool tell_of_server(const std::string& server, const UrlQuestion& question, const Url& url, Story& story) {
  AdminCall status;
  status.path = "/status";
  const auto who = fetch_object(server, status);
  if (!who) {
    story.notes.push_back(who.error().message);
    return false;
  }
  const json::value* program = who->if_contains("program");
  const bool is_dns = program != nullptr && program->is_string() && program->as_string() == "meridian-dns";
  if (is_dns && is_address(url.host)) return true;
  auto said = is_dns ? ask_dns_node(server, question, url) : fetch_object(server, call_of_edge(question, url));
  if (!said) {
    story.notes.push_back(said.error().message);
    return false;
  }
  (is_dns ? story.dns : story.edges).push_back({server, std::move(*said)});
  return true;
}

Exit tell(const UrlQuestion& question, const Story& story, Exit exit) {
  print(question.json ? to_json(story) : to_words(story));
  return exit;
}

Exit ask_running(const UrlQuestion& question, const Url& url, Story& story) {
  if (!question.down.empty()) return complain(Exit::invalid, "explain: --down plays with a FILE, not with servers");
  const auto servers = find_servers({.servers = question.servers, .file = question.file, .key = {}}, Role::any);
  if (!servers) return complain(Exit::failed, servers.error().message);
  Exit exit = Exit::ok;
  for (const std::string& server : *servers) {
    if (!tell_of_server(server, question, url, story)) exit = Exit::failed;
  }
  if (story.dns.empty()) story.notes.emplace_back("no DNS node was asked: name one with --server");
  if (story.edges.empty()) story.notes.emplace_back("no edge was asked: name one with --server");
  return tell(question, story, exit);
}

}  // namespace

Exit explain_url(const UrlQuestion& question) {
  const auto url = parse_url(question.url);
  if (!url) return complain(Exit::invalid, "--url: " + url.error().message);
  if (!question.client.empty() && !shared::IpAddress::parse(question.client)) {
    return complain(Exit::invalid, "--client: with --url it is the client's address, such as 81.2.69.142");
  }
  Story story;
  story.asked = question.method + " " + url->to_string();
  story.client = question.client;
  if (question.file.empty() || question.running || !question.servers.empty()) return ask_running(question, *url, story);
  if (const auto done = tell_dns_of_file(question, *url, story); !done) {
    return complain(Exit::invalid, done.error().message);
  }
  if (const auto done = tell_edge_of_file(question, *url, story); !done) {
    return complain(Exit::invalid, done.error().message);
  }
  return tell(question, story, Exit::ok);
}

}  // namespace cli

#include "cli/explain.h"

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/explain_url.h"
#include "cli/health_play.h"
#include "cli/servers.h"
#include "dns/core/steer/answer_sets.h"
#include "dns/load/world/explain.h"
#include "dns/load/world/world.h"

namespace cli {
namespace {

struct Options {
  std::string file;
  std::vector<std::string> servers;
  std::string url;
  std::string region;
  bool running = false;
  std::string host;      // of a request to an edge
  std::string listener;  // of a connection to an edge
  std::string sni;
  std::string path = "/";
  std::string method = "GET";
  std::vector<std::string> headers;
  std::string name;
  std::string type = "A";
  std::string client;
  std::string resolver;
  std::vector<std::string> down;
  bool json = false;
};

Exit ask_server(const Options& options) {
  AdminCall call;
  call.path = "/explain";
  call.query = {{"name", options.name}, {"type", options.type}};
  if (!options.client.empty()) call.query.emplace_back("client", options.client);
  if (!options.resolver.empty()) call.query.emplace_back("resolver", options.resolver);
  if (options.json) call.query.emplace_back("format", "json");
  return ask_each({.servers = options.servers, .file = {}, .key = {}}, Role::dns, call);
}

// A request, at a running edge; its words go through the parser that clients go through.
Exit ask_edge(const Options& options) {
  if (!options.name.empty() || !options.down.empty()) {
    return complain(Exit::invalid, "explain: --host is a request to an edge; --name and --down are for DNS");
  }
  AdminCall call;
  call.path = "/explain";
  call.query = {{"host", options.host}, {"path", options.path}, {"method", options.method}};
  if (!options.client.empty()) call.query.emplace_back("client", options.client);
  for (const std::string& header : options.headers) call.query.emplace_back("header", header);
  if (options.json) call.query.emplace_back("format", "json");
  return ask_each({.servers = options.servers, .file = options.file, .key = {}}, Role::edge, call);
}

// A connection, or a UDP session, to a listener of a running edge.
Exit ask_listener(const Options& options) {
  if (!options.name.empty() || !options.host.empty() || !options.down.empty() || options.json) {
    return complain(Exit::invalid,
                    "explain: --listener is a connection to an edge; --name, --host, --down and --json are for others");
  }
  AdminCall call;
  call.path = "/explain";
  call.query = {{"listener", options.listener}};
  if (!options.sni.empty()) call.query.emplace_back("sni", options.sni);
  if (!options.client.empty()) call.query.emplace_back("client", options.client);
  return ask_each({.servers = options.servers, .file = options.file, .key = {}}, Role::edge, call);
}

Exit ask_configuration(const Options& options, const dns::ExplainQuestion& question) {
  shared::load::Diagnostics diagnostics;
  const auto world = dns::load_world(options.file, diagnostics);
  std::fputs(diagnostics.render().c_str(), stderr);
  if (!world) return complain(Exit::invalid, options.file + " has errors");
  auto health = play_down(dns::regions_of(world->common), options.down);
  if (!health) return complain(Exit::invalid, health.error().message);
  const auto answers = dns::AnswerSets::build(*world->policies, std::move(*health));
  const auto explanation = dns::explain(dns::make_snapshot(*world, answers), question);
  if (!explanation) return complain(Exit::invalid, explanation.error().message);
  print(options.json ? dns::to_json(*explanation) : dns::to_text(*explanation));
  return Exit::ok;
}

Exit ask_all(const Options& options) {
  if (!options.name.empty() || !options.host.empty() || !options.listener.empty()) {
    return complain(Exit::invalid, "explain: --url is the whole way; --name, --host and --listener are parts of it");
  }
  return explain_url({.url = options.url,
                      .method = options.method,
                      .headers = options.headers,
                      .client = options.client,
                      .resolver = options.resolver,
                      .file = options.file,
                      .servers = options.servers,
                      .down = options.down,
                      .region = options.region,
                      .running = options.running,
                      .json = options.json});
}

Exit run_explain(const Options& options) {
  if (!options.url.empty()) return ask_all(options);
  if (!options.listener.empty()) return ask_listener(options);
  if (!options.host.empty()) return ask_edge(options);
  if (options.name.empty()) {
    return complain(Exit::invalid,
                    "explain: say --url for the whole way of a request, --name for a question to DNS, --host for a "
                    "request to an edge, or --listener for a connection to one");
  }
  const auto question = dns::parse_explain({options.name, options.type, options.client, options.resolver});
  if (!question) return complain(Exit::invalid, question.error().message);
  if (!options.servers.empty()) return ask_server(options);
  if (!options.file.empty()) return ask_configuration(options, *question);
  return complain(Exit::invalid, "explain: say a configuration FILE, or --server ADDRESS; see meridian explain --help");
}

}  // namespace

Command explain_command(shared::Parser parent) {
  auto options = std::make_shared<Options>();
  const auto parser = parent.command("explain", "Show how a client's question or request is answered, and why");
  const auto file =
      parser.option("FILE", options->file,
                    "Explain from this configuration, with every edge up; with --host or --running: ask those "
                    "of it that run on this machine");
  const auto server =
      parser.option("--server", options->servers,
                    "Ask a running server at its admin address: unix:/PATH or 127.0.0.1:PORT; may be repeated");
  server.one_each();
  file.excludes(server);
  parser.option("--url", options->url,
                "The whole way of a request, from the name to the server: https://www.example.com/api/x. With FILE "
                "from it, else by the DNS nodes and edges that run: those of --server, or those on this machine");
  parser.option("--region", options->region, "With --url and FILE: at the edge of this region, wherever DNS leads");
  parser.flag("--running", options->running, "With --url and FILE: by the servers of it that run on this machine");
  parser.option("--name", options->name, "The name that is asked for");
  parser.option("--host", options->host, "In place of --name: a request to an edge, for this host");
  parser.option("--listener", options->listener,
                "In place of --name: a connection to this listener of an edge with protocol: tcp or udp, by its "
                "address or port: 6379, tcp:192.0.2.1:6379");
  parser.option("--sni", options->sni, "With --listener: the server name that a TLS client asks for");
  parser.option("--path", options->path, "With --host: its path and query").with_default();
  parser.option("--method", options->method, "With --url or --host: its method").with_default();
  parser.option("--header", options->headers, "With --url or --host: a field of it, \"Name: value\"; may be repeated")
      .one_each();
  parser.option("--type", options->type, "The record type").with_default();
  parser.option("--client", options->client,
                "The client's address or prefix, told as a client subnet (RFC 7871); with --url, --host or "
                "--listener: who connects");
  parser.option("--resolver", options->resolver, "The address that the query comes from; 127.0.0.1 if not said");
  parser.flag("--json", options->json, "Print JSON: the question, each step of the decision, the reply");
  parser.option("--down", options->down, "With FILE: play that this region is down; may be repeated")
      .excludes(server)
      .one_each();
  parser.footer(
      "Examples: meridian explain meridian.yaml --url https://www.example.com/api/x --client 81.2.69.142 --header "
      "'X-Customer-Tier: enterprise'\n"
      "          meridian explain --url https://www.example.com/ --server 127.0.0.1:9053 --server 127.0.0.1:9080\n"
      "          meridian explain meridian.yaml --name www.example.com --client 81.2.69.142\n"
      "          meridian explain --server 127.0.0.1:9053 --name www.example.com --client 81.2.69.0/24\n"
      "          meridian explain meridian.yaml --host www.example.com --path /api/items --header \"X-Api-Key: k\"\n"
      "          meridian explain meridian.yaml --listener 443 --sni api.example.com");
  return {parser, [options] { return run_explain(*options); }};
}

}  // namespace cli

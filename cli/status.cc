#include "cli/status.h"

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cli/admin_client.h"
#include "cli/json_text.h"
#include "cli/nodes.h"
#include "cli/servers.h"
#include "cli/status_table.h"

namespace cli {
namespace {

constexpr auto kEvery = std::chrono::seconds(1);
constexpr shared::Duration kPatience = shared::seconds(3);  // with a server that is frozen

struct Options {
  ServerOptions servers;
  bool json = false;
  bool watch = false;
};

AdminCall status_call() {
  AdminCall call;
  call.path = "/status";
  call.timeout = kPatience;
  return call;
}

// A table for an edge, an indented list for a DNS node.
shared::Result<std::string> shown(const std::string& body, const EarlierStatus& earlier) {
  auto table = edge_table(body, earlier);
  return table ? std::move(table) : readable(body);
}

Exit run_once(const Options& options) {
  const Show show = [&options](const std::string& body) -> shared::Result<std::string> {
    return options.json ? body : shown(body, {});
  };
  if (options.servers.all) return ask_nodes(options.servers, status_call(), show);
  return ask_each(options.servers, Role::any, status_call(), show);
}

// The screen is drawn anew every second, until it is interrupted; a server that is away for a while is waited for.
Exit run_watch(const Options& options) {
  const auto servers = find_servers(options.servers, Role::any);
  if (!servers) return complain(Exit::failed, servers.error().message);
  std::vector<std::string> before(servers->size());
  auto asked = std::chrono::steady_clock::now();
  for (auto next = asked;; next += kEvery) {
    std::this_thread::sleep_until(next);
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - asked).count();
    asked = now;
    std::string text;
    for (std::size_t i = 0; i < servers->size(); ++i) {
      const auto body = fetch((*servers)[i], status_call());
      text += text.empty() ? "" : "\n";
      text +=
          body ? shown(*body, {.json = before[i], .seconds = seconds}).value_or(*body) : body.error().message + "\n";
      if (body) before[i] = *body;
    }
    print("\x1b[H\x1b[2J" + text);
    std::fflush(stdout);
    if (std::ferror(stdout) != 0) return Exit::failed;
  }
}

Exit run_status(const Options& options) { return options.watch ? run_watch(options) : run_once(options); }

}  // namespace

Command status_command(shared::Parser parent) {
  auto options = std::make_shared<Options>();
  const auto parser = parent.command("status", "Show what running servers think");
  add_server_options(parser, options->servers, FileAs::argument);
  parser.flag("--json", options->json, "Print the server's JSON as it is");
  add_all_option(parser, options->servers);
  parser.flag("--watch", options->watch, "A live table, drawn anew every second").excludes(parser.find("--all"));
  parser.footer("Example: meridian status /etc/meridian/meridian.yaml");
  return {parser, [options] { return run_status(*options); }};
}

}  // namespace cli

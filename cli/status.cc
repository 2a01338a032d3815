#include "cli/status.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>

#include "cli/admin_client.h"
#include "cli/json_text.h"
#include "cli/status_table.h"

namespace cli {
namespace {

constexpr auto kEvery = std::chrono::seconds(1);

struct Options {
  std::string server = kDefaultDnsAdmin;
  bool json = false;
  bool watch = false;
};

shared::Result<std::string> status_of(const Options& options) {
  AdminCall call;
  call.path = "/status";
  return fetch(options.server, call);
}

// A table for an edge, an indented list for a DNS node.
shared::Result<std::string> shown(const std::string& body, const EarlierStatus& earlier) {
  auto table = edge_table(body, earlier);
  return table ? std::move(table) : readable(body);
}

Exit run_once(const Options& options) {
  const auto body = status_of(options);
  if (!body) return complain(Exit::failed, body.error().message);
  if (options.json) {
    print(*body);
    return Exit::ok;
  }
  const auto text = shown(*body, {});
  if (!text) return complain(Exit::failed, options.server + ": " + text.error().message);
  print(*text);
  return Exit::ok;
}

// The screen is drawn anew every second, until it is interrupted; a server that is away for a while is waited for.
Exit run_watch(const Options& options) {
  std::string before;
  auto asked = std::chrono::steady_clock::now();
  for (auto next = asked;; next += kEvery) {
    std::this_thread::sleep_until(next);
    const auto body = status_of(options);
    const auto now = std::chrono::steady_clock::now();
    std::string text = body ? std::string() : body.error().message + "\n";
    if (body) {
      const double seconds = std::chrono::duration<double>(now - asked).count();
      text = shown(*body, {.json = before, .seconds = seconds}).value_or(*body);
      before = *body;
      asked = now;
    }
    print("\x1b[H\x1b[2J" + text);
    std::fflush(stdout);
    if (std::ferror(stdout) != 0) return Exit::failed;
  }
}

Exit run_status(const Options& options) { return options.watch ? run_watch(options) : run_once(options); }

}  // namespace

Command status_command(CLI::App& parent) {
  auto options = std::make_shared<Options>();
  auto* app = parent.add_subcommand("status", "Show what a running server thinks");
  app->add_option("--server", options->server, "Admin address: 127.0.0.1:5380, or unix:/run/meridian/dns.sock")
      ->capture_default_str();
  app->add_flag("--json", options->json, "Print the server's JSON as it is");
  app->add_flag("--watch", options->watch, "A live table, drawn anew every second");
  app->footer("Example: meridian status --server 127.0.0.1:9180");
  return {app, [options] { return run_status(*options); }};
}

}  // namespace cli

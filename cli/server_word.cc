#include "cli/server_word.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <utility>

#include "cli/admin_client.h"

namespace cli {
namespace {

Exit tell(const ServerOfPool& which, std::string path, const std::optional<std::string>& weight) {
  AdminCall call;
  call.method = shared::AdminMethod::post;
  call.path = std::move(path);
  call.query = {{"pool", which.pool}, {"server", which.server}};
  if (weight) call.query.emplace_back("weight", *weight);
  const auto body = fetch(which.admin.empty() ? kDefaultEdgeAdmin : which.admin, call);
  if (!body) return complain(Exit::failed, body.error().message);
  print(*body);
  return Exit::ok;
}

void add_options(CLI::App& app, ServerOfPool& which) {
  app.add_option("SERVER", which.server, "The server as configured: 10.0.1.10:8080")->required();
  app.add_option("--pool", which.pool, "Its pool")->required();
  app.add_option("--server", which.admin, "Admin address of the edge; 127.0.0.1:9180 if not given");
}

}  // namespace

Exit drain_server(const ServerOfPool& which) { return tell(which, "/drain", std::nullopt); }

Command enable_command(CLI::App& parent) {
  auto which = std::make_shared<ServerOfPool>();
  auto* app = parent.add_subcommand("enable", "Let a server of a pool that drains take requests again");
  add_options(*app, *which);
  app->footer("Example: meridian enable 10.0.1.10:8080 --pool web");
  return {app, [which] { return tell(*which, "/enable", std::nullopt); }};
}

Command weight_command(CLI::App& parent) {
  auto which = std::make_shared<ServerOfPool>();
  auto weight = std::make_shared<std::string>();
  auto* app = parent.add_subcommand("weight", "Give a server of a pool another weight while the edge runs");
  add_options(*app, *which);
  app->add_option("WEIGHT", *weight, "1 to 256, or default: as configured")->required();
  app->footer(
      "The word beats the file, and survives a reload and a restart.\n"
      "Example: meridian weight 10.0.1.10:8080 50 --pool web");
  return {app, [which, weight] { return tell(*which, "/weight", *weight); }};
}

}  // namespace cli

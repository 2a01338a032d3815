#include "cli/override.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/nodes.h"
#include "cli/servers.h"
#include "cli/word_options.h"

namespace cli {
namespace {

struct Options {
  ServerOptions servers;
  std::string target;
  std::string pool;
  bool edge = false;
  std::string state = "drained";
  WordOptions word;
};

// What is said, to whom: a region or an edge in the answers of DNS nodes, a server of a pool at an edge, or a whole
// edge.
struct Subject {
  Role role = Role::dns;
  std::vector<std::pair<std::string, std::string>> query;
};

shared::Result<Subject> subject_of(const Options& options) {
  const bool target = !options.target.empty();
  if (options.edge) {
    if (target || !options.pool.empty()) {
      return shared::fail("--edge is the whole edge that --server names: no TARGET and no --pool go with it");
    }
    return Subject{Role::edge, {{"scope", "edge"}}};
  }
  if (!target) return shared::fail("say what: a region, the address of an edge, a server with --pool, or --edge");
  if (!options.pool.empty()) return Subject{Role::edge, {{"pool", options.pool}, {"server", options.target}}};
  return Subject{Role::dns, {{"target", options.target}}};
}

Exit tell(const Options& options, Role role, const AdminCall& call) {
  if (!options.servers.all) return ask_each(options.servers, role, call);
  if (role == Role::dns) return ask_nodes(options.servers, call);
  return complain(Exit::invalid, "--all is every DNS node: no --pool and no --edge go with it");
}

Exit run_drain(const Options& options) {
  auto subject = subject_of(options);
  if (!subject) return complain(Exit::invalid, subject.error().message);
  AdminCall call;
  call.method = shared::AdminMethod::post;
  call.path = "/drain";
  call.query = std::move(subject->query);
  if (subject->role == Role::dns) {
    call.query.emplace_back("state", options.state);
  } else if (options.state != "drained") {
    return complain(Exit::invalid,
                    "--state " + options.state + " is for regions and edges in the answers of DNS nodes");
  }
  if (const auto put = put_word(options.word, call); !put) return complain(Exit::invalid, put.error().message);
  return tell(options, subject->role, call);
}

Exit run_undrain(const Options& options) {
  auto subject = subject_of(options);
  if (!subject) return complain(Exit::invalid, subject.error().message);
  AdminCall call;
  call.method = shared::AdminMethod::post;
  call.path = "/undrain";
  call.query = std::move(subject->query);
  return tell(options, subject->role, call);
}

void add_common(shared::Parser parser, Options& options) {
  parser.option("TARGET", options.target, "A region's name, or the address of one edge, in the answers of DNS nodes");
  parser.option("--pool", options.pool, "TARGET is a server of this pool, at the edge that --server names");
  parser.flag("--edge", options.edge, "In place of TARGET: the whole edge that --server names");
  add_server_options(parser, options.servers, FileAs::option);
  add_all_option(parser, options.servers);
}

}  // namespace

Command drain_command(shared::Parser parent) {
  auto options = std::make_shared<Options>();
  const auto parser = parent.command(
      "drain", "Take a region or an edge out of the answers, a server out of a pool, or an edge out of service");
  add_common(parser, *options);
  parser
      .option("--state", options->state, "drained: used only if nothing else is up; down: as if dead; up: as if alive")
      .one_of({"drained", "down", "up"})
      .with_default();
  add_word_options(parser, options->word, "undrain");
  parser.footer(
      "The word beats the probe, and survives a restart. Each server is told on its own; --all tells every DNS node.\n"
      "With --pool: the server gets nothing new until `meridian undrain` or `enable`; sessions stay if the pool says "
      "so.\n"
      "With --edge: it serves on, and tells the DNS nodes to send nobody any more.\n"
      "Example: meridian drain eu --reason \"kernel update\" --expires 2h\n"
      "Example: meridian drain eu --all --config meridian.yaml\n"
      "Example: meridian drain 10.0.1.10:8080 --pool web --expires 30m\n"
      "Example: meridian drain --edge --server unix:/var/lib/meridian/edge-192.0.2.11/admin.sock");
  return {parser, [options] { return run_drain(*options); }};
}

Command undrain_command(shared::Parser parent) {
  auto options = std::make_shared<Options>();
  const auto parser = parent.command("undrain", "Take back what drain said; the probe decides again");
  add_common(parser, *options);
  parser.footer("Example: meridian undrain eu\nExample: meridian undrain eu --all --config meridian.yaml");
  return {parser, [options] { return run_undrain(*options); }};
}

}  // namespace cli

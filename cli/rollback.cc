#include "cli/rollback.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "cli/put_back.h"
#include "cli/servers.h"
#include "shared/load/config.h"
#include "shared/serve/os/utc.h"
#include "shared/serve/process/last_good.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using shared::fail;
using shared::LastGood;
using shared::Result;

struct Options {
  std::string file = "/etc/meridian/meridian.yaml";
  std::string state;
  bool dry_run = false;
  bool no_reload = false;
};

// What the files on the disk say. Of a pipe nothing is read: who writes into it may never come.
std::optional<shared::load::Config> read_sections(const Options& options) {
  auto settings = shared::load::settings_for(shared::load::Role::both);
  settings.files.read = [read = settings.files.read](const fs::path& path, shared::load::FileRules rules) {
    rules.pipes = false;
    return read(path, rules);
  };
  shared::load::Diagnostics unsaid;
  return shared::load::load_sections(options.file, settings, unsaid);
}

// A broken configuration says nothing of its state directory: then the usual one.
fs::path state_directory(const Options& options) {
  if (!options.state.empty()) return options.state;
  const auto config = read_sections(options);
  return config ? config->state_directory : shared::load::Config().state_directory;
}

// The folders of the servers, the DNS node's first: its copy has the zones, too.
std::vector<fs::path> server_folders(const fs::path& state) {
  std::vector<fs::path> folders;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(state, error)) {
    const std::string name = entry.path().filename();
    if (name == "dns" || name.starts_with("edge-")) folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

struct Choice {
  std::shared_ptr<const LastGood> copy;
  PutBack what;
  bool undone = false;  // what serves now is left for the one before
};

// What the files are to be: what serves, if they are something else; otherwise what served before.
Result<Choice> choose(const Options& options, const fs::path& state) {
  const fs::path folder = fs::absolute(options.file).parent_path();
  bool known = false;
  for (const auto which : {LastGood::Which::last, LastGood::Which::before}) {
    for (const fs::path& server : server_folders(state)) {
      auto copy = LastGood::open(server, which);
      if (!copy) return fail(copy.error().message);
      if (*copy == nullptr || (*copy)->config() != shared::load::noted_path(options.file)) continue;
      known = true;
      auto what = what_differs(**copy, folder);
      if (!what) return fail(what.error().message);
      if (!what->empty()) return Choice{*copy, std::move(*what), which == LastGood::Which::before};
    }
  }
  if (!known) {
    std::error_code error;
    static_cast<void>(fs::directory_iterator(state, error));
    if (error == std::errc::permission_denied) return fail("permission denied: " + state.string() + "; be root");
    return fail("no server has kept a copy of " + options.file + " in " + state.string() +
                ": it is of the file that a server was started with; --state DIRECTORY names another place");
  }
  return fail("the files are as they were when they were good, and no other configuration was good before");
}

// A copy lies where the servers' user may write: it must not make root's servers somebody else's.
Result<void> check_user(const Options& options, const std::shared_ptr<const LastGood>& copy) {
  if (::geteuid() != 0 || copy->owner() == 0) return {};
  shared::load::Diagnostics unsaid;
  auto settings = shared::load::settings_for(shared::load::Role::both);
  settings.files = files_of(copy);
  const auto config = shared::load::load_sections(options.file, settings, unsaid);
  const std::string user = config && !config->user.empty() ? config->user : "meridian";
  const passwd* const entry = ::getpwnam(user.c_str());
  if (entry != nullptr && entry->pw_uid == copy->owner()) return {};
  return fail("the copy belongs to another user than the one that it names ('" + user + "'): it is not put back");
}

Exit reload_all(const Options& options) {
  const auto servers = running_servers(options.file, Role::any);
  if (!servers) return complain(Exit::failed, servers.error().message);
  if (servers->empty()) {
    print("no server of this configuration runs on this machine\n");
    return Exit::ok;
  }
  AdminCall call;
  call.method = shared::AdminMethod::post;
  call.path = "/reload";
  call.while_building = true;
  ServerOptions told;
  told.servers = *servers;
  return ask_each(told, Role::any, call);
}

// Some files back and others not would be a third configuration: then none is.
Result<void> check_places(const PutBack& what) {
  const auto listed = [](const std::vector<std::string>& paths) {
    std::string list;
    for (const std::string& path : paths) list += "\n  " + path;
    return list;
  };
  if (!what.irregular.empty()) {
    return fail(
        "where these were files is something else now (a pipe, a device, a folder), and nothing is written over it: "
        "move it away, then try again" +
        listed(what.irregular));
  }
  if (what.outside.empty()) return {};
  return fail(
      "these differ, too, and lie outside the configuration's folder, where nothing is written: put them back by hand, "
      "then try again" +
      listed(what.outside));
}

Exit run_rollback(const Options& options) {
  const auto choice = choose(options, state_directory(options));
  if (!choice) return complain(Exit::failed, choice.error().message);
  if (const auto good = check_places(choice->what); !good) return complain(Exit::failed, good.error().message);
  if (const auto good = check_user(options, choice->copy); !good) return complain(Exit::failed, good.error().message);
  print((choice->undone ? "back to the configuration before, good since " : "back to what serves, good since ") +
        shared::utc(choice->copy->saved()) + "\n");
  for (const auto& file : choice->what.files) {
    print("  " + file.path.string() + (file.is_there ? "\n" : " (was gone)\n"));
  }
  if (options.dry_run) return Exit::ok;
  if (const auto done = put_back(choice->what, options.file); !done)
    return complain(Exit::failed, done.error().message);
  return options.no_reload ? Exit::ok : reload_all(options);
}

}  // namespace

Command rollback_command(shared::Parser parent) {
  auto options = std::make_shared<Options>();
  const auto parser = parent.command("rollback", "Put the last good configuration back, and have the servers read it");
  parser.option("FILE", options->file, "The configuration that the servers of this machine run with").with_default();
  parser.flag("--dry-run", options->dry_run, "Only say which files would be put back");
  parser.flag("--no-reload", options->no_reload, "Put the files back and tell no server");
  parser.option("--state", options->state, "The state directory; that of FILE, or the usual one, if not said");
  parser.footer(
      "Where the files are not what serves (a reload refused them, or there was none): what serves. Otherwise the\n"
      "configuration before the last change that was taken; once more brings the change back. The configuration, its\n"
      "includes, and a DNS node's zones and overrides; keys and certificates are never in a copy. What is replaced is\n"
      "kept as FILE.before-rollback. This machine alone; of many: ansible/playbooks/rollback.yml.\n"
      "Example: meridian rollback /etc/meridian/meridian.yaml --dry-run");
  return {parser, [options] { return run_rollback(*options); }};
}

}  // namespace cli

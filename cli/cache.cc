#include "cli/cache.h"

#include <memory>
#include <string>

#include "cli/servers.h"

namespace cli {
namespace {

struct Options {
  ServerOptions servers;
  std::string url;
  std::string prefix;
  std::string tag;
  std::string cache;
  bool soft = false;
};

Exit run_status(const Options& options) {
  AdminCall call;
  call.path = "/cache";
  return ask_each(options.servers, Role::edge, call);
}

Exit run_purge(const Options& options) {
  const int said = (options.url.empty() ? 0 : 1) + (options.prefix.empty() ? 0 : 1) + (options.tag.empty() ? 0 : 1);
  if (said != 1) return complain(Exit::invalid, "cache purge: say one of --url, --prefix and --tag");
  AdminCall call;
  call.method = shared::AdminMethod::post;
  call.path = "/cache/purge";
  if (!options.url.empty()) call.query.emplace_back("url", options.url);
  if (!options.prefix.empty()) call.query.emplace_back("prefix", options.prefix);
  if (!options.tag.empty()) call.query.emplace_back("tag", options.tag);
  if (!options.cache.empty()) call.query.emplace_back("cache", options.cache);
  if (options.soft) call.query.emplace_back("soft", "true");
  return ask_each(options.servers, Role::edge, call);
}

}  // namespace

Command cache_command(shared::Parser parent) {
  auto options = std::make_shared<Options>();
  const auto cache = parent.command("cache", "Show and purge the caches of running edges");
  cache.require_command();
  const auto status = cache.command("status", "Show what is stored");
  add_server_options(status, options->servers, FileAs::option);
  status.footer("Example: meridian cache status");
  const auto purge = cache.command("purge", "Have responses forgotten, on every edge that is named");
  add_server_options(purge, options->servers, FileAs::option);
  purge.option("--url", options->url, "This one, in all its variants: https://shop.example/a?b");
  purge.option("--prefix", options->prefix, "All that begin so: shop.example/images/");
  purge.option("--tag", options->tag, "All that have this key in Cache-Tag or Surrogate-Key");
  purge.option("--cache", options->cache, "Only of this one of edge.caches");
  purge.flag("--soft", options->soft,
             "They stay and are stale: a server is asked whether they have changed, and may fail meanwhile");
  purge.footer(
      "What is just coming from a server is not stored, if it is meant.\n"
      "Example: meridian cache purge --tag product-17 --soft");
  return {cache, [status, options] { return status.said() ? run_status(*options) : run_purge(*options); }};
}

}  // namespace cli

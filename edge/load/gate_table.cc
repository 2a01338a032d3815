// The field tables of what routes do to requests before they pass them on: maintenance, rewriting, pages of errors.

#include "edge/load/readers.h"
#include "edge/load/tables.h"

namespace edge {
namespace {

using namespace shared::load;

void check_rewrite(const RewriteConfig& rewrite, const Node& node, Diagnostics& diagnostics) {
  const bool prefixes = !rewrite.strip.empty() || !rewrite.add.empty();
  const bool templates = !rewrite.from.empty() || !rewrite.to.empty();
  if (prefixes == templates || (templates && (rewrite.from.empty() || rewrite.to.empty()))) {
    diagnostics.error(node.at, "rewrite: write `from` and `to`, or `strip` and `add`, or one of the latter");
    return;
  }
  if (const auto rule = rewrite.rule(); !rule) diagnostics.error(node.at, "rewrite: " + rule.error().message);
}

void check_page(const ErrorPageConfig& page, const Node& node, Diagnostics& diagnostics) {
  for (const StatusRange& range : page.statuses) {
    if (range.low < 400) diagnostics.error(node.at, "status: errors are 400 to 599");
    if (page.for_servers && range.low < 500) {
      diagnostics.error(
          node.at, "for_servers: what servers say with 400 to 499 is for their clients; 500 to 599 can be replaced");
    }
  }
}

}  // namespace

shared::Result<PathRule> RewriteConfig::rule() const {
  return from.empty() ? PathRule::prefixes(strip, add) : PathRule::parse(from, to);
}

const Table<MaintenanceConfig>& maintenance_table() {
  static const auto table =
      Table<MaintenanceConfig>("edge.maintenance", "Answers 503, of all routes or of one, while it is worked on.")
          .field("bypass", &MaintenanceConfig::bypass, list_of(prefix()), "Networks that are served all the same")
          .field("retry_after", &MaintenanceConfig::retry_after, duration(shared::seconds(1), std::chrono::hours(168)),
                 "What Retry-After says")
          .field("mode", &MaintenanceConfig::mode, mode(),
                 "enforce, shadow (all are served, and who would not be is counted) or disabled");
  return table;
}

const Table<RewriteConfig>& rewrite_table() {
  static const auto table =
      Table<RewriteConfig>("edge.routes.rewrite", "The path that servers get. See docs/http.md.")
          .field("from", &RewriteConfig::from, text(),
                 "Template of the whole path: `{NAME}` is one segment, `{NAME*}` at its end all that are left")
          .field("to", &RewriteConfig::to, text(), "What is made of it: /v2/{id}/{rest}")
          .field("strip", &RewriteConfig::strip, route_path(), "Takes these segments away at the front")
          .field("add", &RewriteConfig::add, route_path(), "Puts these in front, after `strip`")
          .check(check_rewrite);
  return table;
}

const Table<ErrorPageConfig>& error_page_table() {
  static const auto table =
      Table<ErrorPageConfig>("edge.error_pages", "A page of errors that the edge answers itself.")
          .required("status", &ErrorPageConfig::statuses, one_or_list(status_range()), "404, 500-599")
          .required("file", &ErrorPageConfig::file, located(file_path()),
                    "The page, of at most 256 KiB, read again when it changes")
          .field("content_type", &ErrorPageConfig::content_type, text(), "Content-Type of the page")
          .field("for_servers", &ErrorPageConfig::for_servers, boolean(),
                 "Also in the place of what servers themselves say with such a status, 500 to 599")
          .check(check_page);
  return table;
}

}  // namespace edge

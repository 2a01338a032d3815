#include "cli/word_options.h"

#include <chrono>

#include "shared/load/values.h"

namespace cli {
namespace {

// "2h" by the same rules as the configuration's durations.
shared::Result<std::chrono::seconds> parse_expiry(const std::string& text) {
  shared::load::Node node;
  node.kind = shared::load::Node::Kind::scalar;
  node.text = text;
  node.key = "--expires";
  shared::load::Diagnostics diagnostics;
  const auto value =
      shared::load::duration(std::chrono::seconds(1), std::chrono::hours(24 * 365)).read(node, diagnostics);
  if (!value) return shared::fail(diagnostics.list().front().message);
  return std::chrono::ceil<std::chrono::seconds>(*value);
}

}  // namespace

void add_word_options(shared::Parser parser, WordOptions& options, const std::string& end) {
  parser.option("--reason", options.reason, "Shown by status and in the log");
  parser.option("--expires", options.expires, "Ends by itself after this time, such as 2h; else " + end + " ends it");
}

shared::Result<void> put_word(const WordOptions& options, AdminCall& call) {
  if (!options.reason.empty()) call.query.emplace_back("reason", options.reason);
  if (options.expires.empty()) return {};
  const auto expires = parse_expiry(options.expires);
  if (!expires) return tl::unexpected(expires.error());
  call.query.emplace_back("expires", std::to_string(expires->count()));
  return {};
}

}  // namespace cli

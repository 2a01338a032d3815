#include "edge/load/otlp.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string_view>

#include "shared/core/ascii.h"
#include "shared/http/fields.h"
#include "shared/load/file.h"

namespace edge {
namespace {

using namespace shared::load;
using shared::milliseconds;
using shared::seconds;

constexpr std::uint64_t kKiB = 1024;
constexpr std::size_t kLargestFile = 64 * kKiB;
constexpr std::string_view kExample = "a field and its value, such as Authorization: Bearer TOKEN";

// Those that the edge says itself.
bool is_ours(std::string_view name) {
  const http::FieldId id = http::field_id(name);
  return id == http::FieldId::host || id == http::FieldId::content_length || id == http::FieldId::content_type ||
         id == http::FieldId::content_encoding || http::is_hop_by_hop(id);
}

bool is_value(std::string_view value) {
  return std::ranges::all_of(value, [](char c) { return (c >= ' ' && c <= '~') || c == '\t'; });
}

std::optional<std::string> why_not(std::string_view name, std::string_view value) {
  if (!http::is_token(name)) return "expected " + std::string(kExample);
  if (is_ours(name)) return std::string(name) + " is the edge's own to say";
  if (!is_value(value)) return "the value of " + std::string(name) + " is not printable ASCII";
  return std::nullopt;
}

// Its lines; what stands in one is never told in a message.
void read_fields(const Located<std::filesystem::path>& file, WebFields& fields, Diagnostics& diagnostics) {
  if (file.value.empty()) return;
  const std::string path = file.value.string();
  const auto text = read_file(file.value, {.largest = kLargestFile});
  if (!text) return diagnostics.error(file.at, "headers_file: cannot read " + path + ": " + text.error().message);
  if (is_open_to_all(file.value) && !text->starts_with("# public")) {
    diagnostics.warning(file.at, "headers_file: everybody can read " + path + ": chmod o-rwx");
  }
  std::size_t number = 0;
  for (std::string_view rest = *text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = shared::trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++number;
    if (line.empty() || line.starts_with('#')) continue;
    const std::size_t colon = std::min(line.find(':'), line.size());
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = shared::trim(line.substr(std::min(colon + 1, line.size())));
    if (colon == line.size() || why_not(name, value)) {
      diagnostics.error(file.at, "headers_file: line " + std::to_string(number) + " of " + path + ": expected " +
                                     std::string(kExample));
      continue;
    }
    fields.emplace_back(name, value);
  }
}

void check_otlp(const OtlpConfig& otlp, const Node& node, Diagnostics& diagnostics) {
  if (otlp.url && !otlp.url->tls && otlp.tls) {
    diagnostics.error(node.find("tls")->key_at, "tls has no effect: the URL begins with http://");
  }
  if (otlp.url && otlp.url->target == "/") {
    diagnostics.warning(node.find("url")->at, "url: collectors take spans under /v1/traces, and this URL has no path");
  }
  for (const auto& [name, at, value] : otlp.headers) {
    if (const auto why = why_not(name, value)) diagnostics.error(at, "headers: " + *why);
  }
}

}  // namespace

const Table<OtlpConfig>& otlp_table() {
  static const auto table =
      Table<OtlpConfig>("edge.trace.otlp",
                        "Spans of the traces that are recorded go to a collector, by OTLP over HTTP in Protocol "
                        "Buffers. See docs/tracing.md.")
          .required("url", &OtlpConfig::url, optional_of(web_url("http://collector.internal:4318/v1/traces")),
                    "Where, with the path; its host is resolved by `resolvers`")
          .field("headers", &OtlpConfig::headers, map_of("field", text()), "Fields that go with each call: NAME: VALUE")
          .field("headers_file", &OtlpConfig::headers_file, located(file_path()),
                 "File of more of them, one NAME: VALUE a line, for keys and tokens; which others cannot read unless "
                 "its first line begins with `# public`; read again when it changes; empty: none")
          .field("tls", &OtlpConfig::tls, optional_of(nested(client_tls_table())),
                 "Of https; without it the system's authorities count")
          .field("timeout", &OtlpConfig::timeout, duration(milliseconds(100), std::chrono::minutes(1)),
                 "For the whole answer; then the batch is sent again, after 1 s, 2 s ... 30 s")
          .field("gzip", &OtlpConfig::gzip, boolean(), "Batches are compressed: for a collector that is far away")
          .field("batch", &OtlpConfig::batch, integer<std::uint32_t>(1, 8192), "Spans in a call at most")
          .field("delay", &OtlpConfig::delay, duration(milliseconds(100), seconds(60)),
                 "So long a span waits for others of its batch")
          .field("queue", &OtlpConfig::queue, size(64 * kKiB, 1024 * kKiB * kKiB),
                 "Octets of spans that wait for a collector that is away or slow; beyond it the oldest are dropped, "
                 "and counted")
          .field("service", &OtlpConfig::service, text(), "What these edges are called: service.name")
          .field("query", &OtlpConfig::query, boolean(),
                 "Whether url.query and url.full have the query, which may hold secrets")
          .check(check_otlp)
          .position(&OtlpConfig::at);
  return table;
}

std::vector<std::filesystem::path> files_of(const OtlpConfig& config) {
  std::vector<std::filesystem::path> files{config.headers_file.value};
  if (config.tls) std::ranges::copy(shared::load::files_of(*config.tls), std::back_inserter(files));
  return files;
}

std::optional<OtlpPlan> build_otlp(const OtlpConfig& config, Diagnostics& diagnostics) {
  if (!config.url) return std::nullopt;
  OtlpPlan plan{.url = *config.url,
                .headers = {},
                .tls = web_tls(*config.url, config.tls, diagnostics),
                .timeout = config.timeout,
                .gzip = config.gzip,
                .batch = config.batch,
                .delay = config.delay,
                .queue = config.queue,
                .service = config.service};
  for (const auto& [name, at, value] : config.headers) plan.headers.emplace_back(name, value);
  read_fields(config.headers_file, plan.headers, diagnostics);
  return plan;
}

}  // namespace edge

// The field tables of caches and of what a route stores in one.

#include <algorithm>
#include <array>

#include "edge/load/readers.h"
#include "edge/load/tables.h"
#include "shared/http/fields.h"

namespace edge {
namespace {

using namespace shared::load;
using std::chrono::hours;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;
constexpr std::uint64_t kTiB = std::uint64_t{1} << 40U;
constexpr auto kLongest = hours(24 * 366);

Reader<Delta> seconds() {
  const Reader<shared::Duration> wide = duration(shared::seconds(0), kLongest);
  auto read = [wide](const Node& node, Diagnostics& diagnostics) -> std::optional<Delta> {
    const auto span = wide.read(node, diagnostics);
    if (!span) return std::nullopt;
    return static_cast<Delta>(std::chrono::ceil<std::chrono::seconds>(*span).count());
  };
  return {wide.type, std::move(read), [](const Delta& value) { return std::to_string(value) + "s"; }};
}

std::optional<std::vector<StatusTtl>> read_ttl(const Node& node, Diagnostics& diagnostics) {
  if (!expect_map(node, "a map of statuses, {200: 5m, 404: 10s}", diagnostics)) return std::nullopt;
  std::vector<StatusTtl> ttl;
  for (const Node& element : node.children) {
    Node status = element;
    status.kind = Node::Kind::scalar;
    status.text = element.key;
    status.at = element.key_at;
    const auto code = integer<std::uint16_t>(200, 599).read(status, diagnostics);
    const auto span = seconds().read(element, diagnostics);
    if (code && (*code == 206 || *code == 304 || *code == 416)) {
      diagnostics.error(element.key_at, "ttl: a " + element.key + " is never stored");
    } else if (code && span) {
      ttl.push_back({*code, *span});
    }
  }
  return ttl;
}

std::optional<CacheKeyPart> read_parameter(const Node& node, Diagnostics& diagnostics) {
  const std::string& name = node.text;
  const std::size_t star = name.find('*');
  const bool plain = !name.empty() && name.find_first_of("&=?# ") == std::string::npos;
  if (!plain || (star != std::string::npos && star + 1 != name.size())) {
    complain(node, "'" + name + "' is not the name of a parameter, or the beginning of some: utm_*", diagnostics);
    return std::nullopt;
  }
  const bool only = node.key == "query";
  return CacheKeyPart{.kind = only ? CacheKeyPart::Kind::query : CacheKeyPart::Kind::query_except, .name = name};
}

std::optional<CacheKeyPart> read_part(const Node& node, Diagnostics& diagnostics) {
  constexpr std::array<std::string_view, 4> kKeys{"header", "cookie", "query", "query_except"};
  const Node* element = expect_one_key(node, kKeys, diagnostics);
  if (element == nullptr || !expect_scalar(*element, "a name", diagnostics)) return std::nullopt;
  if (element->key.starts_with("query")) return read_parameter(*element, diagnostics);
  if (!http::is_token(element->text)) {
    complain(*element, "'" + element->text + "' is not the name of a header field or cookie", diagnostics);
    return std::nullopt;
  }
  const bool header = element->key == "header";
  return CacheKeyPart{.kind = header ? CacheKeyPart::Kind::header : CacheKeyPart::Kind::cookie,
                      .name = element->text,
                      .id = header ? http::field_id(element->text) : http::FieldId::other};
}

Reader<CacheKeyPart> key_part() {
  return custom<CacheKeyPart>("`{header: NAME}`, `{cookie: NAME}`, `{query: NAME}` or `{query_except: NAME}`",
                              read_part);
}

void check_key(const RouteCacheConfig& cache, const Node& node, Diagnostics& diagnostics) {
  const auto has = [&](CacheKeyPart::Kind kind) {
    return std::ranges::any_of(cache.key, [&](const CacheKeyPart& part) { return part.kind == kind; });
  };
  if (has(CacheKeyPart::Kind::query) && has(CacheKeyPart::Kind::query_except)) {
    diagnostics.error(node.at, "key: query says which parameters count, query_except which do not: say one of them");
  }
}

}  // namespace

const Table<CacheStoreConfig>& cache_store_table() {
  static const auto table =
      Table<CacheStoreConfig>(
          "edge.caches.NAME",
          "A store of responses, shared by the workers: in memory, where it outlives reloads, and not "
          "the process, or on a disk, where it outlives that, too. See docs/cache.md.")
          .field("size", &CacheStoreConfig::size, size(kMiB, 1024 * kTiB),
                 "Octets, of all that is stored and what is kept beside it; a body may have a quarter")
          .field(
              "disk", &CacheStoreConfig::disk, located(file_path()),
              "A directory for this store alone, whose parent is there: responses lie in files, their heads in memory. "
              "Without it they lie in memory")
          .field(
              "memory", &CacheStoreConfig::memory, size(kMiB, kTiB),
              "Octets of memory of a store on disk: half for the heads of what is stored, about 1 KiB each, half for "
              "bodies that come or are not written yet. Larger bodies are written while they come");
  return table;
}

const Table<RouteCacheConfig>& route_cache_table() {
  static const auto table =
      Table<RouteCacheConfig>("edge.routes.cache",
                              "Responses to GET are stored and used again, as RFC 9111 lets a shared cache do. See "
                              "docs/cache.md.")
          .required("store", &RouteCacheConfig::store, located(word()), "Which of `edge.caches`")
          .field("ttl", &RouteCacheConfig::ttl, custom<std::vector<StatusTtl>>("map of status: duration", read_ttl),
                 "For how long a response is fresh whose server says nothing of it: {200: 5m, 404: 10s}")
          .field(
              "key", &RouteCacheConfig::key, list_of(key_part()),
              "What of the request tells responses apart, beside host, path, query, scheme, tier and what Vary names: "
              "fields and cookies. With `query` only the parameters that are named count, with `query_except` all but "
              "those, and servers are not told the others; `utm_*` stands for all that begin so")
          .field("heuristic", &RouteCacheConfig::heuristic, boolean(),
                 "What has a Last-Modified and no word of its freshness is fresh for a tenth of the time since, up to "
                 "a day")
          .field(
              "stale_while_revalidate", &RouteCacheConfig::stale_while_revalidate, seconds(),
              "Where servers say nothing of it: how long behind its time a response is still used, while it is asked "
              "for anew in the background")
          .field(
              "stale_if_error", &RouteCacheConfig::stale_if_error, seconds(),
              "Likewise: how long behind its time it stands in for a server that fails or answers 500, 502, 503, 504")
          .field("set_cookie", &RouteCacheConfig::set_cookie,
                 one_of<CookiePolicy>(
                     {{"pass", CookiePolicy::pass}, {"strip", CookiePolicy::strip}, {"store", CookiePolicy::store}}),
                 "Responses with Set-Cookie are not stored, stored without it, or stored with it for everybody")
          .field("request_directives", &RouteCacheConfig::request_directives, boolean(),
                 "What clients say in Cache-Control and Pragma counts (RFC 9111 5.2.1)")
          .field("status_field", &RouteCacheConfig::status_field, boolean(),
                 "Clients get Cache-Status (RFC 9211): what the cache has done")
          .field("max_object", &RouteCacheConfig::max_object, size(1, kTiB),
                 "Octets of a body; larger ones pass through")
          .field("max_variants", &RouteCacheConfig::max_variants, integer<std::uint16_t>(1, 1000),
                 "Responses of one URL; with more all of them go")
          .field("hit_for_miss", &RouteCacheConfig::hit_for_miss, seconds(),
                 "Behind a response that was not stored, requests for the same do not wait for each other for so long")
          .check(check_key)
          .position(&RouteCacheConfig::at);
  return table;
}

}  // namespace edge

// What Control does with the caches: makes them, and does what an operator says of them.

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edge/core/cache/cache_key.h"
#include "edge/core/cache/reuse.h"
#include "edge/core/cache/vary.h"
#include "edge/core/content/accept_encoding.h"
#include "edge/core/decide/at_cache.h"
#include "edge/serve/control/control.h"
#include "shared/serve/admin/admin_params.h"
#include "shared/serve/os/log.h"

namespace edge {
namespace {

using shared::AdminMethod;
using shared::AdminRequest;
using shared::AdminResponse;

// "https://Shop.test/a?b" as a key says it: "shop.test/a?b".
std::string key_of_url(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  std::string key(url);
  const std::size_t host = std::min(key.find('/'), key.size());
  for (std::size_t i = 0; i < host; ++i) key[i] = shared::lower(key[i]);
  return key;
}

std::string disk_part(const CacheStore& store) {
  const CacheStore::Stats stats = store.stats();
  const CacheDisk::Stats disk = store.disk()->stats();
  return "; on disk: index and bodies to be written take " + std::to_string(stats.memory) +
         " octets of memory, found " + std::to_string(disk.found) + (disk.scanning ? " so far" : "") + ", torn " +
         std::to_string(disk.torn) + ", written " + std::to_string(disk.written) + " (" +
         std::to_string(disk.large_written) + " while they came, " + std::to_string(disk.large_coming) + " come, " +
         std::to_string(disk.large_given_up) + " given up), failed to write " + std::to_string(disk.write_failures) +
         " and to read " + std::to_string(disk.read_failures) + ", not taken " + std::to_string(stats.skipped) +
         (disk.owns ? "" : "; another process writes there");
}

std::string line_of(const CacheStore& store) {
  const CacheStore::Stats stats = store.stats();
  return store.name() + ": " + std::to_string(stats.entries) + " responses, " + std::to_string(stats.octets) + " of " +
         std::to_string(stats.capacity) + " octets; stored " + std::to_string(stats.stored) + ", evicted " +
         std::to_string(stats.evicted) + ", purged " + std::to_string(stats.purged) + ", fetched " +
         std::to_string(stats.fetches) + ", joined another's fetch " + std::to_string(stats.collapsed) +
         (store.disk() != nullptr ? disk_part(store) : "") + "\n";
}

ForeseenCache words_of(const CacheQuestion& question, const CacheStore& store, const CacheStore::Found& stored,
                       shared::TimePoint now) {
  const std::string where = "store " + store.name() + ", " + question.url + ": ";
  if (question.forward == "method") return {"bypass", where + "bypass, the method; a success invalidates it"};
  if (!question.forward.empty()) return {"bypass", where + "bypass, " + std::string(question.why_forward)};
  if (stored.entry == nullptr) {
    return {"miss", where + (stored.url_known ? "miss, other variants are stored" : "miss")};
  }
  const Freshness& freshness = stored.entry->freshness;
  const bool purged = stored.entry->purged.load(std::memory_order_relaxed);
  const ReuseRuling ruling = rule_reuse(freshness, question.directives, purged, now);
  const std::int64_t ttl = freshness.ttl(now);
  const std::string age = ", " + std::to_string(freshness.age(now)) + " s old";
  const std::string stale = where + "hit, stale for " + std::to_string(-ttl) + " s" + age;
  const DiskFile* const file = stored.entry->file.get();
  if (ruling.reuse != Reuse::revalidate && file != nullptr && file->waits_for_proof()) {
    return {
        "bypass",
        where + "a server answers until the stored octets are compared with their hash, which a request begins" + age,
        ttl};
  }
  switch (ruling.reuse) {
    case Reuse::fresh:
      return {"hit", where + "hit" + age + ", fresh for " + std::to_string(ttl) + " s more", ttl};
    case Reuse::stale:
      return {"stale", stale + "; it is asked for anew in the background", ttl};
    case Reuse::max_stale:
      return {"stale", stale + "; the client takes it", ttl};
    case Reuse::revalidate:
      break;
  }
  return {"revalidate", where + "has to ask a server first, " + std::string(ruling.reason) + age, ttl};
}

}  // namespace

void Control::make_caches() {
  std::vector<CacheStoreSettings> settings;
  for (const auto& [name, at, cache] : world_->config.caches) {
    settings.push_back({.name = name,
                        .capacity = static_cast<std::size_t>(cache.size),
                        .disk = cache.disk.value.string(),
                        .memory = static_cast<std::size_t>(cache.memory)});
  }
  std::random_device random;
  caches_.make(settings, std::uint64_t{random()} << 32U | random());
}

void Control::resize_caches() {
  for (const auto& store : caches_.all()) {
    const CacheStoreConfig* config = shared::load::find_named(world_->config.caches, store->name());
    if (config == nullptr) continue;
    store->set_capacity(static_cast<std::size_t>(config->size), static_cast<std::size_t>(config->memory));
  }
}

void Control::add_cache_routes(shared::Admin& admin) {
  admin.route(AdminMethod::get, "/cache", [this](const AdminRequest&) {
    std::string text;
    for (const auto& store : caches_.all()) text += line_of(*store);
    return AdminResponse::text(200, text.empty() ? "there is no cache, see edge.caches\n" : text);
  });
  admin.route(AdminMethod::post, "/cache/purge", [this](const AdminRequest& request) { return purge_cache(request); });
}

AdminResponse Control::purge_cache(const AdminRequest& request) {
  const auto known = shared::only_params(request, {"url", "prefix", "tag", "soft", "cache"});
  if (!known) return AdminResponse::text(400, known.error().message + "\n");
  CachePurge purge{.soft = request.param("soft").value_or("false") == "true"};
  if (const auto url = request.param("url")) purge.url = key_of_url(*url);
  if (const auto prefix = request.param("prefix")) purge.prefix = key_of_url(*prefix);
  if (const auto tag = request.param("tag")) purge.tag = *tag;
  const int said = (purge.url.empty() ? 0 : 1) + (purge.prefix.empty() ? 0 : 1) + (purge.tag.empty() ? 0 : 1);
  if (said != 1) return AdminResponse::text(400, "say one of url, prefix and tag\n");
  const auto name = request.param("cache");
  std::size_t count = 0;
  bool found = false;
  for (const auto& store : caches_.all()) {
    if (name && store->name() != *name) continue;
    found = true;
    count += store->purge(purge);
  }
  if (!found) return AdminResponse::text(404, name ? "there is no cache of that name\n" : "there is no cache\n");
  const std::string what = !purge.url.empty() ? purge.url : !purge.prefix.empty() ? purge.prefix + "*" : purge.tag;
  shared::log_event(shared::Level::info, "cache_purged", {{"what", what}, {"soft", purge.soft}, {"responses", count}});
  return AdminResponse::text(
      200, std::to_string(count) + (purge.soft ? " responses are stale now\n" : " responses purged\n"));
}

// What a request would find.
ForeseenCache Control::foresee_cache(const Decision& decision, const CacheAsker& asker) const {
  const CacheRule& rule = *decision.match.route->cache;
  const CacheStore* store = caches_.at(rule.store);
  if (store == nullptr) return {"bypass", "no store"};
  const http::FieldList& asked = asker.head.fields;
  const Compression* const compression = decision.match.route->compression.get();
  const http::FieldList fields =
      compression != nullptr
          ? fields_with_coding(asked, coding_name(AcceptedCodings(asked).choose(compression->codings)))
          : asked;
  CacheStore::Found stored;
  CacheQuestion question;
  // Where the question does not say by which scheme it would come, both are looked at.
  for (const std::string_view scheme : {std::string_view("http"), std::string_view("https")}) {
    if (!asker.scheme.empty() && asker.scheme != scheme) continue;
    question = ask_cache(decision, {asker.head, asker.framing, scheme, asker.tiers, asker.certified});
    if (!question.forward.empty()) break;
    stored = store->find({.url = question.url, .selector = question.selector, .request = fields}, false);
    if (stored.entry != nullptr) break;
  }
  return words_of(question, *store, stored, shared::Clock::now());
}

}  // namespace edge

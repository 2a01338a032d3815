#include "edge/serve/request/cached_exchange.h"

// What servers say, to requests that pass the cache by, of what is stored.

#include <utility>

#include "edge/core/cache/cache_key.h"
#include "edge/serve/cache/stores.h"
#include "edge/serve/request/request.h"

namespace edge {
namespace {

// Nothing that the head says of its representation is otherwise in what is stored.
bool is_copy_of(const CacheEntry& entry, const http::ResponseHead& head) {
  for (const http::FieldId id : {http::FieldId::etag, http::FieldId::last_modified}) {
    const http::Field* said = head.fields.find(id);
    if (said != nullptr && said->value != entry.head.find(id)) return false;
  }
  const http::Field* length = head.fields.find(http::FieldId::content_length);
  return length == nullptr || (entry.whole() && length->value == std::to_string(entry.body_size()));
}

}  // namespace

// RFC 9111 4.3.5: what a HEAD is told of a stored response updates it, or it is stale. Of what this edge has compressed
// it says nothing.
void CachedExchange::hear_of_copy(const http::ResponseHead& head) {
  if (head.status != 200 || fields_ != nullptr) return;
  const CacheStore::Found found = store_->find(key(), false);
  if (found.entry == nullptr || found.entry->head.status() != 200) return;
  if (!is_copy_of(*found.entry, head)) return store_->soften(*found.entry);
  const CacheStore::Joined joined = store_->join(key(found.hash), found.version, found.entry, true, r_.now());
  if (joined.kind != CacheStore::Joined::Kind::lead) return;
  r_.context.desk.write(*joined.fill, r_.exchange.waiter);
  FillSink({.store = *store_,
            .rule = rule_,
            .fill = joined.fill,
            .url = question_.url,
            .selector = question_.selector,
            .request = fields(),
            .loop = r_.context.loop,
            .conditional = true})
      .take_update(head, r_.asked.head_read);
  r_.context.desk.cease(*joined.fill);
}

void CachedExchange::hear(const http::ResponseHead& head) {
  if (store_ != nullptr && is_head() && question_.forward.empty()) return hear_of_copy(head);
  if (store_ == nullptr || is_safe(r_.asked.head->method) || head.status < 200 || head.status > 399) return;
  store_->purge({.url = question_.url});
  for (const http::Field& field : head.fields) {
    const bool elsewhere =
        field.id == http::FieldId::location || shared::equals_ignoring_case(field.name, "Content-Location");
    if (!elsewhere) continue;
    std::string url = same_origin_url(r_.found().target, r_.asked.scheme, field.value);
    if (leaves_parameters_out(*rule_)) url = keyed_target(*rule_, url);
    if (!url.empty() && url != question_.url) store_->purge({.url = url});
  }
}

}  // namespace edge

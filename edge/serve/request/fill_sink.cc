#include "edge/serve/request/fill_sink.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "edge/core/cache/storing.h"
#include "edge/core/cache/vary.h"
#include "edge/core/content/entity_tag.h"

namespace edge {
namespace {

constexpr std::uint64_t kSmall = 64 * 1024;

// A 304 about another representation than the one that was asked about (RFC 9111 4.3.4).
bool means_another(const StoredHead& old, const http::ResponseHead& head) {
  const http::Field* field = head.fields.find(http::FieldId::etag);
  if (field == nullptr) return false;
  const auto theirs = parse_entity_tag(field->value);
  const auto ours = parse_entity_tag(old.find(http::FieldId::etag));
  return theirs && ours && !same_entity(*theirs, *ours, TagComparison::weak);
}

}  // namespace

FillSink::~FillSink() {
  if (!closed_) finish({.kind = ErrorKind::internal, .detail = "the fetch was ended"}, false);
}

std::shared_ptr<CacheEntry> FillSink::make_entry(const http::ResponseHead& head, const ResponseDirectives& directives,
                                                 const FetchTimes& times) {
  auto entry = std::make_shared<CacheEntry>();
  // What only passes through is the server's answer to this one client.
  entry->freshness = freshness_of(head, directives, *of_.rule, times);
  entry->heard_at = times.heard_at;
  entry->url = std::move(of_.url);
  entry->selector = std::move(of_.selector);
  entry->vary_names = vary_names(head.fields);
  append_vary_values(entry->vary_names, of_.request, entry->vary_values);
  return entry;
}

void FillSink::start(const http::ResponseHead& head, const http::ResponseFraming& framing, const HeaderRules&) {
  status_ = head.status;
  const FetchTimes times{.asked = asked_, .heard = of_.loop.now(), .heard_at = std::time(nullptr)};
  if (head.status == 304 && of_.conditional) return take_304(head, times);
  const ResponseDirectives directives = response_directives(head.fields);
  std::string_view why = why_not_stored(of_.request, head, directives, *of_.rule, times.heard_at);
  const bool sized = framing.body.kind == http::BodyKind::length;
  if (sized) known_ = framing.body.length;
  if (why.empty() && known_ > of_.rule->max_object) why = "larger than max_object";
  storing_ = why.empty();
  entry_ = make_entry(head, directives, times);
  entry_->head = storing_ ? StoredHead(head, directives, of_.rule->set_cookie, times.heard_at)
                          : StoredHead(head, ResponseDirectives{}, CookiePolicy::store, times.heard_at);
  entry_->framing = framing.body;
  entry_->body = std::make_shared<CacheBody>(first_chunk());
  opened_ = true;
  if (!storing_) {
    entry_->body->pass_through();
    of_.store.remember_miss(*of_.fill, entry_->selector, times.heard + shared::seconds(of_.rule->hit_for_miss));
    of_.store.release(*of_.fill);
  }
  std::shared_ptr<const StoredHead> own;
  if (storing_ && directives.omitted_count > 0)
    own = std::make_shared<StoredHead>(head, ResponseDirectives{}, of_.rule->set_cookie, times.heard_at);
  of_.fill->open({.phase = storing_ ? CacheFill::Phase::stored : CacheFill::Phase::private_,
                  .entry = entry_,
                  .own_head = std::move(own),
                  .error = {},
                  .why = why});
}

// A small body of a known length lies in one piece from the beginning.
std::size_t FillSink::first_chunk() {
  if (!storing_ || known_ == 0 || known_ > kSmall || !of_.store.reserve(known_)) return 0;
  reserved_ = known_;
  return known_;
}

void FillSink::take_304(const http::ResponseHead& head, const FetchTimes& times) {
  const std::shared_ptr<CacheEntry> old = of_.fill->old();
  const bool another = means_another(old->head, head);
  http::ResponseHead merged;
  const ResponseDirectives said = response_directives(head.fields);
  const StoredHead updated = old->head.updated_by(head, said, of_.rule->set_cookie);
  const bool fits = updated.copy_to(merged);
  const ResponseDirectives directives = response_directives(merged.fields);
  entry_ = make_entry(merged, directives, times);
  entry_->freshness.initial_age = initial_age(head.fields, times);
  entry_->head = another ? old->head : updated;
  entry_->framing = old->framing;
  entry_->body = old->body;
  entry_->file = old->file;
  opened_ = closed_ = true;
  // What is said to this client alone is no news for others who wait.
  std::string_view why;
  if (!another) why = why_not_stored(of_.request, merged, directives, *of_.rule, times.heard_at);
  if (!fits && why.empty()) why = "too many fields";
  const bool kept = !another && why.empty() && of_.store.insert(entry_, *of_.fill, of_.rule->max_variants);
  // Nor does it say anything against what is stored for them.
  if (!kept && !is_for_one_client(why)) of_.store.remove(*old);
  of_.store.release(*of_.fill);
  std::shared_ptr<const StoredHead> own;
  if (!another && said.omitted_count > 0)
    own = std::make_shared<StoredHead>(old->head.updated_by(head, ResponseDirectives{}, of_.rule->set_cookie));
  of_.fill->open({.phase = why.empty() ? CacheFill::Phase::stored : CacheFill::Phase::private_,
                  .entry = entry_,
                  .own_head = std::move(own),
                  .error = {},
                  .validated = true,
                  .why = why});
}

void FillSink::take_update(const http::ResponseHead& head, shared::TimePoint asked) {
  take_304(head, {.asked = asked, .heard = of_.loop.now(), .heard_at = std::time(nullptr)});
}

// False: not now. While it is stored there always is, or it is not stored any more.
bool FillSink::make_room(std::size_t wanted) {
  CacheBody& body = *entry_->body;
  std::size_t size = body.next_chunk(wanted, storing_ ? known_ : 0);
  if (size == 0) return true;
  if (storing_ && (octets_ + wanted > of_.rule->max_object || !of_.store.reserve(size))) {
    let_go();
    size = body.next_chunk(wanted, 0);
  }
  if (storing_) {
    reserved_ += size;
  } else {
    size = std::min(size, kWindow / 8);
    if (body.live() - body.newest() + size > kWindow) return false;
  }
  body.add_chunk(size);
  return true;
}

std::size_t FillSink::write(std::string_view data) {
  blocked_ = false;
  if (own_ || closed_ || entry_ == nullptr) return data.size();
  std::size_t taken = 0;
  while (taken < data.size()) {
    if (!make_room(data.size() - taken)) {
      blocked_ = true;
      of_.fill->sleep();
      // A reader that has taken something just now has found nobody asleep.
      if (make_room(data.size() - taken)) {
        blocked_ = false;
        continue;
      }
      break;
    }
    const std::size_t n = entry_->body->append(data.substr(taken));
    taken += n;
    octets_ += n;
  }
  dirty_ = dirty_ || taken > 0;
  if (blocked_) static_cast<void>(flush());
  return taken;
}

Sent FillSink::flush() {
  if (std::exchange(dirty_, false)) of_.fill->moved();
  return Sent::all;
}

// It turns out to be larger than what is stored. Who reads it goes on, nobody joins.
void FillSink::let_go() {
  storing_ = false;
  of_.store.give_back(std::exchange(reserved_, 0));
  of_.store.release(*of_.fill);
  entry_->body->pass_through();
}

void FillSink::end(std::string_view) {
  if (own_ || closed_ || entry_ == nullptr) return;
  entry_->body->finish(CacheBody::State::whole);
  if (storing_) {
    auto compact = of_.store.disk() == nullptr ? entry_->body->compact() : nullptr;
    std::shared_ptr<CacheEntry> smaller;
    if (compact != nullptr) {
      smaller = std::make_shared<CacheEntry>(static_cast<const CacheRecord&>(*entry_));
      smaller->body = std::move(compact);
    }
    of_.store.insert(smaller != nullptr ? smaller : entry_, *of_.fill, of_.rule->max_variants);
  }
  close(CacheBody::State::whole);
}

void FillSink::cut() {
  if (entry_ != nullptr && !closed_) close(CacheBody::State::cut);
}

void FillSink::close(CacheBody::State how) {
  closed_ = true;
  entry_->body->finish(how);
  of_.store.give_back(std::exchange(reserved_, 0));
  of_.store.release(*of_.fill);
  dirty_ = false;
  of_.fill->moved();
}

void FillSink::finish(const Error& error, bool refused) {
  if (closed_) return;
  if (opened_) return close(CacheBody::State::cut);
  closed_ = true;
  of_.store.release(*of_.fill);
  of_.fill->fail(refused ? CacheFill::Phase::refused : CacheFill::Phase::failed, error);
}

}  // namespace edge

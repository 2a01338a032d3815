#include "edge/serve/request/fill_sink.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "edge/core/cache/reuse.h"
#include "edge/core/cache/storing.h"
#include "edge/core/cache/vary.h"
#include "edge/core/content/entity_tag.h"

namespace edge {
namespace {

constexpr std::uint64_t kSmall = 64 * 1024;
constexpr shared::Duration kDiskPatience = shared::seconds(1);
constexpr unsigned kMostWaits = 5;  // for others who have their turn at the disk

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
  entry_->framing = framing.body;
  entry_->head = storing_ ? StoredHead(head, directives, of_.rule->set_cookie, times.heard_at)
                          : StoredHead(head, ResponseDirectives{}, CookiePolicy::store, times.heard_at);
  entry_->body = CacheBody::make(first_chunk());
  opened_ = true;
  if (!storing_) {
    entry_->body->pass_through();
    if (!old_stands_in(times.heard)) remember_miss();
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

// The next answer is likely to be as little for the store: nobody is to wait for it.
void FillSink::remember_miss() {
  const shared::TimePoint until = of_.loop.now() + shared::seconds(of_.rule->hit_for_miss);
  of_.store.remember_miss(entry_->url, entry_->selector, until);
}

// For an error of the server, which says nothing of what is to be stored: who comes next gets the old one in his turn;
// sent past the cache he would get the error.
bool FillSink::old_stands_in(shared::TimePoint now) const {
  const CacheEntry* const old = of_.fill->old().get();
  return old != nullptr && is_stale_error(status_) &&
         allowed_at_error(old->freshness, old->purged.load(std::memory_order_relaxed), now);
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

// False: not now. While it is stored in memory there always is, or it is not stored any more.
bool FillSink::make_room(std::size_t wanted) {
  CacheBody& body = *entry_->body;
  if (storing_) {
    const bool too_large = octets_ + wanted > of_.rule->max_object;
    const Room room = too_large ? Room::none : room_on_disk(wanted);
    if (room == Room::later) return wait_for_disk();
    if (too_large) remember_miss();
    if (room == Room::none) let_go();
  }
  const bool spools = storing_ && spool_ != nullptr;
  std::size_t size = body.next_chunk(wanted, storing_ && !spools ? known_ : 0);
  if (spools) size = std::min(size, CacheSpool::kChunk);
  if (size == 0) return true;
  if (storing_) {
    const Room room = room_in_memory(size);
    if (room == Room::later) return wait_for_disk();
    if (room == Room::none) let_go();
  }
  if (storing_) {
    reserved_ += size;
  } else {
    size = std::min(body.next_chunk(wanted, 0), kWindow / 8);
    if (body.live() - body.newest() + size > kWindow) return false;
  }
  body.add_chunk(size);
  return true;
}

FillSink::Room FillSink::room_on_disk(std::size_t wanted) {
  if (of_.store.disk() == nullptr) return Room::there;
  const std::uint64_t size = octets_ + wanted;
  if (spool_ == nullptr) {
    if (std::max(known_, size) <= of_.store.spooled_from()) return Room::there;
    spool_ = of_.store.spool(entry_, of_.fill, of_.rule->max_variants);
    if (spool_ == nullptr) return Room::none;
  }
  if (spool_->failed() || stalled_) return Room::none;
  const std::size_t freed = std::min(spool_->take_freed(), reserved_);
  reserved_ -= freed;
  of_.store.give_back(freed);
  if (size > claimed_) {
    const std::uint64_t more = std::max<std::uint64_t>(std::max(known_, size) - claimed_, CacheSpool::kWorthWriting);
    if (!of_.store.claim(*spool_, more)) return Room::none;
    claimed_ += more;
  }
  return octets_ - spool_->written() < of_.store.spool_window() ? Room::there : Room::later;
}

FillSink::Room FillSink::room_in_memory(std::size_t size) {
  if (of_.store.reserve(size)) return Room::there;
  return spool_ != nullptr && spool_->written() < octets_ ? Room::later : Room::none;
}

// What has come is to be written; a disk that does nothing for a while is done without, and so is one that does
// something for others only. Of that one the file can be read.
bool FillSink::wait_for_disk() {
  told_ = octets_;
  if (spool_->ask()) of_.store.disk()->spool(spool_);
  if (!std::exchange(waits_for_disk_, true)) {
    if (std::exchange(stalled_at_, spool_->written()) != spool_->written()) waited_ = 0;
    moved_at_ = of_.store.disk()->moves();
    of_.loop.timers().set(patience_, of_.loop.now() + kDiskPatience);
  }
  return false;
}

void FillSink::on_patience(void* self) {
  FillSink& sink = *static_cast<FillSink*>(self);
  if (!std::exchange(sink.waits_for_disk_, false) || !sink.blocked_ || !sink.storing_) return;
  CacheDisk& disk = *sink.of_.store.disk();
  const bool moves = disk.moves() != sink.moved_at_;
  if (sink.spool_->written() != sink.stalled_at_ || (moves && ++sink.waited_ < kMostWaits))
    return static_cast<void>(sink.wait_for_disk());
  sink.stalled_ = true;
  sink.hangs_ = !moves;
  if (sink.hangs_) disk.tell_slow(sink.of_.loop.now());
  sink.of_.fill->taken();
}

void FillSink::tell_disk() {
  if (spool_ == nullptr || !storing_ || octets_ - told_ < CacheSpool::kWorthWriting) return;
  told_ = octets_;
  if (spool_->ask()) of_.store.disk()->spool(spool_);
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
  tell_disk();
  if (blocked_) static_cast<void>(flush());
  if (useless()) of_.fill->taken();  // the fetch wakes, and gives it up
  return taken;
}

Sent FillSink::flush() {
  if (std::exchange(dirty_, false)) of_.fill->moved();
  return Sent::all;
}

// It turns out to be larger than what is stored, or its disk does not take it. Who reads it goes on, nobody joins. What
// a disk has not let go of is still held by who is behind.
void FillSink::let_go() {
  storing_ = false;
  of_.store.release(*of_.fill);
  if (hangs_) entry_->body->forget_file();
  entry_->body->pass_through();
  if (spool_ == nullptr) return of_.store.give_back(std::exchange(reserved_, 0));
  abandon_spool();
}

// Its file goes, and what was put aside for it.
void FillSink::abandon_spool() {
  spool_->abandon();
  of_.store.disclaim(*spool_);
  if (spool_->ask()) of_.store.disk()->spool(spool_);
}

void FillSink::end(std::string_view) {
  if (own_ || closed_ || entry_ == nullptr) return;
  entry_->body->finish(CacheBody::State::whole);
  if (storing_ && spool_ != nullptr && !spool_->failed()) return end_spool();
  if (storing_ && spool_ == nullptr) {
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

// The store has it, and lets others have it, when its file is there; until then they join this fill.
void FillSink::end_spool() {
  closed_ = true;
  spool_->end(std::exchange(reserved_, 0));
  if (spool_->ask()) of_.store.disk()->spool(spool_);
  dirty_ = false;
  of_.fill->moved();
}

void FillSink::cut() {
  if (entry_ != nullptr && !closed_) close(CacheBody::State::cut);
}

void FillSink::close(CacheBody::State how) {
  closed_ = true;
  entry_->body->finish(how);
  if (storing_ && spool_ != nullptr) {
    entry_->body->pass_through();  // the disk, which may hang, holds the body for a while
    abandon_spool();
  }
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

#include "dns/serve/control/alias_control.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "shared/serve/os/log.h"

namespace dns {

using shared::Duration;
using shared::Level;
using shared::log_event;
using shared::seconds;

namespace {

constexpr Duration kSoonest = seconds(1);  // a TTL of 0 is not asked for in a loop
constexpr Duration kLatest = std::chrono::minutes(5);
constexpr Duration kAgainWithout = seconds(30);  // no address of this type; c-ares does not tell for how long
constexpr Duration kRetryFirst = seconds(1);     // after a failure, doubling
constexpr Duration kRetryLongest = seconds(30);
constexpr Duration kTogether = shared::milliseconds(50);  // what is learnt within it is told and written once
constexpr std::size_t kMostAsked = 200;                   // at a time: a resolver's socket holds only so many answers

std::string_view text_of(AddressType type) { return type == AddressType::a ? "A" : "AAAA"; }

}  // namespace

struct AliasControl::Lookup {
  Lookup(shared::Loop& loop, Key asked) : key(std::move(asked)), timer(loop) {}

  Key key;
  shared::Timer timer;
  std::vector<std::size_t> numbers;  // of the ALIAS names that have this target
  AliasAnswer answer;
  std::string reason;
  shared::WallTime since{};
  std::uint64_t lookups = 0;
  std::uint64_t failures = 0;
  Duration retry{};  // zero: the last try was good
};

AliasControl::AliasControl(shared::Loop& loop, shared::Builder& builder, const shared::StateDirectory* state,
                           Changed changed)
    : loop_(loop), builder_(builder), state_(state), changed_(std::move(changed)), tell_(loop) {
  restore();
}

AliasControl::~AliasControl() = default;

void AliasControl::restore() {
  if (state_ == nullptr) return;
  const auto text = state_->read(kAliasesFile);
  if (text && !*text) return;
  auto aliases =
      text ? read_aliases(**text) : shared::Result<std::vector<RememberedAlias>>(tl::unexpected(text.error()));
  if (aliases) {
    for (RememberedAlias& alias : *aliases) {
      remembered_.insert_or_assign(Key(alias.target, alias.type), std::move(alias.addresses));
    }
  } else {
    log_event(Level::warn, "state_unreadable", {{"file", kAliasesFile}, {"reason", aliases.error().message}});
  }
}

AliasView AliasControl::adopt(const PolicyTables& tables, const std::vector<shared::Endpoint>& servers) {
  targets_.clear();
  for (const PolicyNameId id : tables.aliases()) {
    targets_.push_back(*tables.spec().names[static_cast<std::size_t>(id)].alias);
  }
  const bool other_servers = servers != servers_;
  if (!targets_.empty() && (resolver_ == nullptr || other_servers)) open_resolver(servers);

  const auto before = std::exchange(lookups_, {});
  untold_.clear();  // the caller hears of everything
  for (std::size_t number = 0; number < targets_.size(); ++number) {
    for (const AddressType type : {AddressType::a, AddressType::aaaa}) {
      const Key key(targets_[number], type);
      const auto [place, fresh] = lookups_.try_emplace(key);
      if (fresh) {
        const auto known = before.find(key);
        place->second = known != before.end() ? known->second : make_lookup(key);
        place->second->numbers.clear();
        if (known == before.end() || other_servers) ask(place->second);
      }
      place->second->numbers.push_back(number);
    }
  }
  return view();
}

// What is under way with the resolver before is dropped with it. c-ares that does not start is no reason not to serve.
void AliasControl::open_resolver(const std::vector<shared::Endpoint>& servers) {
  servers_ = servers;
  asked_ = 0;
  waiting_.clear();
  shared::ResolverSettings settings;
  settings.servers = servers;
  settings.empty_is_answer = true;
  auto resolver = shared::Resolver::make(loop_, std::move(settings));
  resolver_ = resolver ? std::move(*resolver) : nullptr;
  if (!resolver) log_event(Level::error, "alias_resolver_failed", {{"reason", resolver.error().message}});
}

std::shared_ptr<AliasControl::Lookup> AliasControl::make_lookup(const Key& key) {
  auto lookup = std::make_shared<Lookup>(loop_, key);
  lookup->since = std::chrono::system_clock::now();
  const auto known = remembered_.find(key);
  if (known != remembered_.end()) lookup->answer = {AliasAnswer::State::stale, known->second, 0};
  return lookup;
}

void AliasControl::ask(const std::shared_ptr<Lookup>& lookup) {
  lookup->timer.cancel();
  waiting_.push_back(lookup);
  ask_waiting();
}

void AliasControl::ask_waiting() {
  while (resolver_ != nullptr && asked_ < kMostAsked && !waiting_.empty()) {
    const auto next = waiting_.front().lock();
    waiting_.pop_front();
    if (next) ask_now(next);
  }
}

// The final dot of the name keeps search domains away.
void AliasControl::ask_now(const std::shared_ptr<Lookup>& lookup) {
  ++asked_;
  ++lookup->lookups;
  const auto family = lookup->key.second == AddressType::a ? shared::ResolveFamily::ipv4 : shared::ResolveFamily::ipv6;
  resolver_->resolve(lookup->key.first.to_text(), family,
                     [this, weak = std::weak_ptr(lookup)](shared::Result<shared::Resolved> result) {
                       --asked_;
                       if (const auto asked = weak.lock()) take(asked, std::move(result));
                       ask_waiting();
                     });
}

void AliasControl::ask_after(const std::shared_ptr<Lookup>& lookup, Duration delay) {
  lookup->timer.expires_after(delay);
  lookup->timer.async_wait([this, weak = std::weak_ptr(lookup)](shared::error_code error) {
    const auto due = weak.lock();
    if (!error && due) ask(due);
  });
}

void AliasControl::take(const std::shared_ptr<Lookup>& lookup, shared::Result<shared::Resolved> result) {
  const AliasAnswer before = lookup->answer;
  if (result) {
    take_answer(*lookup, *result);
    ask_after(lookup, result->addresses.empty() ? kAgainWithout : std::clamp<Duration>(result->ttl, kSoonest, kLatest));
  } else {
    take_failure(*lookup, result.error().message);
    ask_after(lookup, lookup->retry);
  }
  if (lookup->answer == before) return;
  const bool to_write = lookup->answer.addresses != before.addresses || before.state == AliasAnswer::State::unknown;
  unwritten_ = unwritten_ || to_write;
  untold_.insert(lookup->numbers.begin(), lookup->numbers.end());
  tell_soon();
}

// The first of many at once, the others together.
void AliasControl::tell_soon() {
  if (std::exchange(telling_, true)) return;
  tell_.expires_at(std::max(shared::Clock::now(), told_ + kTogether));
  tell_.async_wait([this](shared::error_code error) {
    if (error) return;
    telling_ = false;
    told_ = shared::Clock::now();
    save();
    std::vector<AliasChange> changes;
    for (const std::size_t number : std::exchange(untold_, {})) changes.push_back({number, known(targets_[number])});
    if (!changes.empty()) changed_(changes);
  });
}

void AliasControl::take_failure(Lookup& lookup, const std::string& reason) {
  const bool first = lookup.retry == Duration::zero();
  lookup.retry = first ? kRetryFirst : std::min(lookup.retry * 2, kRetryLongest);
  lookup.reason = reason;
  ++lookup.failures;
  if (lookup.answer.state == AliasAnswer::State::fresh) lookup.answer.state = AliasAnswer::State::stale;
  if (!first) return;
  const bool known = lookup.answer.state != AliasAnswer::State::unknown;
  log_event(Level::warn, "alias_lookup_failed",
            {{"target", lookup.key.first.to_text()},
             {"type", text_of(lookup.key.second)},
             {"reason", reason},
             {"answers", known ? "the last good ones" : "SERVFAIL"}});
}

void AliasControl::take_answer(Lookup& lookup, const shared::Resolved& answer) {
  lookup.retry = Duration::zero();
  lookup.reason.clear();
  const AliasAnswer fresh{AliasAnswer::State::fresh, answer.addresses,
                          static_cast<std::uint32_t>(std::max<seconds::rep>(answer.ttl.count(), 0))};
  const bool same = lookup.answer.state != AliasAnswer::State::unknown && lookup.answer.addresses == fresh.addresses;
  lookup.answer = fresh;
  if (same) return;
  lookup.since = std::chrono::system_clock::now();
  std::string addresses;
  for (const auto& address : fresh.addresses) addresses += (addresses.empty() ? "" : " ") + address.to_string();
  log_event(Level::info, "alias_changed",
            {{"target", lookup.key.first.to_text()}, {"type", text_of(lookup.key.second)}, {"addresses", addresses}});
}

std::array<AliasAnswer, 2> AliasControl::known(const Name& target) const {
  return {lookups_.at(Key(target, AddressType::a))->answer, lookups_.at(Key(target, AddressType::aaaa))->answer};
}

AliasView AliasControl::view() const {
  AliasView out;
  for (const Name& target : targets_) out.targets.push_back(known(target));
  return out;
}

std::vector<AliasControl::Report> AliasControl::reports() const {
  std::vector<Report> out;
  for (const auto& [key, lookup] : lookups_) {
    out.push_back({key.first.to_text(), key.second, lookup->answer, lookup->reason, lookup->since, lookup->lookups,
                   lookup->failures});
  }
  return out;
}

// One write at a time, and of what is true when it begins.
void AliasControl::save() {
  if (state_ == nullptr || !unwritten_ || writing_) return;
  unwritten_ = false;
  writing_ = true;
  std::vector<RememberedAlias> aliases;
  for (const auto& [key, lookup] : lookups_) {
    if (lookup->answer.state == AliasAnswer::State::unknown) continue;
    aliases.push_back({key.first, key.second, lookup->answer.addresses});
  }
  auto write = [state = state_, aliases = std::move(aliases)] {
    auto written = state->write(kAliasesFile, write_aliases(aliases));
    if (!written) {
      log_event(Level::warn, "state_unwritten", {{"file", kAliasesFile}, {"reason", written.error().message}});
    }
    return written;
  };
  builder_.run_then(loop_, std::move(write), [this](const shared::Result<void>&) {
    writing_ = false;
    if (unwritten_) tell_soon();
  });
}

}  // namespace dns

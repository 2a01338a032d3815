#include "dns/serve/control/alias_control.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "shared/serve/os/log.h"

namespace dns {

using shared::Level;
using shared::log_event;
using shared::seconds;

namespace {

constexpr shared::Debounce::Times kTogether{shared::milliseconds(20), shared::milliseconds(100)};

std::string_view text_of(AddressType type) { return type == AddressType::a ? "A" : "AAAA"; }

}  // namespace

struct AliasControl::Lookup {
  Key key;
  std::vector<std::size_t> numbers;  // of the ALIAS names that have this target
  AliasAnswer answer;
  std::string reason;
  shared::WallTime since{};
  bool failing = false;
  shared::NameFollower::Follow follow;
};

AliasControl::AliasControl(shared::Loop& loop, shared::NameFollower& names, shared::StateWriter& writer,
                           const shared::StateDirectory* state, Changed changed)
    : names_(names), writer_(writer), state_(state), changed_(std::move(changed)), together_(loop, kTogether, [this] {
        tell();
      }) {
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

AliasView AliasControl::adopt(const PolicyTables& tables) {
  targets_.clear();
  for (const PolicyNameId id : tables.aliases()) {
    targets_.push_back(*tables.spec().names[static_cast<std::size_t>(id)].alias);
  }
  auto before = std::exchange(lookups_, {});
  untold_.clear();  // the caller hears of everything
  for (std::size_t number = 0; number < targets_.size(); ++number) {
    for (const AddressType type : {AddressType::a, AddressType::aaaa}) {
      const Key key(targets_[number], type);
      const auto [place, fresh] = lookups_.try_emplace(key);
      if (fresh) {
        const auto known = before.find(key);
        place->second = known != before.end() ? std::move(known->second) : begin_lookup(key);
        place->second->numbers.clear();
      }
      place->second->numbers.push_back(number);
    }
  }
  return view();
}

// The final dot of the name keeps search domains away.
std::unique_ptr<AliasControl::Lookup> AliasControl::begin_lookup(const Key& key) {
  auto lookup = std::make_unique<Lookup>();
  lookup->key = key;
  lookup->since = std::chrono::system_clock::now();
  const auto known = remembered_.find(key);
  if (known != remembered_.end()) lookup->answer = {AliasAnswer::State::stale, known->second, 0};
  const auto family = key.second == AddressType::a ? shared::ResolveFamily::ipv4 : shared::ResolveFamily::ipv6;
  lookup->follow =
      names_.follow(key.first.to_text(), family, shared::NameFollower::Tell::everything,
                    [this, at = lookup.get()](const shared::Result<shared::Resolved>& result) { take(*at, result); });
  return lookup;
}

void AliasControl::take(Lookup& lookup, const shared::Result<shared::Resolved>& result) {
  const AliasAnswer before = lookup.answer;
  if (result) {
    take_answer(lookup, *result);
  } else {
    take_failure(lookup, result.error().message);
  }
  if (lookup.answer == before) return;
  const bool to_write = lookup.answer.addresses != before.addresses || before.state == AliasAnswer::State::unknown;
  unwritten_ = unwritten_ || to_write;
  untold_.insert(lookup.numbers.begin(), lookup.numbers.end());
  together_.trigger();
}

void AliasControl::tell() {
  save();
  std::vector<AliasChange> changes;
  for (const std::size_t number : std::exchange(untold_, {})) changes.push_back({number, known(targets_[number])});
  if (!changes.empty()) changed_(changes);
}

void AliasControl::take_failure(Lookup& lookup, const std::string& reason) {
  const bool first = !std::exchange(lookup.failing, true);
  lookup.reason = reason;
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
  lookup.failing = false;
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
    out.push_back({key.first.to_text(), key.second, lookup->answer, lookup->reason, lookup->since,
                   lookup->follow.lookups(), lookup->follow.failures()});
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
  auto text = [aliases = std::move(aliases)] { return write_aliases(aliases); };
  writer_.write(std::string(kAliasesFile), std::move(text), [this](const shared::Result<void>&) {
    writing_ = false;
    if (unwritten_) together_.trigger();
  });
}

}  // namespace dns

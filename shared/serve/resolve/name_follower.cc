#include "shared/serve/resolve/name_follower.h"

#include <algorithm>
#include <optional>
#include <random>
#include <type_traits>
#include <utility>
#include <variant>

#include "shared/core/hash.h"

namespace shared {
namespace {

struct OfAddresses {
  std::string name;
  ResolveFamily family;
  NameFollower::Addresses told;
  std::optional<Resolved> last_good;
};
struct OfServices {
  std::string name;
  NameFollower::Services told;
  std::optional<SrvAnswer> last_good;
};

const std::vector<IpAddress>& content(const Resolved& answer) { return answer.addresses; }
const std::vector<SrvRecord>& content(const SrvAnswer& answer) { return answer.records; }

template <class Answer>
using Of = std::conditional_t<std::is_same_v<Answer, Resolved>, OfAddresses, OfServices>;

}  // namespace

struct NameFollower::Followed {
  Tell tell;
  RefreshSchedule schedule;
  std::variant<OfAddresses, OfServices> what;
  std::uint64_t lookups = 0;
  std::uint64_t failures = 0;
};

std::uint64_t NameFollower::Follow::lookups() const { return followed_ == nullptr ? 0 : followed_->lookups; }

std::uint64_t NameFollower::Follow::failures() const { return followed_ == nullptr ? 0 : followed_->failures; }

NameFollower::NameFollower(Loop& loop, RefreshSettings settings, std::function<TimePoint()> now)
    : settings_(settings), now_(std::move(now)), seed_(std::random_device{}()), timer_(loop) {}

Result<void> NameFollower::use(ResolverSettings settings) {
  auto resolver = Resolver::make(timer_.get_executor().context(), std::move(settings));
  if (!resolver) return tl::unexpected(resolver.error());
  resolver_ = std::move(*resolver);  // the one before drops what it was asked
  Resolver* const now = resolver_.get();
  use({[now](const std::string& name, ResolveFamily family, Resolver::Callback done) {
         now->resolve(name, family, std::move(done));
       },
       [now](const std::string& name, Resolver::SrvCallback done) { now->resolve_srv(name, std::move(done)); }});
  return {};
}

void NameFollower::use(Lookups lookups) {
  lookups_ = std::move(lookups);
  ++round_;
  asked_ = 0;
  due_.clear();
  waiting_.assign(all_.begin(), all_.end());
  look_up_waiting();
}

NameFollower::Follow NameFollower::follow(std::string name, ResolveFamily family, Tell tell, Addresses told) {
  seed_ = mix(seed_ + 1);
  auto followed = std::make_shared<Followed>(
      Followed{tell, RefreshSchedule(seed_), OfAddresses{std::move(name), family, std::move(told), {}}, 0, 0});
  add(followed);
  return Follow(std::move(followed));
}

NameFollower::Follow NameFollower::follow_services(std::string name, Tell tell, Services told) {
  seed_ = mix(seed_ + 1);
  auto followed = std::make_shared<Followed>(
      Followed{tell, RefreshSchedule(seed_), OfServices{std::move(name), std::move(told), {}}, 0, 0});
  add(followed);
  return Follow(std::move(followed));
}

void NameFollower::add(const std::shared_ptr<Followed>& followed) {
  if (all_.size() >= clean_at_) {
    std::erase_if(all_, [](const auto& one) { return one.expired(); });
    clean_at_ = 2 * std::max<std::size_t>(all_.size(), 32);
  }
  all_.push_back(followed);
  waiting_.push_back(followed);
  look_up_waiting();
}

void NameFollower::look_up_due() {
  const TimePoint now = now_();
  for (auto it = due_.begin(); it != due_.end() && it->first <= now; it = due_.erase(it)) {
    waiting_.push_back(std::move(it->second));
  }
  look_up_waiting();
  set_timer();
}

void NameFollower::look_up_waiting() {
  while (lookups_.addresses && asked_ < kMostAsked && !waiting_.empty()) {
    const auto next = waiting_.front().lock();
    waiting_.pop_front();
    if (next) look_up(next);
  }
}

void NameFollower::look_up(const std::shared_ptr<Followed>& followed) {
  ++asked_;
  ++followed->lookups;
  const std::weak_ptr<Followed> weak = followed;
  if (const auto* of = std::get_if<OfAddresses>(&followed->what)) {
    lookups_.addresses(of->name, of->family,
                       [this, weak, round = round_](const Result<Resolved>& result) { take(weak, round, result); });
  } else {
    lookups_.services(std::get<OfServices>(followed->what).name,
                      [this, weak, round = round_](const Result<SrvAnswer>& result) { take(weak, round, result); });
  }
}

template <class Answer>
void NameFollower::take(const std::weak_ptr<Followed>& weak, std::uint64_t round, const Result<Answer>& result) {
  if (round != round_) return;
  --asked_;
  if (const auto followed = weak.lock()) {
    auto& of = std::get<Of<Answer>>(followed->what);
    RefreshSchedule& schedule = followed->schedule;
    const bool failed_before = schedule.failing();
    bool news = followed->tell == Tell::everything;
    TimePoint next{};
    if (!result) {
      ++followed->failures;
      news = news || !failed_before;
      next = schedule.after_failure(settings_, now_());
    } else {
      news = news || failed_before || !of.last_good || content(*of.last_good) != content(*result);
      next = content(*result).empty() ? schedule.after_empty(settings_, now_())
                                      : schedule.after_answer(settings_, now_(), result->ttl);
      of.last_good = *result;
    }
    due_.emplace(next, followed);
    if (news) of.told(result);
  }
  look_up_waiting();
  set_timer();
}

void NameFollower::set_timer() {
  if (due_.empty() || armed_ <= due_.begin()->first) return;
  armed_ = due_.begin()->first;
  timer_.expires_after(std::max(armed_ - now_(), Duration::zero()));
  timer_.async_wait([this](error_code error) {
    if (error) return;
    armed_ = TimePoint::max();
    look_up_due();
  });
}

}  // namespace shared

#pragma once
// NameFollower: keeps up with what names and services resolve to, for all who follow one: a lookup at once, then by its
// RefreshSchedule, for as long as the Follow is held. The last good answer stays with who follows, through failures.
// However many names there are, only so many lookups are under way at a time. Owns the process's one Resolver; owned by
// Control, on its loop's thread.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "shared/core/refresh_schedule.h"
#include "shared/core/result.h"
#include "shared/core/time.h"
#include "shared/serve/loop/loop.h"
#include "shared/serve/resolve/resolver.h"

namespace shared {

class NameFollower {
  struct Followed;

 public:
  static constexpr std::size_t kMostAsked = 100;  // at a time: a socket of 208 KiB holds no 200 answers

  // What is told of lookups.
  enum class Tell : std::uint8_t {
    changes,     // the first answer, those whose content differs from the last good one (an empty one, too), the first
                 // failure of a row and the answer that ends it
    everything,  // each answer and each failure
  };
  using Addresses = std::function<void(const Result<Resolved>&)>;
  using Services = std::function<void(const Result<SrvAnswer>&)>;

  // Ends with its holder, before the NameFollower does.
  class Follow {
   public:
    [[nodiscard]] std::uint64_t lookups() const;
    [[nodiscard]] std::uint64_t failures() const;

    Follow() = default;

   private:
    friend class NameFollower;
    explicit Follow(std::shared_ptr<const Followed> followed) : followed_(std::move(followed)) {}
    std::shared_ptr<const Followed> followed_;
  };

  // How lookups are made: as the Resolver does, or a test. No answer comes from inside the call.
  struct Lookups {
    std::function<void(const std::string& name, ResolveFamily family, Resolver::Callback done)> addresses;
    std::function<void(const std::string& name, Resolver::SrvCallback done)> services;
  };

  explicit NameFollower(Loop& loop, RefreshSettings settings = {}, std::function<TimePoint()> now = Clock::now);
  NameFollower(const NameFollower&) = delete;
  NameFollower& operator=(const NameFollower&) = delete;

  // Whom to ask from now on; all names are looked up anew, and what is under way is dropped.
  [[nodiscard]] Result<void> use(ResolverSettings settings);
  void use(Lookups lookups);

  // `told` is never called from inside these. REQUIRES: use().
  [[nodiscard]] Follow follow(std::string name, ResolveFamily family, Tell tell, Addresses told);
  // "_service._proto.name", whole: no search list is tried.
  [[nodiscard]] Follow follow_services(std::string name, Tell tell, Services told);

  // Looks up what is due: the timer's, and that of a test that moves the clock.
  void look_up_due();

 private:
  void add(const std::shared_ptr<Followed>& followed);
  void look_up_waiting();
  void look_up(const std::shared_ptr<Followed>& followed);
  template <class Answer>
  void take(const std::weak_ptr<Followed>& weak, std::uint64_t round, const Result<Answer>& result);
  void set_timer();

  RefreshSettings settings_;
  std::function<TimePoint()> now_;
  std::uint64_t seed_;
  Timer timer_;
  std::unique_ptr<Resolver> resolver_;
  Lookups lookups_;
  std::uint64_t round_ = 0;  // of use(): answers of an earlier one do not count
  std::vector<std::weak_ptr<Followed>> all_;
  std::size_t clean_at_ = 64;                              // that many in all_
  std::multimap<TimePoint, std::weak_ptr<Followed>> due_;  // when each is looked up next
  TimePoint armed_ = TimePoint::max();                     // of timer_
  std::deque<std::weak_ptr<Followed>> waiting_;            // to be looked up, while many are
  std::size_t asked_ = 0;                                  // and not answered yet
};

}  // namespace shared

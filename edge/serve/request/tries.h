#pragma once
// Tries: the attempts of a request at its pool, one after another while that is safe (docs/failures.md): the one that
// leads, and for a while perhaps a second one that races it. The first server is the decision's, the next ones are
// picked here. In serve_one's frame; its worker's thread.
//
//   bool more = tries.begin();
//   while (more) { while it waits: sleep until deadline(), then advance();   more = tries.end() && tries.begin(); }

#include <array>
#include <cstddef>
#include <memory>
#include <optional>

#include "edge/serve/request/attempt.h"
#include "edge/serve/request/request.h"

namespace edge {

class Tries {
 public:
  explicit Tries(Request& request);
  ~Tries();
  Tries(const Tries&) = delete;
  Tries& operator=(const Tries&) = delete;

  // False: none is left to try.
  [[nodiscard]] bool begin();
  [[nodiscard]] bool waiting() const { return slot(lead_)->waiting(); }
  // True while there is something to wait for.
  [[nodiscard]] bool advance(Wake wake);
  [[nodiscard]] shared::TimePoint deadline() const;
  // The leading attempt has ended. True: another one may be made.
  [[nodiscard]] bool end();

 private:
  std::optional<Attempt>& lead() { return lead_ == 0 ? first_ : second_; }
  std::optional<Attempt>& other() { return lead_ == 0 ? second_ : first_; }
  [[nodiscard]] const std::optional<Attempt>& slot(std::size_t index) const { return index == 0 ? first_ : second_; }
  UpstreamWork& work_of(std::size_t slot);
  [[nodiscard]] Attempt::Target next_target();
  [[nodiscard]] Attempt::Target target_of(const PickedServer& picked);
  void note_again(std::atomic<std::uint64_t>& counter);
  [[nodiscard]] bool used_up() const;
  [[nodiscard]] bool may_try_again(const Attempt& attempt) const;
  [[nodiscard]] bool spend() const;
  [[nodiscard]] shared::TimePoint hedge_time() const;
  void hedge();
  void race(Wake wake);

  Request& r_;
  std::array<std::unique_ptr<UpstreamWork>, 2> works_;  // before the attempts that use them
  std::optional<Attempt> first_;  // no array of two: GCC 12 would fill all of it with zeros, 2 KB a request
  std::optional<Attempt> second_;
  std::size_t lead_ = 0;
  const Server* stale_ = nullptr;  // its kept connection was dead: worth a fresh one if nobody else is there
  std::size_t dead_connections_ = 0;
  shared::TimePoint hedge_at_;
};

}  // namespace edge

#pragma once
// Responder: what all threads of one worker answer with: the snapshot (a plain pointer on the path), the worker's
// counters and its random draws. Who answers, a batch or what one connection sent, has the turn meanwhile: a lock that
// next to nobody else wants. Owned by the worker. No allocation.

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

#include "dns/core/answer/answer.h"
#include "dns/core/answer/rate_limit.h"
#include "dns/core/zone/query.h"
#include "dns/serve/responder/counters.h"

namespace dns {

// What Control publishes to one worker. Each worker has SteeringCounts of its own, shaped for the snapshot's policies.
struct Publication {
  std::shared_ptr<const Snapshot> snapshot;
  std::shared_ptr<SteeringCounts> steering;
};

class Responder {
 public:
  // `cells`: what responses are limited in; none: they are not.
  Responder(Publication first, std::uint64_t seed, std::shared_ptr<ResponseCells> cells)
      : now_(std::move(first)), random_(seed), cells_(std::move(cells)) {}
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  // The lock, and the clocks as of now. Any thread.
  class Turn {
   public:
    explicit Turn(Responder& responder) : lock_(responder.mutex_) { responder.read_clocks(); }

   private:
    std::lock_guard<std::mutex> lock_;
  };

  // Returns the one before. Any thread that does not have the turn.
  [[nodiscard]] Publication replace(Publication next);

  // What respond() is to be given. REQUIRES: the caller has the turn, the same for both.
  [[nodiscard]] Found look_up(const Query& query) const { return dns::look_up(*now_.snapshot, query); }
  void look_up(std::span<const Query> queries, std::span<const shared::IpAddress> clients,
               std::span<Found> found) const {
    dns::look_up(*now_.snapshot, queries, clients, found);
  }

  // Length of the reply in `out`; 0: none. Entropy and time of the request are set here. REQUIRES: the caller has the
  // turn.
  [[nodiscard]] std::size_t respond(AnswerRequest request, std::span<std::uint8_t> out);

  // Written by who has the turn; those of TCP connections by the loop's thread.
  [[nodiscard]] WorkerCounters& counters() { return counters_; }
  [[nodiscard]] const WorkerCounters& counters() const { return counters_; }

 private:
  void read_clocks();
  void limit(const AnswerRequest& request, std::span<std::uint8_t> out, AnswerInfo& info);
  void count(const AnswerRequest& request, const AnswerInfo& info);
  [[nodiscard]] std::uint64_t draw();

  std::mutex mutex_;
  Publication now_;
  std::uint64_t random_;
  std::shared_ptr<ResponseCells> cells_;
  std::uint64_t now_us_ = 0;     // of the steady clock
  std::uint32_t unix_time_ = 0;  // seconds
  WorkerCounters counters_;
};

}  // namespace dns

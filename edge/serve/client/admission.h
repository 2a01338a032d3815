#pragma once
// Admission: how many connections of clients this process has, in all and of each client, who asked the health page
// last, and which worker has the head that has been incomplete for longest. Every worker counts in it when a connection
// comes and goes, never for a request. Made by Control, shared by the workers; any thread.

#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "edge/serve/client/listener.h"
#include "shared/core/ip.h"
#include "shared/core/time.h"
#include "shared/serve/os/unique_fd.h"

namespace edge {

// A client that has connected and waits for a worker that makes room for it.
struct Newcomer {
  std::shared_ptr<shared::UniqueFd> fd;
  shared::Endpoint peer;
  std::shared_ptr<const Listener> listener;  // that it came by
  // Of a proxy in front, which has said who `peer` is; null: nobody has, and it is the socket's.
  std::shared_ptr<const Introduction> introduction = nullptr;
  bool header_read = false;  // of the PROXY protocol, or there is none
  std::size_t asked = 0;     // workers that had no room
  bool directed = false;     // to the one that is to look first

  // A PROXY header comes first.
  [[nodiscard]] bool awaits_header() const {
    return !header_read && listener->introductions && listener->introductions->from.contains(peer.address);
  }
};

class Admission {
 public:
  using Take = std::function<void(Newcomer newcomer)>;  // called by another worker

  static constexpr std::size_t kReserved = 16;  // connections over the cap, for who asked the health page last
  static constexpr std::size_t kPassing = 16;   // newcomers on their way to another worker

  Admission(std::size_t max_connections, std::size_t workers) : cap_(max_connections), slots_(workers) {}
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  // Before any of the workers runs.
  void join(std::size_t worker, Take take) { slots_[worker].take = std::move(take); }

  // `client` as client_network() has it.
  void enter(const shared::IpAddress& client);
  void leave(const shared::IpAddress& client);
  [[nodiscard]] bool full() const { return open_.load(std::memory_order_relaxed) >= cap_; }
  [[nodiscard]] std::size_t of(const shared::IpAddress& client) const;
  [[nodiscard]] std::size_t cap() const { return cap_; }

  void asked_health(const shared::IpAddress& client);
  // A slot is kept for this client although all others are taken.
  [[nodiscard]] bool reserved_for(const shared::IpAddress& client) const;

  // No head at all: the end of time.
  void set_oldest_head(std::size_t worker, shared::TimePoint since);
  // The worker whose oldest incomplete head is the oldest of all; nobody has one: nothing.
  [[nodiscard]] std::optional<std::size_t> oldest_head() const;

  [[nodiscard]] std::size_t workers() const { return slots_.size(); }
  // To another worker, which says when it has arrived. False, and nothing done, when so many are on their way that a
  // worker must be late: each holds a descriptor.
  [[nodiscard]] bool pass(std::size_t worker, const Newcomer& newcomer);
  void arrived() { passing_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kStripes = 16;
  static constexpr auto kNever = shared::TimePoint::max();

  struct alignas(64) WorkerSlot {
    std::atomic<shared::TimePoint> oldest_head{kNever};
    Take take;
  };
  struct alignas(64) Stripe {
    mutable std::mutex mutex;
    std::map<shared::IpAddress, std::size_t> clients;
  };

  [[nodiscard]] static std::size_t stripe_of(const shared::IpAddress& client);

  std::size_t cap_;
  alignas(64) std::atomic<std::size_t> open_{0};
  std::atomic<std::size_t> passing_{0};
  std::vector<WorkerSlot> slots_;
  std::array<Stripe, kStripes> stripes_;
  mutable std::mutex askers_mutex_;
  std::vector<shared::IpAddress> askers_;  // the last in front, at most kReserved
};

}  // namespace edge

#pragma once
// SteadyClient: the honest client beside a flood: asks for names in turn at an even rate, with a cookie (RFC 7873) that
// it keeps fresh, or without one, and knows of every query whether and when it was answered. The time of an answer is
// the kernel's, so that a busy load generator does not make the server look slow. Owned by the flood program, one
// thread.

#include <array>
#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "shared/core/ip.h"

namespace bench {

class SteadyClient {
 public:
  using Clock = std::chrono::system_clock;  // the kernel stamps datagrams with it

  enum class Cookie : std::uint8_t { none, valid };

  struct Tally {
    std::uint64_t sent = 0;
    std::uint64_t answered = 0;    // rightly
    std::uint64_t truncated = 0;   // sent to TCP
    std::uint64_t bad_cookie = 0;  // told to show another cookie
    std::uint64_t wrong = 0;
    std::vector<std::uint32_t> latency_us;
  };

  // `source`: an IPv4 address. `rate`: queries a second.
  SteadyClient(const shared::Endpoint& server, const char* source, Cookie cookie, double rate);
  ~SteadyClient();
  SteadyClient(const SteadyClient&) = delete;
  SteadyClient& operator=(const SteadyClient&) = delete;

  // "h%u.bench.example": %u is 1 to count.
  void use_names(const std::string& pattern, unsigned count);
  void learn_cookie();  // asks until the server has given one, for 2 s at most
  void start(Clock::time_point now) { start_ = now; }
  void send_due(Clock::time_point now);
  void receive();
  [[nodiscard]] std::uint64_t waiting() const;  // queries without any reply
  [[nodiscard]] const Tally& tally() const { return tally_; }
  [[nodiscard]] bool has_cookie() const { return cookie_.size() > 8; }

 private:
  struct Pending {
    bool active = false;
    Clock::time_point sent;
    std::uint32_t name = 0;
  };

  void ask(Clock::time_point now);
  void account(std::size_t length, Clock::time_point when);
  [[nodiscard]] std::size_t question_size(std::uint32_t name) const;
  void take_cookie(std::size_t length, std::size_t at);

  int fd_ = -1;
  double rate_;
  Clock::time_point start_;
  std::uint64_t asked_ = 0;  // since start_
  std::mt19937_64 random_;
  std::vector<std::vector<std::uint8_t>> questions_;
  std::vector<std::uint8_t> cookie_;  // the client's, and the server's once it is known; empty: none is sent
  std::vector<std::uint8_t> packet_;
  std::array<std::uint8_t, 4096> reply_{};
  std::vector<Pending> pending_ = std::vector<Pending>(65536);
  std::uint16_t next_id_ = 1;
  Tally tally_;
};

}  // namespace bench

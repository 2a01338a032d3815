#pragma once
// What a flood sends: FloodQueries makes the datagrams of a kind, each different; FloodTcp keeps connections that do as
// an attacker's do. Both from source addresses of their own in 127.0.0.0/8. Owned by the flood program, one thread.

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <deque>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/core/ip.h"

namespace bench {

enum class Flood : std::uint8_t { none, names, nxdomain, malformed, ecs, spoofed, large, tcp, slow_tcp };

struct FloodTargets {
  std::string zone;      // random names below it do not exist
  std::string wildcard;  // random names below it do
  std::string steered;   // answered by client subnet
  std::string name;      // exists
  std::string large;     // its TXT is large
};

[[nodiscard]] constexpr bool is_tcp(Flood flood) { return flood == Flood::tcp || flood == Flood::slow_tcp; }

// Where a flood comes from: one network, or, forged, any.
[[nodiscard]] in_addr flood_source(Flood flood, std::mt19937_64& random);

void append_question(std::vector<std::uint8_t>& out, std::string_view name, std::uint16_t type);

class FloodQueries {
 public:
  FloodQueries(Flood flood, FloodTargets targets) : flood_(flood), targets_(std::move(targets)) {}

  // The next datagram; valid until `out` is used again.
  void write_next(std::vector<std::uint8_t>& out);
  [[nodiscard]] std::mt19937_64& random() { return random_; }

 private:
  [[nodiscard]] std::string random_label();
  void add_subnet(std::vector<std::uint8_t>& out);
  void damage(std::vector<std::uint8_t>& out);

  Flood flood_;
  FloodTargets targets_;
  std::mt19937_64 random_{20261122};
};

// Connections: `tcp` opens, asks and never reads, the oldest making room; `slow_tcp` holds all of them and sends an
// octet of a message that never ends now and then.
class FloodTcp {
 public:
  FloodTcp(Flood flood, const shared::Endpoint& server, std::size_t most);
  ~FloodTcp();
  FloodTcp(const FloodTcp&) = delete;
  FloodTcp& operator=(const FloodTcp&) = delete;

  // One connection, or one octet on the next of them. False: the machine gives no more.
  bool step();
  [[nodiscard]] std::size_t open() const { return sockets_.size(); }

 private:
  [[nodiscard]] int connect_one();

  Flood flood_;
  sockaddr_in server_{};
  std::size_t most_;
  std::mt19937_64 random_{7};
  std::deque<int> sockets_;
  std::vector<std::uint8_t> query_;
};

}  // namespace bench

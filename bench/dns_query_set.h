#pragma once
// QuerySet: the queries of a DNS load, ready as wire bytes: one per name, optionally with a client subnet (RFC 7871)
// that is drawn anew for every send, or with a client cookie. Owned by the load generator, one thread.

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

struct QueryOptions {
  std::vector<std::string> names;  // in turn, in random order
  std::string random_under;        // instead of names: a new random label under this name for every query
  bool client_subnet = false;      // a random IPv4 /24
  bool cookie = false;             // a client cookie (RFC 7873): the server makes one for every answer
  std::uint16_t type = 1;          // A
};

class QuerySet {
 public:
  QuerySet(const QueryOptions& options, std::uint64_t seed);

  // A query with this id in `packet`; valid until it is overwritten. Returns its length.
  std::size_t write_next(std::uint16_t id, std::span<std::uint8_t> packet);
  [[nodiscard]] static std::size_t question_length(std::span<const std::uint8_t> packet);

 private:
  void add(std::string_view name);
  void randomise_label(std::span<std::uint8_t> packet);
  void randomise_subnet(std::span<std::uint8_t> packet);

  QueryOptions options_;
  std::mt19937_64 random_;
  std::vector<std::uint8_t> bytes_;
  std::vector<std::uint32_t> starts_;  // of each query in bytes_, and the end
};

}  // namespace bench

#pragma once
// RedisReplies: the octets of a Redis connection as replies, by hiredis' reader, with bounds of our own: on the items
// of an array and on what one reply may hold in all, since a stranger may answer in place of Redis. And the octets of a
// command. Owned by a RedisConnection, control loop.

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "edge/core/protect/redis_value.h"

struct redisReader;

namespace edge {

class RedisReplies {
 public:
  static constexpr int kMostItems = 8192;
  static constexpr std::size_t kMostOctets = 1 << 20;  // of a reply
  static constexpr std::size_t kMostWords = 256;       // octets kept of an error: they end in logs

  RedisReplies();
  ~RedisReplies();
  RedisReplies(const RedisReplies&) = delete;
  RedisReplies& operator=(const RedisReplies&) = delete;

  // False: this is no Redis, or too much of it; nothing more comes.
  [[nodiscard]] bool feed(std::string_view octets);
  // The next whole reply; none: more octets are needed, or bad().
  [[nodiscard]] std::optional<RedisValue> next();
  [[nodiscard]] bool bad() const { return bad_; }

 private:
  struct Free {
    void operator()(redisReader* reader) const;
  };
  std::unique_ptr<redisReader, Free> reader_;
  std::size_t held_ = 0;  // octets since the last whole reply
  bool bad_ = false;
};

[[nodiscard]] std::string redis_command(std::span<const std::string> words);

}  // namespace edge

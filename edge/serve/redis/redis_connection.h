#pragma once
// RedisConnection: one connection to a Redis server or sentinel, from connect to close: commands in their order, each
// with a deadline for its reply; one that is missed ends the connection, since what comes later would answer another
// question. Held by its owner and by its own operations; control loop.

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "edge/core/protect/redis_value.h"
#include "edge/serve/redis/redis_replies.h"
#include "shared/core/ip.h"
#include "shared/core/result.h"
#include "shared/core/time.h"
#include "shared/serve/client/transport.h"
#include "shared/serve/loop/loop.h"

namespace edge {

// What came of a question. An error of the server is a value; none at all is an error.
using RedisReply = std::function<void(const shared::Result<RedisValue>&)>;

class RedisConnection : public std::enable_shared_from_this<RedisConnection> {
 public:
  static constexpr std::size_t kMostQuestions = 4096;  // that wait for their reply

  // Any of them may close the connection; after close() none comes, nor a reply.
  struct Events {
    std::function<void()> connected;
    std::function<void(const std::string& why)> ended;  // the last one; the questions have been told before
  };

  RedisConnection(shared::Loop& loop, std::unique_ptr<shared::Transport> transport, shared::Duration timeout)
      : loop_(loop), transport_(std::move(transport)), timeout_(timeout), timer_(loop) {}

  void open(const shared::Endpoint& endpoint, Events events);
  // REQUIRES: connected. The reply never comes from within. Beyond kMostQuestions it is an error.
  void ask(std::span<const std::string> command, RedisReply reply);
  void close();

  [[nodiscard]] bool closed() const { return closed_; }

 private:
  struct Question {
    RedisReply reply;
    shared::TimePoint deadline;
  };

  void write();
  void read();
  void take(std::string_view octets);
  void watch();
  void look_at_deadline();
  void end(const std::string& why);

  shared::Loop& loop_;
  std::unique_ptr<shared::Transport> transport_;
  shared::Duration timeout_;
  shared::Timer timer_;
  Events events_;
  RedisReplies replies_;
  std::array<char, 16384> in_{};
  std::string out_;      // being written
  std::string waiting_;  // to be written
  std::deque<Question> questions_;
  shared::TimePoint opened_{};
  bool connected_ = false;
  bool writing_ = false;
  bool closed_ = false;
};

}  // namespace edge

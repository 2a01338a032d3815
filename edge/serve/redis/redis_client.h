#pragma once
// RedisClient: the way to the region's Redis: finds the master (the first configured server that takes writes, or the
// one that the sentinels name), logs in, and comes back after every loss, with back-off. Nobody waits for it: while
// there is no connection, questions are answered with an error at once. One line of the log when it is lost, for each
// new reason, and when it is back. Owned by Control, on its loop; ends before the NameFollower does.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "edge/load/redis_settings.h"
#include "edge/serve/redis/redis_connection.h"
#include "shared/serve/client/transport.h"
#include "shared/serve/loop/loop.h"
#include "shared/serve/resolve/name_follower.h"

namespace edge {

class RedisClient {
 public:
  struct Facts {
    bool up = false;
    std::string server;             // the last one that was up, or is
    std::string reason;             // why it is not up
    std::uint64_t connections = 0;  // that were made, and taken into use
    std::uint64_t failures = 0;     // connections that ended or did not come about
  };

  RedisClient(shared::Loop& loop, shared::NameFollower& names);
  ~RedisClient();
  RedisClient(const RedisClient&) = delete;
  RedisClient& operator=(const RedisClient&) = delete;

  // Null: none. What differs from the settings before begins anew.
  void set(std::shared_ptr<const RedisSettings> settings);
  // Called at each connection, before anything is asked on it.
  void on_ready(std::function<void()> ready) { ready_.push_back(std::move(ready)); }
  // Called when there is none any more; questions have had their answers, or never get one.
  void on_lost(std::function<void()> lost) { lost_.push_back(std::move(lost)); }

  [[nodiscard]] const RedisSettings* settings() const { return settings_.get(); }
  [[nodiscard]] bool up() const { return up_; }
  // The reply never comes from within. An error in it that shows that this server is of no use ends the connection.
  void ask(const std::vector<std::string>& command, RedisReply reply);
  [[nodiscard]] const Facts& facts() const { return facts_; }

 private:
  using Found = std::function<void(const shared::Result<shared::Endpoint>&)>;
  using Named = std::function<void(const shared::Result<RedisPlace>&)>;
  struct Name {
    shared::NameFollower::Follow follow;
    std::vector<shared::IpAddress> addresses;
    std::vector<std::function<void()>> waiting;
    std::string reason;
  };

  void begin();
  void find(const RedisPlace& place, Found found);
  void ask_sentinel(Named named);
  void greet_sentinel(const std::shared_ptr<RedisConnection>& connection, Named named);
  void connect(const RedisPlace& place);
  void open(const RedisPlace& place, const shared::Endpoint& endpoint);
  void greet();
  void take_role(const shared::Result<RedisValue>& role);
  void use();
  void well();
  void fail(const std::string& reason);
  void lose();
  void leave();
  void look_at_sentinels();
  [[nodiscard]] std::shared_ptr<RedisConnection> make_connection(const RedisPlace& place);

  shared::Loop& loop_;
  shared::NameFollower& names_;
  shared::ClientTlsContexts contexts_;
  std::shared_ptr<const RedisSettings> settings_;
  std::vector<std::function<void()>> ready_;
  std::vector<std::function<void()>> lost_;
  std::shared_ptr<int> attempt_;  // what callbacks of an earlier one find gone
  std::map<std::string, Name, std::less<>> known_names_;
  std::shared_ptr<RedisConnection> connection_;
  std::shared_ptr<RedisConnection> sentinel_;
  RedisPlace place_;  // of connection_
  shared::Timer wait_;
  shared::Timer patience_;  // of an attempt
  shared::Timer sentinel_look_;
  std::size_t next_server_ = 0;
  std::size_t next_sentinel_ = 0;
  unsigned failures_in_a_row_ = 0;
  std::set<std::string> told_;  // reasons since it has answered
  bool up_ = false;
  bool answered_ = false;    // since it is up
  bool ready_told_ = false;  // that it is up, since a loss was told
  Facts facts_;
};

// An error of this kind says that the server will not do, and not that the question was wrong.
[[nodiscard]] bool is_useless(const RedisValue& reply);
// What a sentinel says of its master: [host, port].
[[nodiscard]] shared::Result<RedisPlace> read_master(const RedisValue& reply, std::string_view name);
// What ROLE says; an error that it may not be asked is no objection.
[[nodiscard]] shared::Result<void> read_role(const RedisValue& reply);

}  // namespace edge

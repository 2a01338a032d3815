#pragma once
// A FakeWorker with a cache, clients that are no connection, and a server whose other end the test holds. One thread.

#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "edge/core/cache/cache_rule.h"
#include "edge/core/cache/cache_status.h"
#include "edge/serve/cache/stores.h"
#include "tests/edge/serve/fake_server.h"
#include "tests/edge/serve/fakes.h"
#include "tests/edge/serve/files/root.h"

namespace edge::test {

inline std::string answer(std::string_view fields, std::string_view body = "body", std::string_view status = "200 OK") {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(fields) + "\r\n" + std::string(body);
}

inline std::string head_of(std::string_view path, std::string_view more = {}) {
  return "HEAD " + std::string(path) + " HTTP/1.1\r\nHost: shop.example\r\n" + std::string(more) + "\r\n";
}

// A client that takes `room` octets before it stands still.
struct Client {
  Client(FakeWorker& worker, const std::string& text, std::string_view protocol, std::size_t room)
      : source(text, protocol), served(worker, come(worker, room), sink) {}
  [[nodiscard]] std::string cache() const { return sink.field("Cache-Status"); }
  [[nodiscard]] bool says(std::string_view words) const { return cache().find(words) != std::string::npos; }

  FakeSource source;
  FakeSink sink;
  Served served;

 private:
  FakeSource& come(FakeWorker& worker, std::size_t room) {
    source.asked.began = source.asked.head_read = worker.context().now();
    sink.room = room;
    return source;
  }
};
using ClientPtr = std::unique_ptr<Client>;

class CachedWorker {
 protected:
  CachedWorker(std::string_view protocol, const CacheStoreSettings& store) : protocol_(protocol) {
    stores_.make({store}, 7);
    worker_.caches = &stores_;
    worker_.pool.retry.attempts = 1;
  }
  // The first call settles the rule.
  FakeServer& server() {
    if (!server_) {
      worker_.routes[0].cache = std::make_shared<const CacheRule>(rule_);
      server_ = std::make_unique<FakeServer>(worker_, 0);
    }
    return *server_;
  }
  ClientPtr ask(const std::string& request, std::size_t room = 1U << 20U) {
    server();
    return std::make_unique<Client>(worker_, request, protocol_, room);
  }
  // It is answered from the store, and no server hears of it.
  ClientPtr stored(const std::string& request) {
    ClientPtr client = ask(request);
    EXPECT_TRUE(client->served.done()) << request;
    EXPECT_EQ(server().heard(), "") << request;
    EXPECT_EQ(client->sink.starts, 1);
    return client;
  }
  // A server is asked, and says this.
  ClientPtr fetched(const std::string& request, const std::string& response) {
    ClientPtr client = ask(request);
    EXPECT_FALSE(client->served.done()) << request;
    heard_ = server().heard();
    EXPECT_FALSE(heard_.empty()) << request;
    server().say(response);
    EXPECT_TRUE(client->served.done()) << request;
    return client;
  }
  [[nodiscard]] bool heard(std::string_view words) const { return heard_.find(words) != std::string::npos; }
  std::uint64_t count(CacheVerdict verdict) {
    return worker_.context().counters.cache[static_cast<std::size_t>(verdict)].read();
  }
  bool over(Client& client) {
    return turn_until(worker_.loop, [&] { return client.served.done(); });
  }
  // The server's side of what is under way.
  void break_off() { server().end.reset(); }
  void new_server() { server_ = std::make_unique<FakeServer>(worker_, 0); }

  const std::string_view protocol_;
  CacheStores stores_;
  FakeWorker worker_;
  CacheRule rule_;
  std::unique_ptr<FakeServer> server_;
  std::string heard_;
};

}  // namespace edge::test

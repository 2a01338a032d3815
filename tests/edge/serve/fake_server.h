#pragma once
// FakeServer: a kept connection of a FakeWorker to one of its servers, whose other end the test holds. One thread.

#include <sys/socket.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "tests/edge/serve/fakes.h"

namespace edge::test {

// A server's kept connection whose other end the test holds.
struct FakeServer {
  FakeServer(FakeWorker& worker, std::size_t server) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    end = shared::UniqueFd(ends[0]);
    auto connection = std::make_unique<UpstreamConnection>(
        worker.loop, shared::UniqueFd(ends[1]), nullptr, worker.pool.servers[server].id, FakeWorker::endpoint(server));
    worker.loop.poll();
    EXPECT_EQ(connection->stream().progress(), Progress::ready);
    worker.context().upstreams.give_back(std::move(connection), worker.pool.idle);
  }
  void say(std::string_view text) {
    EXPECT_EQ(::send(end.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  std::string heard() {
    char bytes[65536];
    const ssize_t n = ::recv(end.get(), bytes, sizeof bytes, 0);
    return n > 0 ? std::string(bytes, static_cast<std::size_t>(n)) : std::string();
  }
  shared::UniqueFd end;
};

}  // namespace edge::test

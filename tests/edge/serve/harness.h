#pragma once
// What the edge's serving tests share: a blocking test client, scripted backends on threads of their own, and a worker
// with a snapshot made in code. All on 127.0.0.1 with ports that the kernel chooses.

#include <atomic>
#include <csignal>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "edge/core/pool/live.h"
#include "edge/core/snapshot/snapshot.h"
#include "edge/serve/worker/worker.h"
#include "shared/serve/os/socket.h"
#include "tests/edge/serve/request_text.h"

namespace edge::test {

// One end of a TCP connection, blocking, with a bound on every wait so that a broken server fails a test and hangs
// none.
class Conn {
 public:
  explicit Conn(int fd) : fd_(fd) {
    const timeval limit{.tv_sec = 60, .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }

  // With a bound on what the kernel keeps for it, a client that does not read is felt soon.
  static Conn to(const shared::Endpoint& endpoint, int receive_buffer = 0) {
    const auto address = shared::to_socket_address(endpoint);
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer > 0) ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address.bytes), address.length), 0);
    return Conn(fd);
  }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  // A head with its empty line; what came before the end of the connection when there is none.
  std::string read_head() {
    std::size_t end = std::string::npos;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!read_more()) return std::exchange(buffer_, {});
    }
    return take(end + 4);
  }
  std::string read_exactly(std::size_t n) {
    while (buffer_.size() < n && read_more()) {
    }
    return take(std::min(n, buffer_.size()));
  }
  std::string read_to_end() {
    while (read_more()) {
    }
    return std::exchange(buffer_, {});
  }
  // The raw chunks up to and with the last one and its trailers.
  std::string read_chunks() {
    std::size_t at = 0;
    while (true) {
      std::size_t line = std::string::npos;
      while ((line = buffer_.find("\r\n", at)) == std::string::npos) {
        if (!read_more()) return std::exchange(buffer_, {});
      }
      const std::size_t size = std::strtoul(buffer_.c_str() + at, nullptr, 16);
      if (size == 0) break;
      at = line + 2 + size + 2;
      while (buffer_.size() < at) {
        if (!read_more()) return std::exchange(buffer_, {});
      }
    }
    std::size_t end = std::string::npos;
    while ((end = buffer_.find("\r\n\r\n", at)) == std::string::npos) {
      if (!read_more()) return std::exchange(buffer_, {});
    }
    return take(end + 4);
  }
  // The peer's FIN or reset, soon: before any timeout that a test has not set itself (the shortest is 10 s) could be
  // its cause. REQUIRES: nothing more is expected.
  bool closed(int milliseconds = 5000) {
    pollfd wait{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    return buffer_.empty() && ::poll(&wait, 1, milliseconds) == 1 && !read_more() && !timed_out_;
  }
  bool silent(int milliseconds) {
    pollfd wait{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    return buffer_.empty() && ::poll(&wait, 1, milliseconds) == 0;
  }
  void reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    fd_.reset();
  }
  void close() { fd_.reset(); }
  void shutdown_send() { ::shutdown(fd_.get(), SHUT_WR); }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  bool read_more() {
    char bytes[65536];
    const ssize_t n = ::recv(fd_.get(), bytes, sizeof bytes, 0);
    timed_out_ = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    if (n <= 0) return false;
    buffer_.append(bytes, static_cast<std::size_t>(n));
    return true;
  }
  std::string take(std::size_t n) {
    std::string result = buffer_.substr(0, n);
    buffer_.erase(0, n);
    return result;
  }

  shared::UniqueFd fd_;
  std::string buffer_;
  bool timed_out_ = false;
};

// A server whose every connection is handled by `script` on its own thread.
class Backend {
 public:
  using Script = std::function<void(Conn&)>;

  explicit Backend(Script script) : script_(std::move(script)) {
    auto sockets = shared::listen_tcp(*shared::Endpoint::parse("127.0.0.1:0"), 1);
    if (!sockets) throw std::runtime_error(sockets.error().message);
    listener_ = std::move(sockets->front());
    endpoint_ = shared::local_endpoint(listener_.get());
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~Backend() {
    stopping_ = true;
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
  }
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  [[nodiscard]] const shared::Endpoint& endpoint() const { return endpoint_; }
  [[nodiscard]] int connections() const { return connections_; }
  std::atomic<int> requests{0};

 private:
  void accept_all() {
    while (!stopping_) {
      pollfd wait{.fd = listener_.get(), .events = POLLIN, .revents = 0};
      if (::poll(&wait, 1, 20) <= 0) continue;
      const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      ++connections_;
      const std::lock_guard lock(mutex_);
      open_.push_back(fd);
      threads_.emplace_back([this, fd] { handle(fd); });
    }
  }
  void handle(int fd) {
    Conn conn(fd);
    script_(conn);
    const std::lock_guard lock(mutex_);
    std::erase(open_, fd);
    conn.close();
  }

  Script script_;
  shared::UniqueFd listener_;
  shared::Endpoint endpoint_;
  std::atomic<int> connections_{0};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

// Answers every request without a body by `response`, for ever.
inline Backend::Script answering(std::string response) {
  return [response = std::move(response)](Conn& conn) {
    while (!conn.read_head().empty()) {
      if (!conn.send(response)) return;
    }
  };
}

inline std::string ok(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

// A worker whose route `/` leads to a pool of the given servers.
class Edge {
 public:
  explicit Edge(const std::vector<shared::Endpoint>& servers, std::function<void(Settings&)> adjust = {}) {
    std::signal(SIGPIPE, SIG_IGN);  // as the supervisor does
    settings.identity = {.service = "shop", .region = "eu", .node = "127.0.0.1"};
    if (adjust) adjust(settings);
    std::vector<std::uint16_t> weights;
    for (const shared::Endpoint& server : servers) {
      const ServerId id{static_cast<std::uint32_t>(pool.servers.size())};
      pool.servers.push_back(
          {.name = server.to_string(), .host = server.address.to_string(), .port = server.port, .weight = 1, .id = id});
      weights.push_back(1);
      addresses.set(id, {server});
      live.reserve(id);
    }
    pool.name = "web";
    pool.selector = make_sequence(weights);
    route.name = "all";
    route.path = "/";
    route.action = PoolId{0};
  }
  ~Edge() { stop(); }
  Edge(const Edge&) = delete;
  Edge& operator=(const Edge&) = delete;

  void start() {
    open();
    worker->start();
  }
  // Listens, and nobody serves yet.
  void open() {
    auto sockets = shared::listen_tcp(*shared::Endpoint::parse("127.0.0.1:0"), 1);
    if (!sockets) throw std::runtime_error(sockets.error().message);
    endpoint = shared::local_endpoint(sockets->front().get());
    if (send_buffer > 0) {
      ::setsockopt(sockets->front().get(), SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
    }
    WorkerSettings worker_settings;
    worker_settings.name = "worker";
    worker_settings.clients.max_connections = max_connections;
    worker_settings.context.id_keys = {shared::SipKey{1}, shared::SipKey{2}};
    worker = std::make_unique<Worker>(worker_settings, live, lane, snapshot(),
                                      [this](std::shared_ptr<const Snapshot>) { ++retired; });
    worker->add_listener(std::move(sockets->front()), listener);
  }
  void stop() { worker.reset(); }

  [[nodiscard]] std::shared_ptr<const Snapshot> snapshot() {
    auto next = std::make_shared<Snapshot>();
    next->settings = std::make_shared<Settings>(settings);
    next->routes = std::make_shared<RouteTable>(std::vector<Route>{route}, 1);
    next->pools = std::make_shared<Pools>(std::vector<Pool>{pool});
    next->addresses = std::make_shared<Addresses>(addresses);
    next->tiers = std::make_shared<Tiers>();
    next->listeners = std::make_shared<const PoolListeners>(listeners);
    next->generation = ++generation;
    return next;
  }
  [[nodiscard]] Conn client() const { return Conn::to(endpoint); }
  // One that takes little before it reads. REQUIRES: send_buffer is small, too.
  [[nodiscard]] Conn narrow_client() const { return Conn::to(endpoint, 4096); }

  Settings settings;
  Pool pool;
  Route route;
  Addresses addresses;
  Live live;
  AccessLane* lane = nullptr;
  std::shared_ptr<const Listener> listener = std::make_shared<const Listener>();
  PoolListeners listeners;
  std::size_t max_connections = 1000;
  int send_buffer = 0;  // of accepted connections; 0: the kernel's
  std::uint64_t generation = 0;
  std::atomic<int> retired{0};
  shared::Endpoint endpoint;
  std::unique_ptr<Worker> worker;
};

// Waits for a condition, not for a time.
inline bool eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 1000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace edge::test

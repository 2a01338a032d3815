// The floor for an HTTP/1.1 proxy: what any proxy pays for four system calls per request. Relays between keep-alive
// clients and keep-alive backends over epoll, finds where messages end, and does nothing else: no parsing, no routing,
// no checks, bodies by Content-Length only, no pipelining.
// With --raw it does not even look for ends: the floor for a TCP proxy. With --tls its clients speak TLS 1.3 to it, by
// OpenSSL over the sockets themselves, with tickets: what the library and the kernel cost.
//   http_floor [--raw | --tls CHAIN KEY] LISTEN:PORT BACKEND:PORT...
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include <openssl/ssl.h>

#include "shared/core/ip.h"

namespace {

constexpr std::size_t kBuffer = 64 * 1024;

// One client connection and the backend connection that serves it alone.
struct Pair {
  int client = -1;
  int upstream = -1;
  SSL* tls = nullptr;    // of the client; null: plain
  std::size_t left = 0;  // bytes of the response body that are still to come
  ~Pair() {
    SSL_free(tls);
    close(client);
    close(upstream);
  }
};

sockaddr_in to_sockaddr(const shared::Endpoint& endpoint) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(endpoint.port);
  std::memcpy(&address.sin_addr, endpoint.address.bytes.data(), 4);
  return address;
}

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

void set_no_delay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int listening_socket(const shared::Endpoint& endpoint) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const auto address = to_sockaddr(endpoint);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(fd, 1024) != 0)
    die("listen");
  return fd;
}

// Bytes of body that follow the head, by its Content-Length.
std::size_t content_length(std::string_view head) {
  constexpr std::string_view name = "\r\ncontent-length:";
  const auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
  const auto found = std::search(head.begin(), head.end(), name.begin(), name.end(), same);
  return found == head.end() ? 0 : std::strtoull(&*found + name.size(), nullptr, 10);
}

SSL_CTX* tls_context(const char* chain, const char* key) {
  SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  if (SSL_CTX_use_certificate_chain_file(context, chain) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
    die("certificate");
  }
  return context;
}

class Relay {
 public:
  Relay(const shared::Endpoint& listen, std::vector<shared::Endpoint> backends, bool raw, SSL_CTX* tls)
      : listener_(listening_socket(listen)),
        backends_(std::move(backends)),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        raw_(raw),
        tls_(tls) {
    watch(listener_);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> events{};
    for (;;) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) on_readable(events[static_cast<std::size_t>(i)].data.fd);
    }
  }

 private:
  void watch(int fd) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void on_readable(int fd) {
    if (fd == listener_) return accept_one();
    const auto pair = static_cast<std::size_t>(fd) < by_fd_.size() ? by_fd_[static_cast<std::size_t>(fd)] : nullptr;
    if (!pair) return;
    if (pair->tls != nullptr && fd == pair->client) {
      if (!on_sealed(*pair)) forget(*pair);
      return;
    }
    const auto got = recv(fd, buffer_.data(), buffer_.size(), 0);
    if (got <= 0 || !forward(*pair, fd, {buffer_.data(), static_cast<std::size_t>(got)})) forget(*pair);
  }

  // What has come of a client's records. False: it has gone.
  bool on_sealed(Pair& pair) {
    for (;;) {
      const int got = SSL_read(pair.tls, buffer_.data(), kBuffer);
      if (got <= 0) return SSL_get_error(pair.tls, got) == SSL_ERROR_WANT_READ;
      if (!forward(pair, pair.client, {buffer_.data(), static_cast<std::size_t>(got)})) return false;
      if (SSL_has_pending(pair.tls) == 0) return true;
    }
  }

  bool give(const Pair& pair, int to, std::string_view bytes) const {
    const auto size = static_cast<int>(bytes.size());
    if (pair.tls != nullptr && to == pair.client) return SSL_write(pair.tls, bytes.data(), size) == size;
    return send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL) == size;
  }

  void accept_one() {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | (tls_ != nullptr ? SOCK_NONBLOCK : 0));
    if (client < 0) return;
    const int upstream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = to_sockaddr(backends_[next_++ % backends_.size()]);
    if (connect(upstream, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) die("connect");
    auto pair = std::make_shared<Pair>();
    pair->client = client;
    pair->upstream = upstream;
    if (tls_ != nullptr) {
      pair->tls = SSL_new(tls_);
      SSL_set_fd(pair->tls, client);
      SSL_set_accept_state(pair->tls);
    }
    for (const int fd : {client, upstream}) {
      set_no_delay(fd);
      if (by_fd_.size() <= static_cast<std::size_t>(fd)) by_fd_.resize(static_cast<std::size_t>(fd) + 1);
      by_fd_[static_cast<std::size_t>(fd)] = pair;
      watch(fd);
    }
  }

  // Messages arrive whole or in order; what is left of a body is counted down, so that the end is known.
  bool forward(Pair& pair, int from, std::string_view bytes) {
    const int to = from == pair.client ? pair.upstream : pair.client;
    if (raw_) return give(pair, to, bytes);
    if (from == pair.client || pair.left == 0) {
      const auto end = bytes.find("\r\n\r\n");
      if (end == std::string_view::npos) return false;
      if (from == pair.upstream) pair.left = content_length(bytes.substr(0, end + 2)) + end + 4;
    }
    if (from == pair.upstream) pair.left -= std::min(pair.left, bytes.size());
    return give(pair, to, bytes);
  }

  void forget(Pair& pair) {
    const auto upstream = static_cast<std::size_t>(pair.upstream);
    by_fd_[static_cast<std::size_t>(pair.client)].reset();
    by_fd_[upstream].reset();
  }

  int listener_;
  std::vector<shared::Endpoint> backends_;
  int epoll_;
  bool raw_;
  SSL_CTX* tls_;  // null: plain
  std::size_t next_ = 0;
  std::vector<std::shared_ptr<Pair>> by_fd_;
  std::array<char, kBuffer> buffer_;
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<shared::Endpoint> endpoints;
  const std::string_view option = argc > 1 ? argv[1] : "";
  const bool raw = option == "--raw";
  const bool tls = option == "--tls" && argc > 3;
  for (int i = raw ? 2 : tls ? 4 : 1; i < argc; ++i) {
    const auto endpoint = shared::Endpoint::parse(argv[i]);
    if (!endpoint || endpoint->address.family != shared::Family::ipv4) {
      std::fprintf(stderr, "http_floor: not an IPv4 ADDRESS:PORT: %s\n", argv[i]);
      return 2;
    }
    endpoints.push_back(*endpoint);
  }
  if (endpoints.size() < 2) {
    std::fprintf(stderr, "usage: http_floor [--raw | --tls CHAIN KEY] LISTEN:PORT BACKEND:PORT...\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  const auto relay = std::make_unique<Relay>(endpoints.front(), std::vector(endpoints.begin() + 1, endpoints.end()),
                                             raw, tls ? tls_context(argv[2], argv[3]) : nullptr);
  relay->run();
}

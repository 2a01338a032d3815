// Handshakes of TLS 1.3: each client in turn connects, shakes hands, asks once, reads the answer and closes; resumed
// ones show the ticket of the one before. A few clients at a time, a thread each; what the server spends is measured
// from outside.
//   tls_load full|resume ADDRESS:PORT SECONDS [CLIENTS]
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <openssl/ssl.h>

#include "bench/load_report.h"
#include "shared/core/ip.h"

namespace {

constexpr std::string_view kRequest = "GET /item?bytes=128 HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";

struct Load {
  shared::Endpoint server;
  bool resume = false;
  bench::Clock::time_point end;
  std::mutex lock;
  bench::LoadReport report;
};

int connected(const shared::Endpoint& server) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server.port);
  std::memcpy(&address.sin_addr, server.address.bytes.data(), 4);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const timeval patience{.tv_sec = 5, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

// One client at a time; its tickets are single-use, as RFC 8446 C.4 wants.
class Client {
 public:
  explicit Client(Load& load) : load_(load), context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_min_proto_version(context_, TLS1_3_VERSION);
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_set_app_data(context_, this);
    SSL_CTX_sess_set_new_cb(context_, [](SSL* tls, SSL_SESSION* session) {
      Client& client = *static_cast<Client*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(tls)));
      SSL_SESSION_free(std::exchange(client.ticket_, session));
      return 1;
    });
  }
  ~Client() {
    SSL_SESSION_free(ticket_);
    SSL_CTX_free(context_);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void run() {
    if (load_.resume) static_cast<void>(ask(false));  // for its ticket
    while (bench::Clock::now() < load_.end) {
      const auto began = bench::Clock::now();
      const bool good = ask(load_.resume);
      const std::scoped_lock held(load_.lock);
      if (good) {
        load_.report.answered(began);
      } else {
        load_.report.failed();
        if (load_.report.failures() > 100) return;
      }
    }
  }

 private:
  bool ask(bool resumed) {
    const int fd = connected(load_.server);
    if (fd < 0) return false;
    SSL* const tls = SSL_new(context_);
    SSL_set_fd(tls, fd);
    SSL_ctrl(tls, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name_);
    if (resumed && ticket_ != nullptr) SSL_set_session(tls, ticket_);
    bool good = SSL_connect(tls) == 1 && (SSL_session_reused(tls) == 1) == resumed;
    good = good && SSL_write(tls, kRequest.data(), static_cast<int>(kRequest.size())) > 0 && read_answer(tls);
    if (good) SSL_shutdown(tls);  // else the session may not be resumed
    SSL_free(tls);
    close(fd);
    return good;
  }

  static bool read_answer(SSL* tls) {
    std::array<char, 16384> octets;
    const int got = SSL_read(tls, octets.data(), octets.size());
    return got > 12 && std::string_view(octets.data(), 12) == "HTTP/1.1 200";
  }

  Load& load_;
  SSL_CTX* context_;
  SSL_SESSION* ticket_ = nullptr;
  char name_[6] = "bench";  // the library takes no const
};

}  // namespace

int main(int argc, char** argv) {
  const std::string_view kind = argc > 3 ? argv[1] : "";
  const auto server = argc > 3 ? shared::Endpoint::parse(argv[2]) : shared::Endpoint::parse("");
  if (!server || server->address.family != shared::Family::ipv4 || (kind != "full" && kind != "resume")) {
    std::fprintf(stderr, "usage: tls_load full|resume ADDRESS:PORT SECONDS [CLIENTS]\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  Load load;
  load.server = *server;
  load.resume = kind == "resume";
  const auto began = bench::Clock::now();
  load.end =
      began + std::chrono::duration_cast<bench::Clock::duration>(std::chrono::duration<double>(std::atof(argv[3])));
  std::vector<std::thread> threads;
  for (int i = 0; i < (argc > 4 ? std::atoi(argv[4]) : 4); ++i) {
    threads.emplace_back([&load] { Client(load).run(); });
  }
  for (std::thread& thread : threads) thread.join();
  load.report.print(std::chrono::duration<double>(bench::Clock::now() - began).count());
  return 0;
}

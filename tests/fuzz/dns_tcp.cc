// Any bytes over TCP, in pieces: through a real connection to a TcpServer on a loop of this thread. The first octet
// says how large the pieces are. Whole messages are answered in order, one sound frame each, until something that
// cannot be a message ends the connection; at the end no session is left.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <source_location>
#include <span>
#include <utility>
#include <vector>

#include "dns/core/steer/policy_tables.h"
#include "dns/core/wire/wire.h"
#include "dns/serve/tcp/tcp_server.h"
#include "dns/serve/worker/listeners.h"
#include "shared/serve/os/socket.h"
#include "tests/support/dns_message.h"
#include "tests/support/dns_world.h"

namespace {

void require(bool condition, std::source_location at = std::source_location::current()) {
  if (condition) return;
  std::fprintf(stderr, "%s:%u: requirement broken\n", at.file_name(), at.line());
  std::abort();
}

dns::Publication publication() {
  auto snapshot = std::make_shared<dns::Snapshot>(test::example_world());
  snapshot->cookies.count = 1;
  const auto& spec = snapshot->policies->spec();
  return {snapshot, std::make_shared<dns::SteeringCounts>(spec.names.size(), spec.regions.size())};
}

class Harness {
 public:
  Harness() : responder_(publication(), 1, nullptr), server_(loop_, responder_) {
    shared::InheritedSockets none;
    auto listeners = dns::listen_on(*shared::Endpoint::parse("127.0.0.1:0"), 1, none);
    require(listeners.has_value());
    where_ = shared::to_socket_address(listeners->endpoint);
    server_.add_listener(std::move(listeners->tcp.front()));
  }

  // All that came back for the bytes.
  std::vector<std::uint8_t> exchange(std::span<const std::uint8_t> bytes, std::size_t piece) {
    const shared::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const linger reset{1, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    const int on = 1;  // a piece does not wait for the acknowledgement of the one before, 40 ms
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)::connect(fd.get(), reinterpret_cast<const sockaddr*>(where_.bytes), where_.length);
    std::vector<std::uint8_t> back;
    for (bool open = true; open && !bytes.empty();) {
      loop_.poll();
      const ssize_t sent = ::send(fd.get(), bytes.data(), std::min(piece, bytes.size()), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent > 0) bytes = bytes.subspan(static_cast<std::size_t>(sent));
      open = receive(fd.get(), back);
    }
    ::shutdown(fd.get(), SHUT_WR);
    while (receive(fd.get(), back)) loop_.poll();
    while (responder_.counters().tcp_open.read() > 0) loop_.poll();
    return back;
  }

 private:
  // False: the server has closed.
  static bool receive(int fd, std::vector<std::uint8_t>& back) {
    std::uint8_t buffer[16384];
    const ssize_t got = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got > 0) back.insert(back.end(), buffer, buffer + got);
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == ENOTCONN));
  }

  shared::WorkerLoop loop_;
  dns::Responder responder_;
  dns::TcpServer server_;
  shared::SocketAddress where_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Harness harness;
  if (size == 0) return 0;
  const std::span<const std::uint8_t> bytes(data + 1, size - 1);
  const std::vector<std::uint8_t> answers = harness.exchange(bytes, 1 + std::size_t{data[0]} * 16);
  std::span<const std::uint8_t> rest(answers);
  std::span<const std::uint8_t> asked(bytes);
  while (rest.size() >= 2) {
    const std::size_t length = dns::load_u16(rest.data());
    if (rest.size() < 2 + length) break;  // a reset may cut the end off
    const test::ParsedReply reply = test::parse_reply(rest.subspan(2, length));
    require(reply.sound);
    rest = rest.subspan(2 + length);
    for (bool found = false; !found;) {  // messages that get no reply are passed over
      require(asked.size() >= 14);
      const std::size_t query = dns::load_u16(asked.data());
      require(query >= dns::kHeaderSize && asked.size() >= 2 + query);
      found = (asked[4] & 0x80) == 0;
      if (found) require(dns::load_u16(&asked[2]) == reply.id);
      asked = asked.subspan(2 + query);
    }
  }
  return 0;
}

// Whatever octets a client of HTTP/2 sends, through all of our code for it, over a socket, to
// pages of the edge's own. Every stream comes to an end when its client leaves, and nothing is left.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

#include "edge/core/pool/live.h"
#include "edge/serve/client/clients.h"
#include "edge/serve/client/h2_connection.h"
#include "edge/serve/io/frame_pool.h"
#include "edge/serve/request/context.h"

namespace {

using edge::ClientConnection;
using edge::Clients;
using edge::Newcomer;
using edge::WorkerContext;

void require(bool condition) {
  if (!condition) std::abort();
}

std::unique_ptr<ClientConnection> make(WorkerContext& context, Clients& clients, const Newcomer& newcomer) {
  edge::H2Connection::Begun begun{.fd = std::move(*newcomer.fd),
                                  .peer = newcomer.peer,
                                  .layer = nullptr,
                                  .introduction = nullptr,
                                  .early = {},
                                  .https_port = false};
  return std::make_unique<edge::H2Connection>(context, clients, std::move(begun));
}

std::shared_ptr<const edge::Snapshot> snapshot() {
  auto made = std::make_shared<edge::Snapshot>();
  auto settings = std::make_shared<edge::Settings>();
  settings->http2.max_streams = 8;
  made->settings = settings;
  edge::Route route;
  route.path = "/";
  edge::Respond page;
  page.body = std::string(100'000, 'x');
  route.action = std::move(page);
  made->routes = std::make_shared<edge::RouteTable>(std::vector<edge::Route>{route}, 1);
  made->pools = std::make_shared<edge::Pools>(std::vector<edge::Pool>{});
  made->addresses = std::make_shared<edge::Addresses>();
  made->tiers = std::make_shared<edge::Tiers>();
  return made;
}

struct World {
  shared::WorkerLoop loop;
  edge::Live live;
  WorkerContext context{{}, loop, live, nullptr, snapshot(), [](std::shared_ptr<const edge::Snapshot>) {}};
  Clients clients{context, {}, make};
};

void turn(World& world, int count) {
  for (int i = 0; i < count; ++i) world.loop.poll();
}

void read_all(int fd) {
  std::array<char, 65536> octets;
  while (::recv(fd, octets.data(), octets.size(), MSG_DONTWAIT) > 0) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  std::array<int, 2> pair{};
  require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()) == 0);
  const auto listener = std::make_shared<const edge::Listener>();
  world.clients.offer({.fd = std::make_shared<shared::UniqueFd>(pair[0]), .peer = {}, .listener = listener});
  constexpr std::string_view kBegin("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);
  static_cast<void>(::send(pair[1], kBegin.data(), kBegin.size(), MSG_NOSIGNAL));
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  const std::size_t half = size / 2;  // in two pieces
  static_cast<void>(::send(pair[1], octets.data(), half, MSG_NOSIGNAL));
  turn(world, 3);
  static_cast<void>(::send(pair[1], octets.data() + half, size - half, MSG_NOSIGNAL));
  turn(world, 3);
  read_all(pair[1]);
  turn(world, 3);
  ::close(pair[1]);
  turn(world, 20);
  require(world.clients.size() == 0);
  require(world.context.counters.in_flight.read() == 0);
  require(world.context.counters.h2_streams_open.read() == 0);
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
  // All of it is the heap's: of a pool's memory nobody would notice that it is used after its end.
  require(edge::FramePool::of_this_thread().mapped() == 0);
#endif
#endif
  return 0;
}

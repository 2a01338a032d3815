// Whatever octets a server of HTTP/2 sends: frames through the library and all of our code behind it, over a socket, to
// a request, or (where they end with W) a WebSocket, whose answer is read to its end. The request comes to an end,
// whatever was said, and nothing is left.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <sys/socket.h>
#include <unistd.h>

#include "edge/serve/upstream/h2_upstreams.h"
#include "shared/serve/os/socket.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

struct World {
  World() {
    auto sockets = shared::listen_tcp(*shared::Endpoint::parse("127.0.0.1:0"), 1);
    require(sockets.has_value());
    listener = std::move(sockets->front());
    address = shared::local_endpoint(listener.get());
    pool.http2.stream_buffer = 16 * 1024;
  }

  shared::UniqueFd listener;
  shared::Endpoint address;
  shared::WorkerLoop loop;
  edge::Counters counters;
  edge::Upstreams upstreams{loop, counters};
  edge::BalanceState balance;
  edge::Pool pool;
  edge::Server server;
  edge::H2Upstreams connections{loop, upstreams, counters, balance};
};

// Takes what there is of an answer, as a relay does.
void read_answer(edge::H2UpstreamStream& stream) {
  http::ResponseHead head;
  while (stream.head_there()) {
    if (!stream.take_head(head)) return;
    require(head.status >= 100 && head.status <= 999);
    const http::Field* const accept = head.fields.find("Sec-WebSocket-Accept");
    require(head.status != 101 || (accept != nullptr && accept->value == kAccept));
    if (head.status == 101) static_cast<void>(stream.write("through the tunnel"));
  }
  edge::BodyPiece piece = stream.peek();
  while (piece.state == edge::BodyState::data) {
    require(!piece.data.empty());
    stream.consume(piece.data.size());
    piece = stream.peek();
  }
  require(piece.state != edge::BodyState::failed || !stream.error().detail.empty());
  require(stream.trailers().find('\0') == std::string_view::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  edge::Waiter waiter(world.loop);
  const http::HeadLimits limits;
  const edge::H2Upstreams::Wish wish{.pool = world.pool,
                                     .way = {.server = world.server.id, .addresses = {&world.address, 1}},
                                     .limits = limits,
                                     .patience = shared::seconds(5)};
  std::unique_ptr<edge::H2UpstreamStream> stream = world.connections.open(wish, waiter);
  const shared::UniqueFd peer(::accept4(world.listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  require(peer.valid());
  constexpr std::string_view kSettings("\0\0\6\4\0\0\0\0\0\0\x8\0\0\0\1", 15);
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  static_cast<void>(::send(peer.get(), kSettings.data(), kSettings.size(), MSG_NOSIGNAL));
  for (int i = 0; i < 4; ++i) world.loop.poll();
  if (stream->state() == edge::H2UpstreamStream::State::ready) {
    std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n";
    if (!octets.empty() && octets.back() == 'W') {
      require(stream->may_tunnel());
      stream->begin_tunnel(head, kAccept);
      stream->end({});
    } else {
      stream->begin(head, false);
      static_cast<void>(stream->write("some of the body"));
    }
  }
  static_cast<void>(::send(peer.get(), octets.data(), size / 2, MSG_NOSIGNAL));
  for (int i = 0; i < 3; ++i) world.loop.poll();
  read_answer(*stream);
  static_cast<void>(::send(peer.get(), octets.data() + size / 2, size - size / 2, MSG_NOSIGNAL));
  stream->end({});
  for (int i = 0; i < 3; ++i) world.loop.poll();
  ::shutdown(peer.get(), SHUT_WR);
  for (int i = 0; i < 6; ++i) world.loop.poll();
  read_answer(*stream);
  require(stream->closed() || stream->peek().state == edge::BodyState::end);
  stream.reset();
  for (int i = 0; i < 4; ++i) world.loop.poll();
  require(world.counters.h2_upstreams_open.read() == 0);
  return 0;
}

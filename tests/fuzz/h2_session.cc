// Whatever octets a client of HTTP/2 sends: the protocol's side alone, in pieces of any size. What it says of a
// stream is of one that is open or was refused, windows are kept, and nothing is held when all is over.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "edge/core/h2/session.h"

namespace {

using edge::h2::Event;
using edge::h2::Session;
using edge::h2::What;

struct Served : edge::h2::Stream {
  explicit Served(std::int32_t id) : Stream(id) {}
  std::size_t waiting = 5'000;
};

void require(bool condition) {
  if (!condition) std::abort();
}

struct World {
  std::map<std::int32_t, std::unique_ptr<Served>> streams;
  Session session{*std::pmr::new_delete_resource(), 100'000};

  bool take(const Event& event) {
    auto* const stream = static_cast<Served*>(event.stream);
    switch (event.what) {
      case What::more:
      case What::error:
        return false;
      case What::request:
        require(event.id % 2 == 1 && !streams.contains(event.id));
        if (streams.size() < 20) session.accept(*(streams[event.id] = std::make_unique<Served>(event.id)));
        return true;
      case What::stream_error:
        require(stream != nullptr);
        session.close(*stream);
        return true;
      case What::data:
        if (stream == nullptr) {
          session.consumed(event.octets.size());
        } else {
          static_cast<void>(session.consumed(*stream, event.octets.size()));
        }
        static_cast<void>(session.take_increment());
        return true;
      case What::head_end:
        if (stream != nullptr && stream->open()) session.wants_to_send(*stream);
        return true;
      default:
        require(stream == nullptr || streams.at(stream->id()).get() == stream);
        return true;
    }
  }

  void send() {
    for (int i = 0; i < 8; ++i) {
      auto* const next = static_cast<Served*>(session.next_to_send());
      if (next == nullptr) return;
      require(next->open() && !next->local_ended());
      const std::size_t n = std::min({session.room(*next), next->waiting, std::size_t{1000}});
      if (n == 0 && next->waiting > 0) {
        if (!session.starve(*next)) return;
        continue;
      }
      next->waiting -= n;
      session.sent_data(*next, n, next->waiting == 0);
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = 1 + data[0] * 3;
  std::string all(edge::h2::kPreface);
  all.append("\0\0\0\4\0\0\0\0\0", 9).append(reinterpret_cast<const char*>(data + 1), size - 1);
  World world;
  bool going = true;
  for (std::size_t at = 0; going && at < all.size(); at += piece) {
    const std::string part = all.substr(at, piece);
    std::string_view octets = part;
    while (true) {
      const Event event = world.session.next(octets);
      going = world.take(event) || event.what == What::more;
      if (event.what == What::more || !going) break;
    }
    world.send();
  }
  for (auto& [id, stream] : world.streams) world.session.close(*stream);
  if (going && !world.session.in_block()) require(world.session.memory() < 16'384 + 9 + 10'000);
  return 0;
}

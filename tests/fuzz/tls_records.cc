// Records into a server's session, in pieces: whatever comes, it fails or goes on, and what it says of itself is sound.
// The first octet is the size of the pieces; 0: as a whole.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "shared/serve/tls/tls_server.h"
#include "tests/support/made_certificate.h"

namespace {

class Memory final : public shared::TlsWire {
 public:
  Memory(std::string_view in, std::size_t piece) : in_(in), piece_(piece) {}

  Result take(std::span<char> into) override {
    if (std::exchange(rests_, !rests_)) return {.status = Status::again, .bytes = 0};
    if (in_.empty()) return {.status = Status::closed, .bytes = 0};
    const std::size_t n = std::min({into.size(), in_.size(), piece_});
    std::ranges::copy(in_.substr(0, n), into.begin());
    in_.remove_prefix(n);
    return {.status = Status::ok, .bytes = n};
  }
  Result give(std::span<const char> bytes, Then /*then*/) override {
    return {.status = Status::ok, .bytes = bytes.size()};
  }

 private:
  std::string_view in_;
  std::size_t piece_;
  bool rests_ = false;
};

shared::TicketKeys& tickets() {
  static shared::TicketKeys keys;
  return keys;
}

const shared::TlsServer& server() {
  static const auto made = shared::TlsServer::make(
      {.hosts = {{.certified = test::made_certificate({"first.example"}), .names = {"first.example"}, .file = {}},
                 {.certified = test::made_certificate({"*.tls.example"}), .names = {"*.tls.example"}, .file = {}}},
       .alpn = {"http/1.1"}},
      tickets());
  return **made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Status = shared::TlsSession::Status;
  if (size == 0) return 0;
  Memory wire({reinterpret_cast<const char*>(data) + 1, size - 1}, data[0] == 0 ? SIZE_MAX : data[0]);
  const auto session = server().accept();
  Status status = Status::again;
  while (status == Status::again) status = session->handshake(wire);
  if (status == Status::closed) std::abort();
  if (status == Status::failed && session->failure() == shared::TlsFailure::none) std::abort();
  const auto& facts = session->facts();
  if (facts.server_name.size() > 255 || facts.host > 1) std::abort();
  if (server().host_of(facts.server_name) != facts.host) std::abort();
  char octets[512];
  while (status == Status::ok || status == Status::again) status = session->receive(wire, octets).status;
  return 0;
}

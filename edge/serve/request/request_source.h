#pragma once
// RequestSource: where a request comes from: what its head says, and its body, pulled in pieces. Calls never wait. One
// of the project's virtual seams: HTTP/1 is one, a stream of HTTP/2 another, a test writes one in a few lines. Owned by
// the client's connection; its worker's thread.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "edge/core/message/introduction.h"
#include "edge/serve/io/body_reader.h"
#include "shared/core/hash.h"
#include "shared/core/ip.h"
#include "shared/core/time.h"
#include "shared/http/framing.h"
#include "shared/http/head.h"
#include "shared/serve/tls/tls_session.h"

namespace edge {

class CacheFetch;
class MirroredRequest;

struct RequestFacts {
  const http::RequestHead* head = nullptr;  // never null in a request that is served
  http::RequestFraming framing;
  shared::IpAddress peer;
  std::string_view scheme = "http";
  const Introduction* introduction = nullptr;  // of the connection, by a proxy in front; null: none
  bool first = true;                           // on its connection
  std::string_view protocol = "HTTP/1.1";      // for the log
  const shared::TlsFacts* tls = nullptr;       // of the connection; null: the client does not speak TLS to us
  std::uint16_t https_port = 0;                // it came where only the way to https, there, is told; 0: it did not
  // Its upgrade was none where it came from: what the server's 101 has to say (Sec-WebSocket-Accept); a 2xx would be
  // one to the client. Empty: the client sees for itself.
  std::string_view accept{};
  std::string_view traceparent{};       // of one without a client: of what has caused it
  std::uint64_t drawn = 0;              // of one without a client: what was drawn for whom it is
  CacheFetch* fetch = nullptr;          // it is the cache that asks, and what comes is for it; null: a client
  MirroredRequest* mirrored = nullptr;  // it is a copy, whose answer is for nobody; null: it is none
  // When the head's first octet and its last one were seen.
  shared::TimePoint began{};
  shared::TimePoint head_read{};

  [[nodiscard]] bool has_client() const { return fetch == nullptr && mirrored == nullptr; }
};

// By chance, and the same whenever it is asked: stands for a visitor whom no cookie names yet. Who could foresee it
// would gain nothing: the cookie is the client's to choose.
[[nodiscard]] inline std::uint64_t drawn_for(const RequestFacts& facts) {
  if (!facts.has_client()) return facts.drawn;
  const auto when = static_cast<std::uint64_t>(facts.head_read.time_since_epoch().count());
  return shared::hash_bytes(shared::mix(when), facts.peer.bytes);
}

class RequestSource {
 public:
  virtual ~RequestSource() = default;

  // They, and all views in them, stay until the request is over.
  [[nodiscard]] virtual const RequestFacts& facts() const = 0;
  // The body, as BodyReader has it; after a 101 it is all that the client sends, to its end.
  [[nodiscard]] virtual BodyPiece peek() = 0;
  virtual void consume(std::size_t n) = 0;
  [[nodiscard]] virtual std::string_view trailers() const = 0;
  [[nodiscard]] virtual BodyFailure failure() const = 0;
  // A client that waits for a word before it sends the body gets it, once.
  virtual void invite() = 0;
  // Whom its connection is of, as a server is told; views are good for as long as the connection. Costs system calls.
  [[nodiscard]] virtual shared::ProxyHeader introduction() const { return {}; }
  // Its connection is to come to its end soon: what could go on for ever should do so.
  [[nodiscard]] virtual bool leaving() const { return false; }
  // The client has gone: there is nobody to answer.
  [[nodiscard]] virtual bool abandoned() const = 0;
};

}  // namespace edge

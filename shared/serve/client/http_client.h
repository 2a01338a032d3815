#pragma once
// HttpClient: asks one HTTP/1 server, for the control loop: connect, TLS, send, a bounded answer within a deadline. One
// call at a time, in the order of asking, on a connection that is kept and watched between calls. A call that was sent
// on a kept connection which then ended without an answer is sent once more on a new one, if that can do no harm.
// Owned by who asks; control loop.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "shared/core/ip.h"
#include "shared/core/result.h"
#include "shared/core/time.h"
#include "shared/http/response_reader.h"
#include "shared/http/small_request.h"
#include "shared/load/client_tls.h"
#include "shared/serve/client/transport.h"

namespace shared {

struct HttpServer {
  Endpoint endpoint;
  std::optional<ClientTls> tls;  // none: plain
};

struct HttpCall {
  http::SmallRequest request;
  Duration timeout = seconds(5);  // from call() to the whole answer
  http::ResponseLimits limits;
};

struct HttpAnswer {
  std::uint16_t status = 0;
  std::string body;           // its beginning; see ResponseLimits
  bool body_complete = true;  // nothing of it was dropped
  std::string retry_after{};  // the field of that name, with a status that has one; empty: none
};

class HttpClient {
 public:
  static constexpr std::size_t kMostWaiting = 64;  // calls; a server that does not answer must not fill the memory

  // "connection refused", "no answer in 5000 ms", "bad answer: ...": any status is an answer.
  using Done = std::function<void(Result<HttpAnswer>)>;

  HttpClient(Loop& loop, ClientTlsContexts& tls, HttpServer server);
  ~HttpClient();  // no Done is called after it
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // `done` is called once, never from within; it may call again.
  void call(HttpCall call, Done done);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace shared

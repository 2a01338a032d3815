#pragma once
// What a request does about early hints (103, RFC 8297): tells those of its route and those that were learned, and
// learns of what a server answers. Its worker's thread.

#include <string>

#include "edge/serve/io/buffers.h"

namespace edge {

struct Request;

class HintLearner final : public AnswerWatcher {
 public:
  explicit HintLearner(Request& request) : r_(request) {}
  // A server's final head.
  void hear(const http::ResponseHead& head) override;

 private:
  Request& r_;
};

// Browsers take hints on HTTP/2 and later; what other clients make of a 103 nobody knows.
[[nodiscard]] bool takes_hints(const Request& request);
// Those that the route names, ahead of whatever answers.
void tell_hints(Request& request);
// Those that were learned, while a server is waited for.
void tell_learned_hints(Request& request);

}  // namespace edge

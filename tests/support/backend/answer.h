#pragma once
// What the test backend answers: pure functions from a request and an identity to an Answer, which the connection then
// writes piece by piece. Query keys: bytes=N (size of the body), chunked=1, trailers=1, status=N, echo=1 (the request's
// body comes back), headers=all, early=1 (a 103 first), close=1, length=none (the body ends with the connection).

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tests/support/backend/identity.h"
#include "tests/support/backend/request.h"

namespace backend {

struct Answer {
  std::string head;          // status line, fields, empty line, and a body that is ready
  std::uint64_t filler = 0;  // then so many bytes of a pattern ...
  bool chunked = false;      // ... in chunks
  bool trailers = false;
  bool close = false;  // the connection ends after it
};

struct Upload {
  std::string payload;  // empty unless it is echoed
  std::uint64_t bytes = 0;
  std::string digest;  // SHA-256 in hex
};

[[nodiscard]] Answer answer_request(const Request& request, const Identity& self, const Upload& upload);
[[nodiscard]] Answer answer_health(const Request& request, const Identity& self);
[[nodiscard]] bool breaks_answers(Mode mode);
[[nodiscard]] Answer broken_answer(Mode mode);  // REQUIRES: breaks_answers(mode)
[[nodiscard]] Answer answer_stats(const Request& request, std::span<const Identity> all);
[[nodiscard]] Answer answer_json(const Request& request, int status, std::string_view body);

// The pattern of which a body of ?bytes=N is made: lines of the alphabet and digits, from `offset` on.
[[nodiscard]] std::string_view filler_at(std::uint64_t offset, std::uint64_t length);

}  // namespace backend

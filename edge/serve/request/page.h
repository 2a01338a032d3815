#pragma once
// Page: the body of a response of the edge's own, as a source for pump(). The octets are somebody else's and stay until
// it has gone out. In serve_one's frame; its worker's thread.

#include <cstddef>
#include <string_view>

#include "edge/serve/io/body_reader.h"

namespace edge {

class Page {
 public:
  explicit Page(std::string_view rest) : rest_(rest) {}

  [[nodiscard]] BodyPiece peek() const {
    return {.state = rest_.empty() ? BodyState::end : BodyState::data, .data = rest_};
  }
  void consume(std::size_t n) { rest_.remove_prefix(n); }
  [[nodiscard]] std::string_view trailers() const { return {}; }

 private:
  std::string_view rest_;
};

}  // namespace edge

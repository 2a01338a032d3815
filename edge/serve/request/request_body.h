#pragma once
// RequestBody: a request's body as an attempt reads it. While it is small enough it keeps what it has taken from the
// client, so that another attempt can read it from the start; beyond that it passes everything through and can be read
// once. A source for pump(). Owned by one request; one thread.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "edge/serve/request/request_source.h"

namespace edge {

class RequestBody {
 public:
  // `memory` holds what is kept and outlives this; `limit` in octets, 0: nothing is kept.
  RequestBody(RequestSource& source, std::string& memory, std::size_t limit)
      : source_(source), kept_(memory), limit_(limit) {
    kept_.clear();
  }

  [[nodiscard]] BodyPiece peek() {
    if (at_ < kept_.size()) return {.state = BodyState::data, .data = std::string_view(kept_).substr(at_)};
    BodyPiece piece = source_.peek();
    if (octets_ + piece.data.size() > most_) piece = {.state = BodyState::failed, .data = {}};
    fresh_ = piece.data;
    return piece;
  }

  void consume(std::size_t n) {
    if (at_ < kept_.size()) {
      at_ += n;
      return;
    }
    if (n == 0) return;
    if (whole_ && kept_.size() + n <= limit_) {
      kept_.append(fresh_.substr(0, n));
      at_ = kept_.size();
    } else {
      whole_ = false;
      kept_.clear();
      at_ = 0;
    }
    octets_ += n;
    source_.consume(n);
  }

  // So many were taken by who has the client's socket.
  void bypassed(std::uint64_t n) { octets_ += n; }

  // A body of more octets fails, as its source does that has a bound of its own.
  void set_most(std::uint64_t octets) { most_ = octets; }
  [[nodiscard]] BodyFailure failure() const {
    const BodyFailure own = source_.failure();
    return own != BodyFailure::none || most_ == UINT64_MAX ? own : BodyFailure::too_large;
  }

  [[nodiscard]] std::string_view trailers() const { return source_.trailers(); }
  // Taken from the client.
  [[nodiscard]] std::uint64_t octets() const { return octets_; }
  // All that was taken from the client is at hand.
  [[nodiscard]] bool replayable() const { return whole_; }
  // There will be no other attempt: what comes is passed through.
  void stop_keeping() {
    limit_ = 0;
    if (at_ < kept_.size()) return;  // this attempt reads on in it
    whole_ = false;
    kept_.clear();
    at_ = 0;
  }
  // REQUIRES: replayable().
  void rewind() { at_ = 0; }

 private:
  RequestSource& source_;
  std::string& kept_;
  std::size_t limit_;
  std::size_t at_ = 0;
  std::uint64_t octets_ = 0;
  std::uint64_t most_ = UINT64_MAX;
  std::string_view fresh_;  // of the last peek at the client
  bool whole_ = true;
};

}  // namespace edge

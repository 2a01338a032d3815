#pragma once
// EntrySource: the body of a stored response, or of one that is just coming, as a source for pump(): octets go out from
// where they lie: in memory, or, of a large one that is being written to a disk, in its file, for who reads more slowly
// than it comes. In the frame of the request that it answers; its worker's thread.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>

#include "edge/serve/cache/body.h"
#include "edge/serve/cache/fill.h"
#include "edge/serve/files/file_body.h"
#include "edge/serve/io/body_reader.h"

namespace edge {

class EntrySource {
 public:
  static constexpr std::uint64_t kAll = std::numeric_limits<std::uint64_t>::max();

  // Who reads files, and who is woken then.
  struct Disk {
    DiskThread& thread;
    Waiter& waiter;
  };
  // `size` octets behind the first `from`. `fill` is what brings it, if it comes; may be null.
  EntrySource(CacheBody::Cursor cursor, std::uint64_t from, std::uint64_t size, CacheFill* fill, Disk disk)
      : cursor_(std::move(cursor)), left_(size), fill_(fill), disk_(disk) {
    cursor_.skip(from);
  }

  [[nodiscard]] BodyPiece peek() {
    if (left_ == 0) return {.state = BodyState::end, .data = {}};
    const CacheBody::State state = cursor_.body().state();  // before the octets: what has come by then is seen
    const std::string_view there = cursor_.peek();
    if (!there.empty()) {
      return {.state = BodyState::data, .data = there.substr(0, std::min<std::uint64_t>(left_, there.size()))};
    }
    if (cursor_.behind()) return peek_file();
    if (fill_ != nullptr) fill_->taken();  // the chunk that was read last has gone only now
    if (state == CacheBody::State::growing) return {.state = BodyState::wait, .data = {}};
    const bool all = state == CacheBody::State::whole && cursor_.position() == cursor_.body().size();
    return {.state = all && left_ == kAll ? BodyState::end : BodyState::failed, .data = {}};
  }
  void consume(std::size_t n) {
    if (n == 0) return;
    if (file_ == nullptr) {
      cursor_.consume(n);
    } else {
      file_->consume(n);
      if (cursor_.advance(n)) file_.reset();
    }
    if (left_ != kAll) left_ -= n;
    if (fill_ != nullptr) fill_->taken();
  }
  [[nodiscard]] std::string_view trailers() const { return {}; }
  [[nodiscard]] bool waits_for_disk() const { return file_ != nullptr && file_->waits_for_disk(); }

 private:
  [[nodiscard]] BodyPiece peek_file();

  CacheBody::Cursor cursor_;
  std::uint64_t left_;
  CacheFill* fill_;
  Disk disk_;
  std::unique_ptr<FileBody> file_;  // while the cursor is behind
};

}  // namespace edge

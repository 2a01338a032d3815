#pragma once
// Flow: one direction of a connection that is passed on: octets from one stream to another, unread and unchanged, and
// behind the last of them its end (FIN, or what a layer says for it). Reads into its worker's Scratch and sends at
// once; only what the sink does not take is kept, and until that is out nothing more is read, so a connection on which
// nothing moves holds no buffer and one that is blocked at most Scratch::kSize. Where both streams are raw and much
// comes, octets go through a pipe inside the kernel. Never waits. Owned by who owns the streams; its worker's thread.
//
//   from --receive--> Scratch --send--> to        (a full Scratch, both raw: from --splice--> pipe --splice--> to)
//                        \--what is left--> kept

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "edge/serve/io/frame_pool.h"
#include "edge/serve/io/splice.h"
#include "edge/serve/io/stream.h"

namespace edge {

// Where a worker's flows receive, one at a time.
class Scratch {
 public:
  static constexpr std::size_t kSize = 64 * 1024;

  [[nodiscard]] std::span<char> space() {
    if (octets_ == nullptr) octets_ = std::make_unique_for_overwrite<char[]>(kSize);
    return {octets_.get(), kSize};
  }

 private:
  std::unique_ptr<char[]> octets_;
};

class Flow {
 public:
  enum class Step : std::uint8_t {
    waiting,        // for the source
    blocked,        // by the sink
    turn_over,      // there is more, others want their turn
    done,           // the source has said all, the sink has been told
    source_failed,  // it was reset, or cut under its layer
    sink_failed,
  };

  // All of these outlive the flow.
  struct Ends {
    Stream& from;
    Stream& to;
    Scratch& scratch;
    PipePool& pipes;
  };
  explicit Flow(const Ends& ends) : ends_(ends) {}
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  // Octets that were taken from the source before; at most Scratch::kSize. REQUIRES: none has moved.
  void begin_with(std::string_view octets) { keep(octets); }
  [[nodiscard]] Step advance();
  [[nodiscard]] std::uint64_t moved() const { return moved_; }  // octets that the sink took
  [[nodiscard]] bool done() const { return done_; }
  // Something was taken from the source and not yet by the sink.
  [[nodiscard]] bool holds() const { return kept_.size() > 0 || splice_.has_value(); }

 private:
  enum class Moved : std::uint8_t { more, stop };

  void keep(std::string_view rest);
  [[nodiscard]] Moved send_kept(Step& step);
  [[nodiscard]] Moved copy(Step& step);
  [[nodiscard]] Moved splice(Step& step);
  [[nodiscard]] Step finish();
  void begin_splice();

  Ends ends_;
  Octets kept_;
  std::size_t kept_begin_ = 0;
  std::optional<Splice> splice_;
  std::uint64_t moved_ = 0;
  bool ended_ = false;  // the source
  bool done_ = false;
};

}  // namespace edge

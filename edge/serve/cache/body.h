#pragma once
// CacheBody: the octets of a response while they come and once they are there: a chain of chunks that grows at its end
// and never changes. One thread writes, any number read, each with a cursor of its own and no lock but for the step
// from one chunk to the next. A body that is kept has its first chunk; one that only passes through lets go of chunks
// as its readers move on. Of a large one that is on its way to a disk the front is in a file only, and who has not read
// that yet is `behind`: it reads the file, and then goes on in the chain. Shared; see the members for threads.
//
//   file    [0 ........ trimmed ...... written)
//   chain                [trimmed .................. size)

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>

#include "edge/serve/files/open_files.h"

namespace edge {

class CacheBody {
  struct Chunk {
    Chunk(std::size_t size_in, std::atomic<std::size_t>& live_in);
    ~Chunk();
    Chunk(const Chunk&) = delete;
    Chunk& operator=(const Chunk&) = delete;
    // With its octets behind it, in one block. Who holds it holds the body.
    [[nodiscard]] static std::shared_ptr<Chunk> make(std::size_t size, std::atomic<std::size_t>& live);
    [[nodiscard]] char* octets() { return reinterpret_cast<char*>(this + 1); }

    // It stands for chunks that are in a file only; what follows them is what follows it.
    [[nodiscard]] bool is_gap() const { return size == kGap; }
    [[nodiscard]] std::size_t memory() const { return is_gap() ? 0 : size; }

    const std::size_t size;
    std::atomic<std::size_t> filled{0};
    std::atomic<std::size_t>& live;
    std::shared_ptr<Chunk> next;  // under the body's mutex
  };
  static constexpr std::size_t kGap = std::numeric_limits<std::size_t>::max();

 public:
  enum class State : std::uint8_t { growing, whole, cut };

  static constexpr std::size_t kFirst = 4 * 1024;
  static constexpr std::size_t kLargest = 256 * 1024;     // of a body whose length nobody knows
  static constexpr std::size_t kKnownLargest = 1 << 20U;  // of others

  // `first`: octets of its first chunk, which then lies in the same block of memory; 0: what will come is not known.
  [[nodiscard]] static std::shared_ptr<CacheBody> make(std::size_t first = 0);
  class RoomBehind;
  CacheBody(const RoomBehind& room, std::size_t first);  // by make()
  ~CacheBody();
  CacheBody(const CacheBody&) = delete;
  CacheBody& operator=(const CacheBody&) = delete;

  // The writer's.
  // Octets that a new chunk would take for `wanted` more of a body that will have `known` in all (0: nobody knows); 0:
  // there is room.
  [[nodiscard]] std::size_t next_chunk(std::size_t wanted, std::uint64_t known) const;
  // REQUIRES: next_chunk() said that many.
  void add_chunk(std::size_t size);
  // As many as there is room for.
  std::size_t append(std::string_view octets);
  // Octets of the newest chunk, which its readers hold even when they have read all of it.
  [[nodiscard]] std::size_t newest() const { return last_->size; }
  void finish(State how) { state_.store(how, std::memory_order_release); }
  // It is not kept: what its readers have read goes, once nobody is behind.
  void pass_through();

  // The disk's. The body's octets are written to this file from `at` on.
  void spool_to(std::shared_ptr<const OpenFile> file, std::uint64_t at);
  // Octets of the chain from `at` on, as many as there are and fit. How many; 0: none have come.
  [[nodiscard]] std::size_t copy(std::uint64_t at, std::span<char> out) const;
  // So many are written: chunks without any other go. How many octets of memory have gone.
  std::size_t trim(std::uint64_t written);
  // The file is not read any more: for who is behind it is over.
  void forget_file();

  // Any thread.
  [[nodiscard]] State state() const { return state_.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint64_t size() const { return size_.load(std::memory_order_acquire); }
  // Octets of chunks that somebody still holds.
  [[nodiscard]] std::size_t live() const { return live_.load(std::memory_order_relaxed); }
  // Octets of its own memory while it is kept.
  [[nodiscard]] std::size_t memory() const { return live() + sizeof(*this); }
  // The same octets in one chunk without room behind them; null: it is not worth it. REQUIRES: whole.
  [[nodiscard]] std::shared_ptr<CacheBody> compact() const;

  // What somebody who is behind reads.
  struct InFile {
    std::shared_ptr<const OpenFile> file;
    std::uint64_t at = 0;   // where the body begins
    std::uint64_t end = 0;  // octets of the body: here the chain goes on
  };
  [[nodiscard]] InFile in_file() const;

  class Cursor {
   public:
    Cursor() = default;
    // Of a body that passes through: the first one that asks has it, for anybody else it is not `good`.
    explicit Cursor(std::shared_ptr<CacheBody> body);
    Cursor(Cursor&&) = default;
    Cursor& operator=(Cursor&&) = delete;  // its chunk would outlive its body

    [[nodiscard]] bool good() const { return good_; }
    // What has come and was not consumed; empty: wait, or see state().
    [[nodiscard]] std::string_view peek();
    void consume(std::size_t n) {
      at_ += n;
      read_ += n;
    }
    // Octets read.
    [[nodiscard]] std::uint64_t position() const { return read_; }
    // REQUIRES: that many have come.
    void skip(std::uint64_t n);
    // What comes next is in the file only.
    [[nodiscard]] bool behind() const { return chunk_ != nullptr && chunk_->is_gap(); }
    // REQUIRES: behind(). So many octets were read from the file; true: the chain goes on here.
    bool advance(std::uint64_t n);
    [[nodiscard]] const CacheBody& body() const { return *body_; }

   private:
    bool step();

    std::shared_ptr<CacheBody> body_;
    std::shared_ptr<Chunk> chunk_;
    std::size_t at_ = 0;  // in the chunk
    std::uint64_t read_ = 0;
    bool good_ = false;
  };

 private:
  // Of a body that is written to a file, under the mutex: what is there only.
  struct Front {
    std::weak_ptr<const OpenFile> file;  // null: it is not read any more
    std::uint64_t at = 0;                // where the body begins in it
    std::uint64_t end = 0;               // octets that have gone from the chain
    // Where those are who are behind, and what follows a chunk that has gone. It holds the file and, if the body is to
    // pass through after all, the chain, which so last as long as the last of them.
    std::shared_ptr<Chunk> gap;
  };
  // Under the mutex: what follows a gap.
  [[nodiscard]] std::shared_ptr<Chunk> after(const Chunk& gap) const {
    return front_->gap != nullptr ? first_ : gap.next;
  }

  std::atomic<std::size_t> live_{0};
  std::atomic<std::uint64_t> size_{0};
  std::atomic<State> state_{State::growing};
  mutable std::mutex mutex_;  // of the chain
  Chunk* const within_;       // lies behind this, and is held by who holds this; null: there is none
  // Perhaps an empty one, which a cursor of before the first octets has as well.
  std::shared_ptr<Chunk> first_;
  bool taken_ = false;
  bool passes_ = false;
  std::unique_ptr<Front> front_;  // null: no file
  std::shared_ptr<Chunk> last_;   // the writer's
};

}  // namespace edge

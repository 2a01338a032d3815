#pragma once
// CacheBody: the octets of a response while they come and once they are there: a chain of chunks that grows at its end
// and never changes. One thread writes, any number read, each with a cursor of its own and no lock but for the step
// from one chunk to the next. A body that is kept has its first chunk; one that only passes through lets go of chunks
// as its readers move on. Shared; see the members for threads.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

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

    const std::size_t size;
    std::atomic<std::size_t> filled{0};
    std::atomic<std::size_t>& live;
    std::shared_ptr<Chunk> next;  // under the body's mutex
  };

 public:
  enum class State : std::uint8_t { growing, whole, cut };

  static constexpr std::size_t kFirst = 4 * 1024;
  static constexpr std::size_t kLargest = 256 * 1024;     // of a body whose length nobody knows
  static constexpr std::size_t kKnownLargest = 1 << 20U;  // of others

  // `first`: octets of its first chunk; 0: what will come is not known.
  explicit CacheBody(std::size_t first = 0);
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
  // It is not kept: what its readers have read goes.
  void pass_through();

  // Any thread.
  [[nodiscard]] State state() const { return state_.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint64_t size() const { return size_.load(std::memory_order_acquire); }
  // Octets of chunks that somebody still holds.
  [[nodiscard]] std::size_t live() const { return live_.load(std::memory_order_relaxed); }
  // Octets of its own memory while it is kept.
  [[nodiscard]] std::size_t memory() const { return live() + sizeof(*this); }
  // The same octets in one chunk without room behind them; null: it is not worth it. REQUIRES: whole.
  [[nodiscard]] std::shared_ptr<CacheBody> compact() const;

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
  std::atomic<std::size_t> live_{0};
  std::atomic<std::uint64_t> size_{0};
  std::atomic<State> state_{State::growing};
  mutable std::mutex mutex_;  // of the chain
  // Perhaps an empty one, which a cursor of before the first octets has as well.
  std::shared_ptr<Chunk> first_;
  bool taken_ = false;
  bool passes_ = false;
  std::shared_ptr<Chunk> last_;  // the writer's
};

}  // namespace edge

#pragma once
// S3Fifo: which of the things in a bounded store has to go (Yang et al., "FIFO queues are all you need for cache
// eviction", SOSP 2023). What is new waits in a small queue; what is asked for again moves on to the main one, the rest
// leaves, and is remembered for a while: if it comes back it begins in the main queue. A scan passes through the small
// queue and harms nobody. A hit is one counter; nothing moves. Nodes are the caller's, linked through Hook. Not
// synchronised but for the counter.
//
//   new --> small (a tenth of the octets) --asked for again--> main --> asked for since: once more round
//              \--not--> ghost (hashes)                          \--not--> gone

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>

namespace edge {

struct S3FifoHook {
  enum class Queue : std::uint8_t { none, small, main };
  S3FifoHook* before = nullptr;
  S3FifoHook* after = nullptr;
  std::uint64_t hash = 0;
  std::size_t octets = 0;
  std::atomic<std::uint8_t> uses{0};  // since it came or was last looked at; any thread
  Queue queue = Queue::none;

  // Cheap if it is asked for all the time: nothing is written then.
  void use() {
    const std::uint8_t seen = uses.load(std::memory_order_relaxed);
    if (seen < kMostUses) uses.store(static_cast<std::uint8_t>(seen + 1), std::memory_order_relaxed);
  }
  static constexpr std::uint8_t kMostUses = 3;
};

class S3Fifo {
 public:
  S3Fifo() = default;
  S3Fifo(const S3Fifo&) = delete;
  S3Fifo& operator=(const S3Fifo&) = delete;

  // REQUIRES: in no queue.
  void insert(S3FifoHook& node, std::uint64_t hash, std::size_t octets) {
    node.hash = hash;
    node.octets = octets;
    node.uses.store(0, std::memory_order_relaxed);
    const auto ghost = ghosts_.find(hash);
    const bool back = ghost != ghosts_.end();
    if (back) ghosts_.erase(ghost);
    push(back ? main_ : small_, node, back ? S3FifoHook::Queue::main : S3FifoHook::Queue::small);
  }

  void remove(S3FifoHook& node) {
    if (node.queue == S3FifoHook::Queue::none) return;
    unlink(node.queue == S3FifoHook::Queue::small ? small_ : main_, node);
  }

  // `made` stands where `node` stood, with what is known of it. REQUIRES: `node` is in a queue, `made` in none.
  void replace(S3FifoHook& node, S3FifoHook& made) {
    Queue& queue = node.queue == S3FifoHook::Queue::small ? small_ : main_;
    made.before = node.before;
    made.after = node.after;
    made.hash = node.hash;
    made.octets = node.octets;
    made.uses.store(node.uses.load(std::memory_order_relaxed), std::memory_order_relaxed);
    made.queue = node.queue;
    (made.before != nullptr ? made.before->after : queue.head) = &made;
    (made.after != nullptr ? made.after->before : queue.tail) = &made;
    node.before = node.after = nullptr;
    node.queue = S3FifoHook::Queue::none;
  }

  // Takes out who goes next; null: there is nobody.
  [[nodiscard]] S3FifoHook* evict() {
    while (small_.head != nullptr || main_.head != nullptr) {
      const bool from_small =
          small_.head != nullptr && (small_.octets * kSmallPart > octets() || main_.head == nullptr);
      if (S3FifoHook* gone = from_small ? evict_small() : evict_main()) return gone;
    }
    return nullptr;
  }

  [[nodiscard]] std::size_t octets() const { return small_.octets + main_.octets; }
  [[nodiscard]] std::size_t size() const { return small_.count + main_.count; }
  [[nodiscard]] std::size_t ghosts() const { return ghosts_.size(); }
  // Octets that remembering costs.
  [[nodiscard]] std::size_t memory() const { return ghosts_.size() * kGhostOctets; }

 private:
  static constexpr std::size_t kSmallPart = 10;
  static constexpr std::size_t kGhostOctets = 56;

  struct Queue {
    S3FifoHook* head = nullptr;  // the oldest
    S3FifoHook* tail = nullptr;
    std::size_t octets = 0;
    std::size_t count = 0;
  };

  static void push(Queue& queue, S3FifoHook& node, S3FifoHook::Queue which) {
    node.queue = which;
    node.after = nullptr;
    node.before = queue.tail;
    if (queue.tail != nullptr) queue.tail->after = &node;
    queue.tail = &node;
    if (queue.head == nullptr) queue.head = &node;
    queue.octets += node.octets;
    ++queue.count;
  }

  static void unlink(Queue& queue, S3FifoHook& node) {
    (node.before != nullptr ? node.before->after : queue.head) = node.after;
    (node.after != nullptr ? node.after->before : queue.tail) = node.before;
    node.before = node.after = nullptr;
    node.queue = S3FifoHook::Queue::none;
    queue.octets -= node.octets;
    --queue.count;
  }

  S3FifoHook* evict_small() {
    S3FifoHook& node = *small_.head;
    unlink(small_, node);
    if (node.uses.load(std::memory_order_relaxed) > 0) {
      node.uses.store(0, std::memory_order_relaxed);
      push(main_, node, S3FifoHook::Queue::main);
      return nullptr;
    }
    remember(node.hash);
    return &node;
  }

  S3FifoHook* evict_main() {
    S3FifoHook& node = *main_.head;
    unlink(main_, node);
    const std::uint8_t uses = node.uses.load(std::memory_order_relaxed);
    if (uses == 0) return &node;
    node.uses.store(static_cast<std::uint8_t>(uses - 1), std::memory_order_relaxed);
    push(main_, node, S3FifoHook::Queue::main);
    return nullptr;
  }

  // As many as there are in the main queue, the newest.
  void remember(std::uint64_t hash) {
    const std::uint64_t turn = ++turn_;
    ghosts_[hash] = turn;
    order_.push_back({hash, turn});
    const std::size_t most = std::max<std::size_t>(main_.count, kLeastGhosts);
    while (!order_.empty() && (ghosts_.size() > most || order_.size() > 2 * most)) {
      const auto found = ghosts_.find(order_.front().hash);
      if (found != ghosts_.end() && found->second == order_.front().turn) ghosts_.erase(found);
      order_.pop_front();
    }
  }
  static constexpr std::size_t kLeastGhosts = 64;

  struct Ghost {
    std::uint64_t hash;
    std::uint64_t turn;
  };
  Queue small_;
  Queue main_;
  std::unordered_map<std::uint64_t, std::uint64_t> ghosts_;
  std::deque<Ghost> order_;
  std::uint64_t turn_ = 0;
};

}  // namespace edge

#include "edge/core/cache/s3_fifo.h"

#include <gtest/gtest.h>

#include <memory>
#include <unordered_map>

#include "shared/core/hash.h"

namespace edge::s3_fifo_test {
namespace {

struct Thing {
  S3FifoHook hook;
  std::uint64_t name = 0;
};

// A store of things of one size, by name.
class Store {
 public:
  explicit Store(std::size_t most) : most_(most) {}
  bool ask(std::uint64_t name) {
    if (const auto found = things_.find(name); found != things_.end()) {
      found->second->hook.use();
      return true;
    }
    auto thing = std::make_unique<Thing>();
    thing->name = name;
    queue_.insert(thing->hook, shared::mix(name), 1);
    things_.emplace(name, std::move(thing));
    while (queue_.octets() > most_) {
      S3FifoHook* gone = queue_.evict();
      for (const auto& [key, one] : things_) {
        if (&one->hook != gone) continue;
        things_.erase(key);
        break;
      }
    }
    return false;
  }
  S3Fifo& queue() { return queue_; }
  bool has(std::uint64_t name) const { return things_.contains(name); }

 private:
  std::size_t most_;
  S3Fifo queue_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Thing>> things_;
};

TEST(S3Fifo, KeepsWhatIsAskedForAgainThroughAScan) {
  Store store(100);
  for (std::uint64_t name = 0; name < 50; ++name) store.ask(name);
  for (int round = 0; round < 2; ++round) {
    for (std::uint64_t name = 0; name < 50; ++name) EXPECT_TRUE(store.ask(name));
  }
  for (std::uint64_t name = 1000; name < 3000; ++name) store.ask(name);
  int kept = 0;
  for (std::uint64_t name = 0; name < 50; ++name) kept += store.has(name) ? 1 : 0;
  EXPECT_EQ(kept, 50);
  EXPECT_EQ(store.queue().octets(), 100U);
}

TEST(S3Fifo, RemembersWhatHasLeftForAWhile) {
  Store store(20);
  store.ask(1);
  for (std::uint64_t name = 100; name < 130; ++name) store.ask(name);
  EXPECT_FALSE(store.has(1));
  EXPECT_GT(store.queue().ghosts(), 0U);
  EXPECT_GT(store.queue().memory(), 0U);
  store.ask(1);  // into the main queue at once
  for (std::uint64_t name = 200; name < 215; ++name) store.ask(name);
  EXPECT_TRUE(store.has(1));
  for (std::uint64_t name = 1000; name < 3000; ++name) store.ask(name);
  EXPECT_LE(store.queue().ghosts(), 64U);
}

TEST(S3Fifo, PutsOneInThePlaceOfAnother) {
  S3Fifo queue;
  Thing a;
  Thing b;
  Thing c;
  Thing made;
  queue.insert(a.hook, 1, 10);
  queue.insert(b.hook, 2, 5);
  queue.insert(c.hook, 3, 1);
  b.hook.use();
  for (Thing* old : {&b, &made}) {  // there and back
    Thing& next = old == &b ? made : b;
    queue.replace(old->hook, next.hook);
    EXPECT_EQ(old->hook.queue, S3FifoHook::Queue::none);
    EXPECT_EQ(next.hook.uses.load(), 1);
    EXPECT_EQ(queue.octets(), 16U);
    EXPECT_EQ(queue.size(), 3U);
  }
  queue.replace(a.hook, made.hook);
  EXPECT_EQ(queue.evict(), &made.hook) << "it is still the oldest";
  EXPECT_EQ(queue.evict(), &c.hook) << "the one that was used moves on";
  EXPECT_EQ(queue.evict(), &b.hook);
  EXPECT_EQ(queue.evict(), nullptr);
}

TEST(S3Fifo, LetsGoOfWhatIsRemoved) {
  S3Fifo queue;
  Thing a;
  Thing b;
  queue.insert(a.hook, 1, 10);
  queue.insert(b.hook, 2, 5);
  EXPECT_EQ(queue.octets(), 15U);
  EXPECT_EQ(queue.size(), 2U);
  queue.remove(a.hook);
  queue.remove(a.hook);
  EXPECT_EQ(queue.octets(), 5U);
  EXPECT_EQ(queue.evict(), &b.hook);
  EXPECT_EQ(queue.evict(), nullptr);
}

}  // namespace
}  // namespace edge::s3_fifo_test

// What the cache's order of eviction is worth: the share of hits beside LRU with the same octets, for 100,000 responses
// whose popularity follows Zipf's law; and the memory that a stored response takes.
//
//   bench_cache_zipf [REQUESTS]        2,000,000 if nobody says

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <list>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "edge/core/cache/s3_fifo.h"
#include "edge/serve/cache/store.h"
#include "shared/core/hash.h"

namespace {

constexpr std::size_t kEntries = 100'000;
constexpr std::uint64_t kScan = std::uint64_t{1} << 40U;  // names that are asked for once

// Octets of a response, the same whenever it is asked for: 1 to 64 KiB, small ones more often.
std::size_t size_of(std::uint64_t name) {
  const double part = static_cast<double>(shared::mix(name) >> 11) / static_cast<double>(1ULL << 53);
  return static_cast<std::size_t>(1024 * std::pow(64.0, part * part));
}

class Lru {
 public:
  explicit Lru(std::size_t capacity) : capacity_(capacity) {}

  bool ask(std::uint64_t name) {
    const auto known = where_.find(name);
    if (known != where_.end()) {
      order_.splice(order_.begin(), order_, known->second);
      return true;
    }
    order_.push_front(name);
    where_[name] = order_.begin();
    octets_ += size_of(name);
    while (octets_ > capacity_) {
      octets_ -= size_of(order_.back());
      where_.erase(order_.back());
      order_.pop_back();
    }
    return false;
  }

 private:
  std::size_t capacity_;
  std::size_t octets_ = 0;
  std::list<std::uint64_t> order_;
  std::unordered_map<std::uint64_t, std::list<std::uint64_t>::iterator> where_;
};

class Ours {
 public:
  explicit Ours(std::size_t capacity) : capacity_(capacity) {}

  bool ask(std::uint64_t name) {
    const auto known = where_.find(name);
    if (known != where_.end()) {
      known->second->use();
      return true;
    }
    auto made = std::make_unique<Node>();
    made->name = name;
    queue_.insert(*made, shared::mix(name), size_of(name));
    where_[name] = std::move(made);
    while (queue_.octets() + queue_.memory() > capacity_) where_.erase(static_cast<Node*>(queue_.evict())->name);
    return false;
  }

 private:
  struct Node : edge::S3FifoHook {
    std::uint64_t name = 0;
  };
  std::size_t capacity_;
  edge::S3Fifo queue_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Node>> where_;
};

std::vector<double> zipf(double exponent) {
  std::vector<double> sums(kEntries);
  double sum = 0;
  for (std::size_t i = 0; i < kEntries; ++i) sums[i] = sum += std::pow(static_cast<double>(i + 1), -exponent);
  for (double& one : sums) one /= sum;
  return sums;
}

void compare(double exponent, double share, bool scanned, std::size_t requests) {
  const std::vector<double> sums = zipf(exponent);
  std::size_t all = 0;
  for (std::uint64_t name = 0; name < kEntries; ++name) all += size_of(name);
  const auto capacity = static_cast<std::size_t>(share * static_cast<double>(all));
  Lru lru(capacity);
  Ours ours(capacity);
  std::mt19937_64 random(14);
  std::uniform_real_distribution<double> draw(0, 1);
  std::size_t lru_hits = 0;
  std::size_t our_hits = 0;
  std::size_t counted = 0;
  for (std::size_t i = 0; i < requests; ++i) {
    if (scanned && i % 4 == 0) {
      static_cast<void>(lru.ask(kScan + i));
      static_cast<void>(ours.ask(kScan + i));
      continue;
    }
    const auto name = static_cast<std::uint64_t>(std::ranges::lower_bound(sums, draw(random)) - sums.begin());
    const bool lru_hit = lru.ask(name);
    const bool our_hit = ours.ask(name);
    if (i < requests / 4) continue;  // it fills
    ++counted;
    lru_hits += lru_hit ? 1 : 0;
    our_hits += our_hit ? 1 : 0;
  }
  const auto percent = [&](std::size_t hits) {
    return 100.0 * static_cast<double>(hits) / static_cast<double>(counted);
  };
  std::printf("| %.1f | %.0f %% | %s | %.2f %% | %.2f %% |\n", exponent, 100 * share, scanned ? "a quarter" : "none",
              percent(our_hits), percent(lru_hits));
}

std::size_t resident() {
  std::ifstream in("/proc/self/statm");
  std::size_t pages = 0;
  in >> pages >> pages;
  return pages * 4096;
}

// Of responses with a body of 1 KiB and a head of some lines.
void measure_memory() {
  const std::size_t before = resident();
  edge::CacheStore store({.name = "main", .capacity = std::size_t{4} << 30U}, 7);
  const http::FieldList none;
  http::HeadParser parser;
  http::ResponseHead head;
  const std::string text =
      "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/html; charset=utf-8\r\n"
      "Cache-Control: public, max-age=3600\r\nETag: \"5e0c91d20000000a3f\"\r\nVary: Accept-Encoding\r\n\r\n";
  static_cast<void>(parser.parse_response(text, {}, head));
  for (std::size_t i = 0; i < kEntries; ++i) {
    const std::string url = "shop.example/products/images/" + std::to_string(i) + ".html";
    const edge::CacheKey key{.url = url, .selector = "scheme=https\n", .request = none};
    const auto joined = store.join(key, store.find(key).version, nullptr, false, {});
    auto entry = std::make_shared<edge::CacheEntry>();
    entry->head = edge::StoredHead(head, {}, edge::CookiePolicy::strip, 0);
    entry->url = url;
    entry->selector = key.selector;
    entry->body = edge::CacheBody::make();
    entry->body->add_chunk(1024);
    entry->body->append(std::string(1024, 'x'));
    entry->body->finish(edge::CacheBody::State::whole);
    store.insert(entry, *joined.fill, 8);
    store.release(*joined.fill);
  }
  const auto stats = store.stats();
  std::printf(
      "\nmemory for each of %zu responses with 1,024 octets of body: %zu by the store's own count, %zu of the "
      "process\n",
      stats.entries, stats.octets / stats.entries, (resident() - before) / stats.entries);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t requests = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 2'000'000;
  std::printf("| exponent | room for | asked for once | hits | hits of LRU |\n| --- | --- | --- | --- | --- |\n");
  for (const double exponent : {0.7, 0.9, 1.1}) {
    for (const double share : {0.01, 0.1}) {
      for (const bool scanned : {false, true}) compare(exponent, share, scanned, requests);
    }
  }
  measure_memory();
  return 0;
}

#pragma once
// CacheStores: the stores of a process, in the order of the configuration, in which rules name them. Made once, by
// Control; any thread.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "edge/serve/cache/store.h"

namespace edge {

class CacheStores {
 public:
  // Once, before anybody uses them.
  void make(const std::vector<CacheStoreSettings>& settings, std::uint64_t seed) {
    for (const CacheStoreSettings& one : settings) stores_.push_back(std::make_unique<CacheStore>(one, seed));
  }

  // Once the process is what it will be: disks are read. A successor is to write to them from now on.
  void start() {
    for (const auto& store : stores_) store->start();
  }
  void let_go() {
    for (const auto& store : stores_) store->let_go();
  }

  // Null: there is none of that number.
  [[nodiscard]] CacheStore* at(std::size_t index) const {
    return index < stores_.size() ? stores_[index].get() : nullptr;
  }
  [[nodiscard]] const std::vector<std::unique_ptr<CacheStore>>& all() const { return stores_; }

 private:
  std::vector<std::unique_ptr<CacheStore>> stores_;
};

}  // namespace edge

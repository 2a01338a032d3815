#pragma once
// ServerIds: names to the ids that index Live. A server keeps its id as long as its name is in the configuration or in
// an answer of the DNS, and for a while after that, so that one that comes back finds what is known of it. Ids must not
// run out over months of changing answers, so an id whose name is gone is given to another name one day. Who could
// still hold it then?
//
//   requests            pin a Snapshot, which holds the Pools that it was built with
//   Control             its world, the snapshot it published last, and Healing hold the Pools; Backends keeps ids of
//                       the present world only
//   the Builder         worlds that it is making hold their Pools
//   idle connections    of workers are listed by id, and taken only for the same address: harmless
//   a worker's counters are by id and tenant: they begin at zero for the next one (see Live::begin_tenancy())
//
// So an id may go to another name when no Pools with it is left. Each build takes a Lease of its ids, and its Pools own
// it: an id without a lease is free. The last owner may let go on any thread, hence the atomic counts. Of the free ids
// the one that left longest ago goes first, and the youngest kRemembered are kept while there is room. The Builder's
// alone, but for the end of a Lease.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "edge/core/pool/live.h"

namespace edge {

class ServerIds {
  using Holders = std::vector<std::atomic<std::uint32_t>>;  // by id: leases that have it

 public:
  static constexpr std::size_t kRemembered = 256;

  // The ids of one build; they are its own until it goes.
  class Lease {
   public:
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

   private:
    friend class ServerIds;
    explicit Lease(std::shared_ptr<Holders> holders) : holders_(std::move(holders)) {}
    std::shared_ptr<Holders> holders_;
    std::vector<ServerId> ids_;
    std::optional<std::vector<ServerId>> free_;  // found when the first was needed; the next one last
  };

  ServerIds();

  // One for each build, before it asks for ids. It may outlive this.
  [[nodiscard]] std::shared_ptr<Lease> begin_build();
  // Empty when all ids are in use: kMaxServers at a time.
  [[nodiscard]] std::optional<ServerId> id_of(std::string_view pool, std::string_view server, Lease& lease);
  // Ids that have gone to another name since the last call.
  [[nodiscard]] std::vector<ServerId> take_reassigned();
  // The slot of a pool. Pools change with the configuration only: slots are never given to another name, and nothing
  // is returned when kMaxPools names have been seen.
  [[nodiscard]] std::optional<PoolSlot> slot_of(std::string_view pool);

 private:
  [[nodiscard]] std::optional<ServerId> fresh_id(Lease& lease);
  [[nodiscard]] std::vector<ServerId> free_ids() const;

  struct Known {
    std::string name;              // "pool/server"
    std::uint64_t last_build = 0;  // that had it
  };
  std::vector<Known> known_;  // by id
  std::unordered_map<std::string, ServerId> ids_;
  std::unordered_map<std::string, PoolSlot> slots_;
  std::shared_ptr<Holders> holders_;
  std::vector<ServerId> reassigned_;
  std::uint64_t builds_ = 0;
};

}  // namespace edge

#pragma once
// AliasControl: keeps the addresses of ALIAS targets known. Each type of each target is followed by itself
// (shared/serve/resolve/name_follower.h); the last good answer stays while lookups fail, and survives a restart in the
// state directory. An answer without addresses is an answer; NXDOMAIN, SERVFAIL and silence are failures. Never blocks.
// Owned by Control, on its loop.
//
// However many targets there are, what is learnt within a short quiet time is told and written once, and costs what
// changed.
//
//   adopt() -> NameFollower -> answers that differ -> `changed` -> SteeringControl: AnswerSets with these -> Snapshot

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dns/core/steer/alias_view.h"
#include "dns/core/steer/policy_tables.h"
#include "dns/serve/control/alias_state.h"
#include "shared/core/time.h"
#include "shared/serve/loop/debounce.h"
#include "shared/serve/loop/loop.h"
#include "shared/serve/process/state.h"
#include "shared/serve/process/state_writer.h"
#include "shared/serve/resolve/name_follower.h"

namespace dns {

class AliasControl {
 public:
  using Changed = std::function<void(const std::vector<AliasChange>&)>;

  // `state` may be null: then nothing is remembered. `changed` is never called from inside adopt().
  AliasControl(shared::Loop& loop, shared::NameFollower& names, shared::StateWriter& writer,
               const shared::StateDirectory* state, Changed changed);
  ~AliasControl();
  AliasControl(const AliasControl&) = delete;
  AliasControl& operator=(const AliasControl&) = delete;

  // Takes over the ALIAS names of these tables and what is known of their targets; begins to follow what is new.
  AliasView adopt(const PolicyTables& tables);

  // For /status and /metrics: one for each target and type.
  struct Report {
    std::string target;
    AddressType type{};
    AliasAnswer answer;
    std::string reason;        // of the last failure; empty after a success
    shared::WallTime since{};  // when the answer last changed
    std::uint64_t lookups = 0;
    std::uint64_t failures = 0;
  };
  [[nodiscard]] std::vector<Report> reports() const;

  // Another process writes the file from here on.
  void stop_saving() { state_ = nullptr; }

 private:
  struct Lookup;
  using Key = std::pair<Name, AddressType>;

  void restore();
  std::unique_ptr<Lookup> begin_lookup(const Key& key);
  void take(Lookup& lookup, const shared::Result<shared::Resolved>& result);
  void take_failure(Lookup& lookup, const std::string& reason);
  void take_answer(Lookup& lookup, const shared::Resolved& answer);
  void tell();
  [[nodiscard]] std::array<AliasAnswer, 2> known(const Name& target) const;
  [[nodiscard]] AliasView view() const;
  void save();

  shared::NameFollower& names_;
  shared::StateWriter& writer_;
  const shared::StateDirectory* state_;
  Changed changed_;
  std::map<Key, std::vector<shared::IpAddress>> remembered_;
  std::vector<Name> targets_;  // by index in PolicyTables::aliases()
  std::map<Key, std::unique_ptr<Lookup>> lookups_;
  std::set<std::size_t> untold_;  // numbers of ALIAS names
  shared::Debounce together_;
  bool unwritten_ = false;
  bool writing_ = false;  // the writer does
};

}  // namespace dns

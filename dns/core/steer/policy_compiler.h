#pragma once
// PolicyCompiler: turns one policy into its prefix tables and classes. It sweeps over the geo database's ranges and the
// rows of the subnet steps at once; each piece between two borders is one kind of client, whose order is looked up or,
// the first time, worked out by PolicyEvaluator. Lives for one build, on the Builder's thread.

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dns/core/steer/geo.h"
#include "dns/core/steer/policy_tables.h"
#include "dns/core/steer/preference.h"

namespace dns {

class PolicyCompiler {
 public:
  // `finely`: some name of this policy gives a window of the region's edges, so that even a single order has variants.
  enum class Granularity : std::uint8_t { by_class, finely };

  // All arguments outlive the compiler; `findings` is added to.
  PolicyCompiler(const Policy& policy, const SteeringSpec& spec, std::vector<Finding>& findings);

  [[nodiscard]] PolicyTables::Compiled compile(Granularity granularity);

 private:
  using ClassId = PolicyTables::ClassId;
  using Source = PolicyEvaluator::Source;

  // The rows of one subnet step as a table: address -> row.
  struct Layer {
    std::size_t step;
    shared::PrefixTable rows;
  };
  enum class Embedded : std::uint8_t { apart, as_any_other };

  [[nodiscard]] std::vector<Layer> layers_for(Source source) const;
  [[nodiscard]] shared::PrefixTable compile_for(Source source, Granularity granularity);
  template <class Key>
  [[nodiscard]] shared::SegmentTable<Key> sweep(const std::vector<Layer>& layers, Embedded embedded);
  [[nodiscard]] bool one_answer(ClassId v4, ClassId v6) const;

  [[nodiscard]] std::uint32_t kind_of(std::uint32_t record);
  [[nodiscard]] ClassId classify(std::uint32_t kind, const std::vector<Layer>& layers, std::span<const Pick> rows,
                                 const shared::IpAddress& example);
  [[nodiscard]] ClassId intern(const Order& order);
  void report_empty(const Preference& preference, const Picks& picks, const shared::IpAddress& example);
  void report_dead_steps();

  const Policy& policy_;
  const SteeringSpec& spec_;
  std::vector<Finding>& findings_;
  PolicyEvaluator evaluator_;

  std::vector<std::uint32_t> kind_of_record_;  // records that differ in nothing that this policy sees are one kind
  std::map<Picks, std::uint32_t> kinds_;
  std::vector<const Picks*> picks_of_kind_;
  std::map<std::vector<std::uint32_t>, ClassId> known_;  // kind and rows -> class
  std::map<Order, ClassId> class_of_;
  std::vector<Order> classes_;
  std::vector<bool> ever_added_;  // by step
  std::set<PositionId> reported_;
};

}  // namespace dns

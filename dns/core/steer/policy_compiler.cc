#include "dns/core/steer/policy_compiler.h"

#include <algorithm>
#include <type_traits>

#include "dns/core/steer/private_block.h"
#include "dns/core/steer/sweep.h"
#include "shared/core/hash.h"

namespace dns {
namespace {

using shared::Key128;
using shared::PrefixRow;
using shared::PrefixTable;
using shared::SegmentTable;

constexpr std::uint32_t kUnset = 0xFFFFFFFF;

// The prefixes that shared::embedded_ipv4() knows.
const PrefixTable& embedded_prefixes() {
  static const PrefixTable table = [] {
    std::vector<PrefixRow> rows;
    for (const char* text : {"::ffff:0:0/96", "64:ff9b::/96", "2002::/16", "2001::/32"}) {
      rows.push_back({*shared::Prefix::parse(text), 1});
    }
    return PrefixTable::from_rows(std::move(rows), 0);
  }();
  return table;
}

bool has_resolvers(const Policy& policy) {
  return std::ranges::any_of(policy.steps,
                             [](const Step& step) { return std::holds_alternative<ResolversStep>(step.what); });
}

// The step's rows as a table: address -> row.
PrefixTable table_of(const std::vector<SubnetRow>& rows) {
  std::vector<PrefixRow> table;
  for (Pick i = 0; i < rows.size(); ++i) table.push_back({rows[i].prefix, i});
  return PrefixTable::from_rows(std::move(table), kNoPick);
}

// The same for rows of autonomous systems, through the ranges that belong to them.
PrefixTable table_of(const AsnStep& step, const GeoDatabase& systems) {
  std::vector<std::uint32_t> picks;
  for (const GeoRecord& record : systems.records()) picks.push_back(pick_of_asn(step, record.asn));
  return with_values(systems.ranges(), picks);
}

const std::vector<SubnetRow>* rows_for(const Step& step, PolicyEvaluator::Source source) {
  if (const auto* subnets = std::get_if<SubnetsStep>(&step.what)) return &subnets->rows;
  if (source == PolicyEvaluator::Source::subnet) return nullptr;
  const auto* resolvers = std::get_if<ResolversStep>(&step.what);
  return resolvers == nullptr ? nullptr : &resolvers->rows;
}

// Where the policy itself says what private subnets are given.
PrefixTable own_blocks(const Policy& policy) {
  std::vector<PrefixRow> rows;
  for (const Step& step : policy.steps) {
    const auto* subnets = std::get_if<SubnetsStep>(&step.what);
    if (subnets == nullptr) continue;
    for (const SubnetRow& row : subnets->rows) {
      const PrivateBlock block = private_block_of(row.prefix.address);
      if (block.is_private && row.prefix.length >= block.length) rows.push_back({row.prefix, 1});
    }
  }
  return PrefixTable::from_rows(std::move(rows), 0);
}

}  // namespace

PolicyCompiler::PolicyCompiler(const Policy& policy, const SteeringSpec& spec, std::vector<Finding>& findings)
    : policy_(policy),
      spec_(spec),
      findings_(findings),
      evaluator_(policy, spec.regions),
      kind_of_record_(spec.geo->records().size(), kUnset),
      ever_added_(policy.steps.size(), false) {}

PolicyTables::Compiled PolicyCompiler::compile(Granularity granularity) {
  PolicyTables::Compiled out;
  out.clients = compile_for(Source::subnet, granularity);
  if (has_resolvers(policy_)) out.resolvers = compile_for(Source::resolver, granularity);
  out.own = own_blocks(policy_);
  const auto uniform = [](const PrefixTable& table) { return table.v4().values().size() == 1; };
  out.one_answer = granularity == Granularity::by_class && classes_.size() == 1 && one_answer(0, 0) &&
                   uniform(out.clients) && (!out.resolvers || uniform(*out.resolvers));
  out.classes = std::move(classes_);
  out.seed = shared::hash_text(spec_.seed, policy_.name);
  if (reported_.empty()) report_dead_steps();
  return out;
}

std::vector<PolicyCompiler::Layer> PolicyCompiler::layers_for(Source source) const {
  std::vector<Layer> layers;
  for (std::size_t step = 0; step < policy_.steps.size(); ++step) {
    if (const auto* rows = rows_for(policy_.steps[step], source)) layers.push_back({step, table_of(*rows)});
    const auto* systems = std::get_if<AsnStep>(&policy_.steps[step].what);
    if (systems != nullptr) layers.push_back({step, table_of(*systems, spec_.systems())});
  }
  return layers;
}

PrefixTable PolicyCompiler::compile_for(Source source, Granularity granularity) {
  known_.clear();  // rows of other layers
  const std::vector<Layer> layers = layers_for(source);
  // An IPv6 block must not hold addresses that are answered as IPv4, unless they have the one answer that all have.
  auto v4 = sweep<std::uint32_t>(layers, Embedded::as_any_other);
  if (granularity == Granularity::by_class && v4.values().size() == 1) {
    auto v6 = sweep<Key128>(layers, Embedded::as_any_other);
    if (v6.values().size() == 1 && one_answer(v4.values()[0], v6.values()[0])) return {std::move(v4), std::move(v6)};
  }
  auto v6 = sweep<Key128>(layers, Embedded::apart);
  return {std::move(v4), std::move(v6)};
}

bool PolicyCompiler::one_answer(ClassId v4, ClassId v6) const {
  return v4 == v6 && std::ranges::all_of(classes_[v4], [](const Element& element) { return element.size() == 1; });
}

template <class Key>
SegmentTable<Key> PolicyCompiler::sweep(const std::vector<Layer>& layers, Embedded embedded) {
  Sweep<Key> pieces;
  pieces.add(half<Key>(spec_.geo->ranges()));
  for (const Layer& layer : layers) pieces.add(half<Key>(layer.rows));
  if (embedded == Embedded::apart) pieces.add(half<Key>(embedded_prefixes()));
  SegmentTable<Key> out;
  std::vector<Pick> rows(layers.size());
  do {
    if (embedded == Embedded::apart && pieces.value(layers.size() + 1) != 0) {
      out.append(pieces.start(), PolicyTables::kEmbeddedIpv4);
      continue;
    }
    for (std::size_t i = 0; i < layers.size(); ++i) rows[i] = pieces.value(i + 1);
    out.append(pieces.start(), classify(kind_of(pieces.value(0)), layers, rows, address_of(pieces.start())));
  } while (pieces.advance());
  out.finish();
  return out;
}

std::uint32_t PolicyCompiler::kind_of(std::uint32_t record) {
  std::uint32_t& kind = kind_of_record_[record];
  if (kind != kUnset) return kind;
  const auto [found, fresh] = kinds_.try_emplace(evaluator_.picks_of(spec_.geo->record(GeoRecordId{record})),
                                                 static_cast<std::uint32_t>(kinds_.size()));
  if (fresh) picks_of_kind_.push_back(&found->first);
  kind = found->second;
  return kind;
}

PolicyTables::ClassId PolicyCompiler::classify(std::uint32_t kind, const std::vector<Layer>& layers,
                                               std::span<const Pick> rows, const shared::IpAddress& example) {
  std::vector<std::uint32_t> key{kind};
  key.insert(key.end(), rows.begin(), rows.end());
  const auto found = known_.find(key);
  if (found != known_.end()) return found->second;

  Picks picks = *picks_of_kind_[kind];
  for (std::size_t i = 0; i < layers.size(); ++i) picks[layers[i].step] = rows[i];
  const Preference preference = evaluator_.prefer(picks);
  for (std::size_t i = 0; i < picks.size(); ++i) ever_added_[i] = ever_added_[i] || preference.added[i];
  if (preference.order.empty()) report_empty(preference, picks, example);
  const ClassId id = intern(preference.order);
  known_.emplace(std::move(key), id);
  return id;
}

PolicyTables::ClassId PolicyCompiler::intern(const Order& order) {
  const auto [found, fresh] = class_of_.try_emplace(order, static_cast<ClassId>(classes_.size()));
  if (fresh) classes_.push_back(order);
  return found->second;
}

void PolicyCompiler::report_empty(const Preference& preference, const Picks& picks, const shared::IpAddress& example) {
  const GeoRecord& record = spec_.geo->record(spec_.geo->lookup(example).id);
  const std::string client = "a client such as " + example.to_string() + " (" +
                             (record.code.empty() ? "of no known place" : record.code.text()) + ")";
  if (!preference.emptying_fence) {
    if (!reported_.insert(policy_.position).second) return;
    findings_.push_back({Finding::Severity::error, policy_.position,
                         "policy '" + policy_.name + "' names no region for " + client +
                             ": end it with a failover step that names every region"});
    return;
  }
  const std::size_t step = *preference.emptying_fence;
  const FenceRow& row = std::get<FenceStep>(policy_.steps[step].what).rows[picks[step]];
  if (!reported_.insert(row.position).second) return;
  findings_.push_back({Finding::Severity::error, row.position,
                       "fence " + row.code.text() + " of policy '" + policy_.name + "' leaves " + client +
                           " with no region: the other steps give it " +
                           to_string(preference.before_fences, spec_.regions)});
}

void PolicyCompiler::report_dead_steps() {
  for (std::size_t i = 0; i < policy_.steps.size(); ++i) {
    const Step& step = policy_.steps[i];
    if (ever_added_[i] || step.of_overrides || std::holds_alternative<FenceStep>(step.what)) continue;
    findings_.push_back({Finding::Severity::warning, step.position,
                         std::string("step '") + name_of(step) + "' of policy '" + policy_.name +
                             "' never changes an order: the steps before it name its regions for every client"});
  }
}

}  // namespace dns

#include "dns/core/moves.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "dns/core/trace.h"
#include "shared/core/hash.h"

namespace dns {
namespace {

using shared::Family;
using shared::Key128;
using shared::Prefix;
__extension__ using Wide = unsigned __int128;  // an address of either family as a number

constexpr int kNone = -1;            // an answer without a region
constexpr std::size_t kProbes = 32;  // of one segment whose class gives several regions
constexpr std::size_t kKeep = 4096;  // moved blocks before the small ones are thrown away
constexpr std::uint64_t kSeed = 0x6D6F766573ULL;

// A name on both sides, and what it is asked for.
struct Pair {
  PolicyNameId before{};
  PolicyNameId after{};
  AddressType type = AddressType::a;
};

AddressType type_of(const PolicyTables& tables, PolicyNameId name) {
  return tables.has(name, AddressType::a) ? AddressType::a : AddressType::aaaa;
}

int region_for(const Side& side, PolicyNameId name, AddressType type, const Client& client) {
  NullTrace trace;
  const Choice choice = choose(*side.tables, *side.answers, name, type, client, trace);
  return choice.count == 0 ? kNone : static_cast<int>(index_of(choice.region));
}

Client client_of(const Prefix& block, bool by_subnet, std::uint64_t entropy) {
  Client client;
  client.entropy = entropy;
  if (by_subnet) {
    client.subnet = ClientSubnet{block.address, block.length};
  } else {
    client.resolver = block.address;
  }
  return client;
}

// What is counted of one name.
class Tally {
 public:
  Tally(const Side& before, const Side& after) : before_(before), after_(after) {}

  // True: the two are not the same region. Regions are compared by name: ids belong to one build.
  bool add(int from, int to, double weight) {
    weight_ += weight;
    regions_[name(before_, from)].first += weight;
    regions_[name(after_, to)].second += weight;
    if (name(before_, from) == name(after_, to)) return false;
    flows_[{from, to}] += weight;
    moved_ += weight;
    return true;
  }

  void add_block(const Prefix& block, int from, int to, double share) {
    blocks_.push_back({block, name(before_, from), name(after_, to), share});
    if (blocks_.size() > kKeep) keep_largest(kMostBlocks);
  }

  NameMoves finish(std::string of) && {
    NameMoves out;
    out.name = std::move(of);
    out.weight = weight_;
    const double whole = weight_ > 0 ? weight_ : 1;
    out.moved = moved_ / whole;
    for (const auto& [region, both] : regions_)
      out.regions.push_back({region, both.first / whole, both.second / whole});
    for (const auto& [ends, weight] : flows_) {
      out.flows.push_back({name(before_, ends.first), name(after_, ends.second), weight / whole});
    }
    std::ranges::stable_sort(out.flows, [](const Flow& a, const Flow& b) { return a.share > b.share; });
    keep_largest(kMostBlocks);
    out.blocks = std::move(blocks_);
    return out;
  }

 private:
  static std::string name(const Side& side, int region) {
    return region == kNone ? kNoRegion : side.tables->spec().regions[static_cast<std::size_t>(region)].name;
  }
  void keep_largest(std::size_t most) {
    std::ranges::stable_sort(blocks_, [](const MovedBlock& a, const MovedBlock& b) {
      if (a.block.address.family != b.block.address.family) return a.block.address.family < b.block.address.family;
      return a.share > b.share;
    });
    std::size_t of_family[2] = {0, 0};
    std::erase_if(blocks_, [&](const MovedBlock& b) {
      return of_family[b.block.address.family == Family::ipv4 ? 0 : 1]++ >= most / 2;
    });
  }

  const Side& before_;
  const Side& after_;
  double weight_ = 0;
  double moved_ = 0;
  std::map<std::string, std::pair<double, double>> regions_;
  std::map<std::pair<int, int>, double> flows_;
  std::vector<MovedBlock> blocks_;
};

Wide wide(std::uint32_t key) { return key; }
Wide wide(Key128 key) { return Wide{key.high} << 64 | key.low; }

Prefix prefix_at(Family family, Wide first, unsigned length) {
  const auto low = static_cast<std::uint64_t>(first);
  if (family == Family::ipv6)
    return {shared::v6_address({static_cast<std::uint64_t>(first >> 64), low}), static_cast<std::uint8_t>(length)};
  shared::IpAddress address;
  for (unsigned i = 0; i < 4; ++i) address.bytes[i] = static_cast<std::uint8_t>(low >> (24 - 8 * i));
  return {address, static_cast<std::uint8_t>(length)};
}

// The fewest prefixes that make up the addresses from `first` to `last`.
template <class Visit>
void for_each_prefix(Family family, Wide first, Wide last, Visit visit) {
  const unsigned bits = shared::bits_of(family);
  while (first <= last) {
    unsigned free = 0;  // host bits
    while (free < bits && (first >> free & 1) == 0 && (Wide{2} << free) - 1 <= last - first) ++free;
    visit(prefix_at(family, first, bits - free), static_cast<double>(Wide{1} << free));
    const Wide next = first + (Wide{1} << free);
    if (next <= first) return;
    first = next;
  }
}

// One family of one name on both sides, segment by segment.
class SpaceWalk {
 public:
  SpaceWalk(const Side& before, const Side& after, const Pair& pair, Tally& tally)
      : before_(before), after_(after), pair_(pair), tally_(tally) {}

  template <class Key>
  double run(const shared::SegmentTable<Key>& a, const shared::SegmentTable<Key>& b, Family family, Wide first,
             Wide last) {
    family_ = family;
    whole_ = static_cast<double>(last - first) + 1;
    moved_ = 0;
    std::size_t i = 0;
    std::size_t j = 0;
    Wide at = 0;
    while (at <= last) {
      const Wide end_a = i + 1 < a.starts().size() ? wide(a.starts()[i + 1]) - 1 : last;
      const Wide end_b = j + 1 < b.starts().size() ? wide(b.starts()[j + 1]) - 1 : last;
      const Wide end = std::min({end_a, end_b, last});
      if (end >= first) segment(std::max(at, first), end, a.values()[i], b.values()[j]);
      if (end == end_a) ++i;
      if (end == end_b) ++j;
      if (end == last) break;
      at = end + 1;
    }
    flush();
    return moved_ / whole_;
  }

 private:
  using ClassId = PolicyTables::ClassId;

  struct Answer {
    int region = kNone;
    bool mixed = false;  // by the client's block
  };
  static Answer answer_of(const Side& side, PolicyNameId name, AddressType type, ClassId id) {
    const auto& slot = side.answers->slot(side.tables->profile_of(name), type, id);
    const auto candidates = side.answers->candidates(slot);
    if (candidates.empty()) return {};
    return {static_cast<int>(index_of(candidates.front().region)), candidates.size() > 1};
  }

  void segment(Wide first, Wide last, ClassId a, ClassId b) {
    if (a == PolicyTables::kEmbeddedIpv4 || b == PolicyTables::kEmbeddedIpv4) return;
    const auto [known, fresh] = answers_.try_emplace(std::uint64_t{a} << 32 | b);
    if (fresh) {
      known->second = {answer_of(before_, pair_.before, pair_.type, a), answer_of(after_, pair_.after, pair_.type, b)};
    }
    const auto& [from, to] = known->second;
    if (!from.mixed && !to.mixed) return add(first, last, from.region, to.region);
    // A class with a draw: some of its blocks stand for all.
    const Wide step = std::max<Wide>((last - first) / kProbes, Wide{1} << (family_ == Family::ipv4 ? 8 : 72));
    for (Wide at = first; at <= last; at += step) {
      const Client client = client_of(prefix_at(family_, at, shared::bits_of(family_)), true, 0);
      add(at, std::min(at + (step - 1), last), region_for(before_, pair_.before, pair_.type, client),
          region_for(after_, pair_.after, pair_.type, client));
      if (last - at < step) return;
    }
  }

  void add(Wide first, Wide last, int from, int to) {
    const double weight = static_cast<double>(last - first) + 1;
    const bool moved = family_ == Family::ipv4 ? tally_.add(from, to, weight) : differ(from, to);
    if (!moved) return;
    moved_ += weight;
    if (open_ && open_->last + 1 == first && open_->from == from && open_->to == to) {
      open_->last = last;
      return;
    }
    flush();
    open_ = Run{first, last, from, to};
  }
  [[nodiscard]] bool differ(int from, int to) const {
    if (from == kNone || to == kNone) return from != to;
    const auto name = [](const Side& side, int region) -> const std::string& {
      return side.tables->spec().regions[static_cast<std::size_t>(region)].name;
    };
    return name(before_, from) != name(after_, to);
  }

  void flush() {
    if (!open_) return;
    for_each_prefix(family_, open_->first, open_->last, [this](const Prefix& block, double size) {
      tally_.add_block(block, open_->from, open_->to, size / whole_);
    });
    open_.reset();
  }

  struct Run {
    Wide first = 0;
    Wide last = 0;
    int from = kNone;
    int to = kNone;
  };

  const Side& before_;
  const Side& after_;
  const Pair& pair_;
  Tally& tally_;
  Family family_ = Family::ipv4;
  double whole_ = 1;
  double moved_ = 0;
  std::map<std::uint64_t, std::pair<Answer, Answer>> answers_;  // by both classes
  std::optional<Run> open_;                                     // moved neighbours, from and to the same
};

NameMoves space_of(const Side& before, const Side& after, const Pair& pair) {
  const auto clients = [](const Side& side, PolicyNameId name) -> const shared::PrefixTable& {
    return side.tables->compiled()[side.tables->profiles()[side.tables->profile_of(name)].policy].clients;
  };
  const shared::PrefixTable& a = clients(before, pair.before);
  const shared::PrefixTable& b = clients(after, pair.after);
  Tally tally(before, after);
  SpaceWalk walk(before, after, pair, tally);
  walk.run(a.v4(), b.v4(), Family::ipv4, 0, 0xDFFFFFFF);
  const Wide first = Wide{1} << 125;  // 2000::
  const double v6 = walk.run(a.v6(), b.v6(), Family::ipv6, first, first + (first - 1));
  NameMoves out = std::move(tally).finish({});
  out.moved_v6 = v6;
  return out;
}

// The names of both sides; `report` learns of the others.
std::map<std::string, Pair> pairs_of(const Side& before, const Side& after, MoveReport& report) {
  std::map<std::string, Pair> pairs;
  std::map<std::string, PolicyNameId> later;
  const auto& names = after.tables->spec().names;
  for (std::size_t i = 0; i < names.size(); ++i) later[names[i].name] = PolicyNameId{static_cast<std::uint32_t>(i)};
  const auto& earlier = before.tables->spec().names;
  for (std::size_t i = 0; i < earlier.size(); ++i) {
    const PolicyNameId id{static_cast<std::uint32_t>(i)};
    const auto found = later.find(earlier[i].name);
    if (found == later.end()) {
      report.removed.push_back(earlier[i].name);
      continue;
    }
    pairs[earlier[i].name] = {id, found->second, type_of(*before.tables, id)};
    later.erase(found);
  }
  for (const auto& [name, id] : later) report.added.push_back(name);
  return pairs;
}

}  // namespace

MoveReport moves_of_space(const Side& before, const Side& after) {
  MoveReport report;
  std::map<std::pair<std::size_t, std::size_t>, NameMoves> done;  // names of one profile move alike
  for (const auto& [name, pair] : pairs_of(before, after, report)) {
    const std::pair key(before.tables->profile_of(pair.before), after.tables->profile_of(pair.after));
    auto known = done.find(key);
    if (known == done.end()) known = done.emplace(key, space_of(before, after, pair)).first;
    report.names.push_back(known->second);
    report.names.back().name = name;
    report.weight += known->second.weight;
    report.moved += known->second.moved * known->second.weight;
  }
  if (report.weight > 0) report.moved /= report.weight;
  return report;
}

MoveReport moves_of_answers(const Side& before, const Side& after, std::span<const GivenAnswer> given) {
  MoveReport report;
  const auto pairs = pairs_of(before, after, report);
  std::map<std::string, Tally> tallies;
  std::map<std::string, std::map<std::pair<Prefix, std::pair<int, int>>, double>> blocks;
  std::map<std::string, double> totals;
  std::uint64_t draw = kSeed;
  for (const GivenAnswer& answer : given) {
    const auto pair = pairs.find(answer.name);
    if (pair == pairs.end()) continue;
    Tally& tally = tallies.try_emplace(answer.name, before, after).first->second;
    const Client client = client_of(answer.client, answer.by_subnet, draw = shared::mix(draw + 1));
    const int from = region_for(before, pair->second.before, pair->second.type, client);
    const int to = region_for(after, pair->second.after, pair->second.type, client);
    const auto weight = static_cast<double>(answer.count);
    totals[answer.name] += weight;
    if (tally.add(from, to, weight)) blocks[answer.name][{answer.client, {from, to}}] += weight;
  }
  for (auto& [name, tally] : tallies) {
    for (const auto& [key, weight] : blocks[name]) {
      tally.add_block(key.first, key.second.first, key.second.second, weight / totals[name]);
    }
    report.names.push_back(std::move(tally).finish(name));
    report.weight += report.names.back().weight;
    report.moved += report.names.back().moved * report.names.back().weight;
  }
  if (report.weight > 0) report.moved /= report.weight;
  return report;
}

}  // namespace dns

#include "dns/core/steer/moves.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "dns/core/steer/draws.h"
#include "dns/core/steer/trace.h"

namespace dns {
namespace {

using shared::Family;
using shared::Key128;
using shared::Prefix;
__extension__ using Wide = unsigned __int128;  // an address of either family as a number

constexpr int kNone = -1;            // an answer without a region
constexpr std::size_t kKeep = 4096;  // moved blocks before the small ones are thrown away

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
  return choice.rrset.count == 0 ? kNone : static_cast<int>(index_of(choice.region));
}

// What becomes of the clients of two classes, one for each side; regions as region_for() has them.
struct Fate {
  int from = kNone;
  int to = kNone;
  double share = 0;
};

std::string region_name(const Side& side, int region) {
  return region == kNone ? kNoRegion : side.tables->spec().regions[static_cast<std::size_t>(region)].name;
}

struct Group {
  std::vector<int> regions;
  std::vector<DrawnRegion> drawn;
};

Group group_of(const Side& side, PolicyNameId name, AddressType type, PolicyTables::ClassId id) {
  const auto& slot = side.answers->slot(side.tables->profile_of(name), type, id);
  Group group;
  for (const auto& candidate : side.answers->candidates(slot)) {
    group.regions.push_back(static_cast<int>(index_of(candidate.region)));
    group.drawn.push_back(
        {region_name(side, group.regions.back()), static_cast<double>(candidate.weight), candidate.usable});
  }
  if (group.regions.empty()) group = {{kNone}, {{kNoRegion, 1, true}}};
  return group;
}

// The classes of two sides meet again and again.
class Fates {
 public:
  using ClassId = PolicyTables::ClassId;

  Fates(const Side& before, const Side& after, const Pair& pair) : before_(before), after_(after), pair_(pair) {}

  const std::vector<Fate>& of(ClassId a, ClassId b) {
    const auto [known, fresh] = known_.try_emplace(std::uint64_t{a} << 32 | b);
    if (!fresh) return known->second;
    const Group from = group_of(before_, pair_.before, pair_.type, a);
    const Group to = group_of(after_, pair_.after, pair_.type, b);
    for (const DrawnShare& drawn : shares_of_draws(from.drawn, to.drawn)) {
      known->second.push_back({from.regions[drawn.before], to.regions[drawn.after], drawn.share});
    }
    return known->second;
  }

 private:
  const Side& before_;
  const Side& after_;
  Pair pair_;
  std::map<std::uint64_t, std::vector<Fate>> known_;
};

Client client_of(const Prefix& block, bool by_subnet) {
  Client client;
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
  static std::string name(const Side& side, int region) { return region_name(side, region); }
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
      : before_(before), after_(after), tally_(tally), fates_(before, after, pair) {}

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

  void segment(Wide first, Wide last, ClassId a, ClassId b) {
    if (a == PolicyTables::kEmbeddedIpv4 || b == PolicyTables::kEmbeddedIpv4) return;
    const std::vector<Fate>& fates = fates_.of(a, b);
    if (fates.size() == 1) return add(first, last, fates.front().from, fates.front().to);
    flush();
    for (const Fate& fate : fates) add_part(first, last, fate);
  }

  // A class with a draw: a share of every block in it.
  void add_part(Wide first, Wide last, const Fate& fate) {
    const double weight = (static_cast<double>(last - first) + 1) * fate.share;
    const bool moved = family_ == Family::ipv4 ? tally_.add(fate.from, fate.to, weight) : differ(fate.from, fate.to);
    if (!moved) return;
    moved_ += weight;
    for_each_prefix(family_, first, last, [&](const Prefix& block, double size) {
      tally_.add_block(block, fate.from, fate.to, size * fate.share / whole_);
    });
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
  [[nodiscard]] bool differ(int from, int to) const { return region_name(before_, from) != region_name(after_, to); }

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
  Tally& tally_;
  Fates fates_;
  Family family_ = Family::ipv4;
  double whole_ = 1;
  double moved_ = 0;
  std::optional<Run> open_;  // moved neighbours, from and to the same
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
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!names[i].alias) later[names[i].name] = PolicyNameId{static_cast<std::uint32_t>(i)};
  }
  const auto& earlier = before.tables->spec().names;
  for (std::size_t i = 0; i < earlier.size(); ++i) {
    if (earlier[i].alias) continue;  // no policy chooses for it
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

namespace {

// Of a share that so many answers were found to have, what it may be off by (Agresti and Coull 1998: two of each kind
// are counted more than were seen, so that none seen is not taken for none there).
double error_of(double share, double answers) {
  constexpr double kDeviations = 1.96;  // 95 %
  const double counted = answers + 4;
  const double middle = (share * answers + 2) / counted;
  return kDeviations * std::sqrt(middle * (1 - middle) / counted);
}

// One name's answers.
class AnswerWalk {
 public:
  AnswerWalk(const Side& before, const Side& after, const Pair& pair)
      : before_(before), after_(after), pair_(pair), tally_(before, after), fates_(before, after, pair) {}

  void add(const GivenAnswer& answer) {
    const auto weight = static_cast<double>(answer.count);
    total_ += weight;
    for (const Fate& fate : fates_of(answer)) {
      if (!tally_.add(fate.from, fate.to, weight * fate.share)) continue;
      blocks_[{answer.client, {fate.from, fate.to}}] += weight * fate.share;
    }
  }

  NameMoves finish(const std::string& name) && {
    for (const auto& [key, weight] : blocks_) {
      tally_.add_block(key.first, key.second.first, key.second.second, weight / total_);
    }
    NameMoves out = std::move(tally_).finish(name);
    out.error = error_of(out.moved, out.weight);
    return out;
  }

 private:
  // A /24 that asks by its subnet is drawn for as a whole; else each query, or each part of the block, has its own
  // draw.
  std::vector<Fate> fates_of(const GivenAnswer& answer) {
    const Client client = client_of(answer.client, answer.by_subnet);
    if (answer.by_subnet && answer.client.address.family == Family::ipv4) {
      return {{region_for(before_, pair_.before, pair_.type, client),
               region_for(after_, pair_.after, pair_.type, client), 1}};
    }
    return fates_.of(dns::class_of(*before_.tables, pair_.before, client),
                     dns::class_of(*after_.tables, pair_.after, client));
  }

  const Side& before_;
  const Side& after_;
  Pair pair_;
  Tally tally_;
  Fates fates_;
  double total_ = 0;
  std::map<std::pair<Prefix, std::pair<int, int>>, double> blocks_;
};

}  // namespace

MoveReport moves_of_answers(const Side& before, const Side& after, std::span<const GivenAnswer> given) {
  MoveReport report;
  const auto pairs = pairs_of(before, after, report);
  std::map<std::string, AnswerWalk> walks;
  for (const GivenAnswer& answer : given) {
    const auto pair = pairs.find(answer.name);
    if (pair == pairs.end()) continue;
    walks.try_emplace(answer.name, before, after, pair->second).first->second.add(answer);
  }
  for (auto& [name, walk] : walks) {
    report.names.push_back(std::move(walk).finish(name));
    report.weight += report.names.back().weight;
    report.moved += report.names.back().moved * report.names.back().weight;
  }
  if (report.weight > 0) report.moved /= report.weight;
  report.error = error_of(report.moved, report.weight);
  return report;
}

}  // namespace dns

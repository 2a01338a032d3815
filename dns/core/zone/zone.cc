#include "dns/core/zone/zone.h"

#include <algorithm>

namespace dns {

namespace {

constexpr std::uint8_t kWildcardLabel[8] = {1, '*'};

}  // namespace

Node Zone::find(const HashedName& name, unsigned label) const {
  const NameSpan suffix = name.suffix(label);
  const NameSpan relative = suffix.first(suffix.size() - apex_.wire().size());
  const std::uint64_t hash = name.hash(label);
  const auto tag = static_cast<std::uint32_t>(hash);
  for (std::size_t i = slot_of(hash);;) {
    const Slot slot = slots_[i];
    if (slot.where == 0) return {};
    if (slot.tag == tag) {
      const Node node(arena_.data() + std::size_t{slot.where} * 4);
      if (same_octets(node.relative_name(), relative)) return node;
    }
    if (++i == slots_.size()) i = 0;
  }
}

void Zone::prefetch_node(const HashedName& name) const {
  const std::uint64_t hash = name.hash(0);
  const auto tag = static_cast<std::uint32_t>(hash);
  std::size_t i = slot_of(hash);
  while (slots_[i].where != 0 && slots_[i].tag != tag) i = i + 1 == slots_.size() ? 0 : i + 1;
  const std::uint8_t* node = arena_.data() + std::size_t{slots_[i].where} * 4;
  __builtin_prefetch(node);
  __builtin_prefetch(node + 48);  // nodes are not aligned to lines, and one with an address is that long
}

Node Zone::find_wildcard(std::uint64_t parent_hash, NameSpan parent) const {
  const std::uint64_t hash = hash_label(parent_hash, kWildcardLabel);
  const auto tag = static_cast<std::uint32_t>(hash);
  for (std::size_t i = slot_of(hash);;) {
    const Slot slot = slots_[i];
    if (slot.where == 0) return {};
    const Node node(arena_.data() + std::size_t{slot.where} * 4);
    if (slot.tag == tag) {
      const NameSpan name = node.relative_name();
      if (name.size() >= 2 && name[0] == 1 && name[1] == '*' && same_octets(name.subspan(2), parent)) return node;
    }
    if (++i == slots_.size()) i = 0;
  }
}

Match Zone::match(const HashedName& name) const {
  // A name exists only if all its ancestors do, so nothing deeper than the deepest name need be looked for.
  unsigned label = name.labels() > max_labels_ ? name.labels() - max_labels_ : 0;
  Node node = find(name, label);
  while (!node) node = find(name, ++label);  // ends at the apex
  constexpr unsigned kNotPlain = Node::kCut | Node::kOccluded;
  if (label == 0 && (node.flags() & kNotPlain) == 0) return {Match::Kind::exact, node, 0};
  return match_above(name, label, node);
}

// The name does not exist, or lies at or below a cut. `encloser` is its closest existing suffix.
Match Zone::match_above(const HashedName& name, unsigned label, Node encloser) const {
  while (encloser.has(Node::kOccluded)) encloser = find(name, ++label);  // ends at the cut
  if (encloser.has(Node::kCut)) return {Match::Kind::delegation, encloser, label};
  if (encloser.has(Node::kDname)) return {Match::Kind::dname, encloser, label};
  if (encloser.has(Node::kWildcard)) {
    const Node source = find_wildcard(name.hash(label), encloser.relative_name());
    return {Match::Kind::wildcard, source, label};
  }
  return {Match::Kind::missing, encloser, label};
}

std::size_t Zone::memory() const {
  return sizeof(Zone) + slots_.size() * sizeof(Slot) + arena_.size() + negative_soa_.size();
}

ZoneSet::ZoneSet(std::vector<std::shared_ptr<const Zone>> zones) : zones_(std::move(zones)) {
  std::size_t size = 2;
  while (size < zones_.size() * 2) size *= 2;
  slots_.resize(size);
  for (const auto& zone : zones_) {
    std::size_t i = zone->apex_hash() & (size - 1);
    while (slots_[i].zone != nullptr) i = (i + 1) & (size - 1);
    slots_[i] = {zone->apex_hash(), zone.get()};
    max_apex_labels_ = std::max(max_apex_labels_, zone->apex_labels());
  }
}

const Zone* ZoneSet::find(const HashedName& name, unsigned label) const {
  if (slots_.empty()) return nullptr;
  if (name.labels() > max_apex_labels_) label = std::max(label, name.labels() - max_apex_labels_);
  const std::size_t mask = slots_.size() - 1;
  for (; label <= name.labels(); ++label) {
    const std::uint64_t hash = name.hash(label);
    for (std::size_t i = hash & mask; slots_[i].zone != nullptr; i = (i + 1) & mask) {
      if (slots_[i].hash == hash && same_octets(slots_[i].zone->apex().wire(), name.suffix(label)))
        return slots_[i].zone;
    }
  }
  return nullptr;
}

}  // namespace dns

#include "dns/core/zone/zone_builder.h"

#include <algorithm>
#include <cstring>

#include "dns/core/wire/rdata.h"
#include "dns/core/zone/zone_assembly.h"

namespace dns {

namespace {

constexpr std::uint32_t kMaxTtl = 0x7FFFFFFF;  // RFC 2181 section 8
constexpr std::size_t kMaxBytes = 0xF0000000;  // offsets are 32 bits
constexpr std::size_t kFirstSlots = 64;

[[nodiscard]] std::string type_number(RrType type) { return "TYPE" + std::to_string(static_cast<unsigned>(type)); }

}  // namespace

ZoneBuilder::ZoneBuilder(const Name& apex) : apex_(apex) {
  clear();
  apex_hash_ = owners_[0].hash;
}

void ZoneBuilder::reserve(std::size_t records) {
  constexpr std::size_t kMost = 16'000'000;  // what a file claims by its lines alone
  constexpr std::size_t kBytesEach = 16;     // a guess at a short name and its data
  records = std::min(records, kMost);
  entries_.reserve(entries_.size() + records);
  owners_.reserve(owners_.size() + records);
  bytes_.reserve(bytes_.size() + records * kBytesEach);
}

shared::Result<void> ZoneBuilder::add(const Record& record) {
  HashedName name;
  if (record.owner.empty() || name.assign(record.owner) != record.owner.size())
    return shared::fail("the owner is not a name");
  const auto refuse = [&](const std::string& why) { return shared::fail(name_to_text(record.owner) + ": " + why); };
  if (!within_zone(name)) return refuse("outside the zone " + apex_.to_text());
  if (record.klass != RrClass::in) return refuse("only class IN is served");
  if (is_meta(record.type)) return refuse(type_number(record.type) + " is not a type of data");
  if (record.ttl > kMaxTtl) return refuse("the TTL is over 2147483647 seconds");
  if (record.rdata.size() > 65535) return refuse("the data is over 65535 octets");
  if (const char* problem = rdata_problem(record.type, record.rdata)) return refuse(problem);
  if (bytes_.size() > kMaxBytes || entries_.size() >= kNone) return refuse("the zone is too large");

  has_hints_ |= is_service_binding(record.type) && has_address_hints(record.rdata);
  const std::uint32_t index = find_or_insert(name, 0);
  const std::uint32_t rdata_at = append(record.rdata);
  Owner& owner = owners_[index];
  if (record.type == RrType::ns && index != 0) owner.flags |= Node::kCut;
  if (record.type == RrType::dname) owner.flags |= Node::kDname;
  if (record.type == RrType::cname) owner.flags |= Node::kCname;
  entries_.push_back(
      {owner.first, rdata_at, record.ttl, record.where, record.type, static_cast<std::uint16_t>(record.rdata.size())});
  owner.first = static_cast<std::uint32_t>(entries_.size() - 1);
  return {};
}

shared::Result<void> ZoneBuilder::mark_policy(const Name& owner, PolicyNameId policy, std::uint32_t where,
                                              SteeredTypes types) {
  HashedName name;
  name.assign(owner.wire());
  if (!within_zone(name)) return shared::fail(owner.to_text() + ": outside the zone " + apex_.to_text());
  const std::uint32_t index = find_or_insert(name, 0);
  if (owners_[index].policy != kNone) return shared::fail(owner.to_text() + ": has two policies");
  owners_[index].policy = static_cast<std::uint32_t>(policy);
  owners_[index].flags |= Node::kPolicy;
  policies_.push_back({index, where, types});
  return {};
}

BuiltZone ZoneBuilder::finish() {
  BuiltZone built = ZoneAssembly(*this).run();
  clear();
  std::stable_sort(built.problems.begin(), built.problems.end(),
                   [](const ZoneProblem& a, const ZoneProblem& b) { return a.where < b.where; });
  return built;
}

bool ZoneBuilder::within_zone(const HashedName& name) const {
  const NameSpan apex = apex_.wire();
  const NameSpan whole = name.wire();
  if (whole.size() < apex.size()) return false;
  const std::size_t at = whole.size() - apex.size();
  if (std::memcmp(&whole[at], apex.data(), apex.size()) != 0) return false;
  for (unsigned label = 0; label <= name.labels(); ++label) {
    if (name.offset(label) == at) return true;
  }
  return false;
}

NameSpan ZoneBuilder::relative(const HashedName& name, unsigned label) const {
  const NameSpan suffix = name.suffix(label);
  return suffix.first(suffix.size() - apex_.wire().size());
}

std::size_t ZoneBuilder::probe(const HashedName& name, unsigned label) const {
  const NameSpan wanted = relative(name, label);
  const std::uint64_t hash = name.hash(label);
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  const std::size_t mask = slots_.size() - 1;
  std::size_t i = hash & mask;
  for (; slots_[i].owner != 0; i = (i + 1) & mask) {
    if (slots_[i].tag != tag) continue;
    const Owner& owner = owners_[slots_[i].owner - 1];
    if (owner.hash == hash && std::ranges::equal(relative(owner), wanted)) break;
  }
  return i;
}

std::uint32_t ZoneBuilder::find_or_insert(const HashedName& name, unsigned label) {
  if ((owners_.size() + 1) * 2 > slots_.size()) grow_slots(slots_.size() * 2);
  const std::size_t slot = probe(name, label);
  return slots_[slot].owner != 0 ? slots_[slot].owner - 1 : insert(name, label, slot);
}

// At the free `slot` that probe() has found. Also inserts the ancestors that are missing: the empty non-terminals.
std::uint32_t ZoneBuilder::insert(const HashedName& name, unsigned label, std::size_t slot) {
  Owner owner;
  owner.hash = name.hash(label);
  owner.name_size = static_cast<std::uint8_t>(relative(name, label).size());
  owner.name_at = append(relative(name, label));
  if (owner.name_size > 0) {
    const std::size_t before = owners_.size();
    const std::uint32_t parent = find_or_insert(name, label + 1);
    if (owner.name_size >= 2 && bytes_[owner.name_at] == 1 && bytes_[owner.name_at + 1] == '*') {
      owners_[parent].flags |= Node::kWildcard;
    }
    if (owners_.size() != before) {
      if ((owners_.size() + 1) * 2 > slots_.size()) grow_slots(slots_.size() * 2);
      slot = probe(name, label);
    }
  }
  owners_.push_back(owner);
  slots_[slot] = {static_cast<std::uint32_t>(owner.hash >> 32), static_cast<std::uint32_t>(owners_.size())};
  max_labels_ = std::max(max_labels_, name.labels() - label);
  return slots_[slot].owner - 1;
}

void ZoneBuilder::grow_slots(std::size_t size) {
  const std::size_t mask = size - 1;
  std::vector<Slot>(size).swap(slots_);
  for (std::uint32_t index = 0; index < owners_.size(); ++index) {
    std::size_t i = owners_[index].hash & mask;
    while (slots_[i].owner != 0) i = (i + 1) & mask;
    slots_[i] = {static_cast<std::uint32_t>(owners_[index].hash >> 32), index + 1};
  }
}

void ZoneBuilder::clear() {
  std::vector<std::uint8_t>().swap(bytes_);
  std::vector<Entry>().swap(entries_);
  std::vector<Owner>().swap(owners_);
  std::vector<Slot>(kFirstSlots).swap(slots_);
  policies_.clear();
  has_hints_ = false;
  max_labels_ = 0;
  HashedName name;
  name.assign(apex_.wire());
  insert(name, 0, probe(name, 0));
}

std::uint32_t ZoneBuilder::append(std::span<const std::uint8_t> bytes) {
  const auto at = static_cast<std::uint32_t>(bytes_.size());
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return at;
}

}  // namespace dns

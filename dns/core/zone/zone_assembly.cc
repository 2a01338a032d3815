#include "dns/core/zone/zone_assembly.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "dns/core/wire/rdata.h"
#include "dns/core/zone/shorten.h"

namespace dns {

namespace {

constexpr std::size_t kMaxProblems = 200;  // a broken generator repeats one mistake a million times
constexpr std::size_t kRrHead = 12;        // owner pointer and fixed part

// The first 16 octets of a name's labels from the apex down, each ended by 0: compares as canonical order does. Octets
// 0 and 1 inside a label are escaped so that the end of a label stays the smallest.
struct SortKey {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::uint32_t owner = 0;
};

[[nodiscard]] SortKey sort_key(NameSpan relative, std::uint32_t owner) {
  std::array<std::uint8_t, kMaxLabels> starts;
  unsigned labels = 0;
  for (std::size_t i = 0; i < relative.size(); i += relative[i] + 1U) starts[labels++] = static_cast<std::uint8_t>(i);
  std::array<std::uint8_t, 2 * kMaxNameSize + 16> octets{};
  std::size_t size = 0;
  while (labels > 0 && size < 16) {
    const std::uint8_t* label = &relative[starts[--labels]];
    for (unsigned i = 1; i <= label[0]; ++i) {
      if (label[i] <= 1) octets[size++] = 1;
      octets[size++] = static_cast<std::uint8_t>(label[i] <= 1 ? label[i] + 1 : label[i]);
    }
    octets[size++] = 0;
  }
  const auto word = [&](std::size_t at) {
    return std::uint64_t{load_u32(&octets[at])} << 32 | load_u32(&octets[at + 4]);
  };
  return {word(0), word(8), owner};
}

[[nodiscard]] bool is_below(NameSpan name, NameSpan ancestor) {
  if (name.size() <= ancestor.size()) return false;
  const std::size_t at = name.size() - ancestor.size();
  std::size_t i = 0;
  while (i < at) i += name[i] + 1U;
  return i == at && std::equal(ancestor.begin(), ancestor.end(), name.begin() + static_cast<std::ptrdiff_t>(at));
}

using Arena = shared::LargePageVector<std::uint8_t>;

void append_host(Arena& arena, const void* value, std::size_t size) {
  const auto* bytes = static_cast<const std::uint8_t*>(value);
  arena.insert(arena.end(), bytes, bytes + size);
}

void align(Arena& arena) { arena.resize((arena.size() + 3) & ~std::size_t{3}); }

// The name of a type as zone files say it, for messages.
[[nodiscard]] std::string type_text(RrType type) {
  struct Row {
    RrType type;
    const char* name;
  };
  static constexpr Row kNames[] = {{RrType::a, "A"},         {RrType::ns, "NS"},      {RrType::cname, "CNAME"},
                                   {RrType::soa, "SOA"},     {RrType::ptr, "PTR"},    {RrType::mx, "MX"},
                                   {RrType::txt, "TXT"},     {RrType::aaaa, "AAAA"},  {RrType::srv, "SRV"},
                                   {RrType::dname, "DNAME"}, {RrType::ds, "DS"},      {RrType::rrsig, "RRSIG"},
                                   {RrType::svcb, "SVCB"},   {RrType::https, "HTTPS"}};
  for (const Row& row : kNames) {
    if (row.type == type) return row.name;
  }
  return "TYPE" + std::to_string(static_cast<unsigned>(type));
}

// What may stand beside a CNAME (RFC 2181 10.1, RFC 4034 2.5), and what a cut owns itself.
[[nodiscard]] bool beside_alias(RrType type) {
  return type == RrType::cname || type == RrType::rrsig || type == RrType::nsec || type == RrType::key ||
         type == RrType::sig;
}
[[nodiscard]] bool belongs_to_cut(RrType type) {
  return type == RrType::ns || type == RrType::ds || type == RrType::rrsig || type == RrType::nsec || is_address(type);
}

[[nodiscard]] bool has_address(const Node& node) {
  return node.has(Node::kPolicy) || node.find(RrType::a).count > 0 || node.find(RrType::aaaa).count > 0;
}

}  // namespace

BuiltZone ZoneAssembly::run() {
  zone_ = std::shared_ptr<Zone>(new Zone);
  zone_->apex_ = from_.apex_;
  zone_->apex_hash_ = from_.apex_hash_;
  zone_->apex_labels_ = static_cast<unsigned>(from_.apex_.label_count());
  zone_->max_labels_ = from_.max_labels_;
  zone_->name_count_ = from_.owners_.size();
  if (from_.has_hints_ && !from_.policies_.empty()) check_hints();

  const std::vector<std::uint32_t> order = canonical_order();
  zone_->arena_.reserve(arena_bound());
  zone_->arena_.resize(Zone::kFirstNode);
  places_.resize(order.size());
  for (const std::uint32_t index : order) place(index);
  write_slots();
  check_apex();
  if (errors_ == 0) check_name_servers();
  return {errors_ == 0 ? std::move(zone_) : nullptr, std::move(problems_)};
}

// RFC 9460 section 7.3: hints must not contradict the addresses. Those of a policy name differ by client: answer() puts
// the client's own in place of what stands in the zone file.
void ZoneAssembly::check_hints() {
  for (const Owner& owner : from_.owners_) {
    for (std::uint32_t i = owner.first; i != ZoneBuilder::kNone; i = from_.entries_[i].next) {
      const Entry& entry = from_.entries_[i];
      if (is_service_binding(entry.type) && has_address_hints(rdata(entry))) check_hint(entry, owner);
    }
  }
}

void ZoneAssembly::check_hint(const Entry& entry, const Owner& owner) {
  if (!hints_are_mandatory(rdata(entry))) return;
  const NameSpan target = target_name(entry.type, rdata(entry));
  const Owner* answering = target.size() == 1 ? &owner : owner_that_answers(target);
  if (answering == nullptr || (answering->flags & Node::kPolicy) == 0) return;
  problem(Severity::error, entry.where,
          text(owner) + ": address hints are mandatory, but a policy chooses the addresses and may find none");
}

// The owner itself or the wildcard of its closest encloser; nullptr: not in this zone.
const ZoneBuilder::Owner* ZoneAssembly::owner_that_answers(NameSpan name) const {
  HashedName hashed;
  hashed.assign(name);
  if (!from_.within_zone(hashed)) return nullptr;
  const auto find = [&](const HashedName& wanted, unsigned label) -> const Owner* {
    const std::uint32_t found = from_.slots_[from_.probe(wanted, label)].owner;
    return found == 0 ? nullptr : &from_.owners_[found - 1];
  };
  unsigned label = 0;
  while (find(hashed, label) == nullptr) ++label;  // ends at the apex
  if (label == 0) return find(hashed, 0);
  std::vector<std::uint8_t> wildcard{1, '*'};
  const NameSpan encloser = hashed.suffix(label);
  wildcard.insert(wildcard.end(), encloser.begin(), encloser.end());
  HashedName source;
  return source.assign(wildcard) == 0 ? nullptr : find(source, 0);
}

std::vector<std::uint32_t> ZoneAssembly::canonical_order() const {
  std::vector<SortKey> keys;
  keys.reserve(from_.owners_.size());
  for (std::uint32_t i = 0; i < from_.owners_.size(); ++i)
    keys.push_back(sort_key(from_.relative(from_.owners_[i]), i));
  const auto before = [&](const SortKey& a, const SortKey& b) {
    if (a.high != b.high) return a.high < b.high;
    if (a.low != b.low) return a.low < b.low;
    return compare_canonical(from_.relative(from_.owners_[a.owner]), from_.relative(from_.owners_[b.owner])) < 0;
  };
  // Merging makes use of the runs that files have (n8, n9, n10, n11); std::sort falls back to its heap on them.
  if (!std::is_sorted(keys.begin(), keys.end(), before)) std::stable_sort(keys.begin(), keys.end(), before);
  std::vector<std::uint32_t> order(keys.size());
  std::transform(keys.begin(), keys.end(), order.begin(), [](const SortKey& key) { return key.owner; });
  return order;
}

// At least what the arena will take; reserved memory that is never written costs nothing.
std::size_t ZoneAssembly::arena_bound() const {
  std::size_t bound = Zone::kFirstNode;
  for (const Owner& owner : from_.owners_) bound += 8 + owner.name_size + 3U;
  constexpr std::size_t kMoves = 8;  // of one record
  for (const Entry& entry : from_.entries_) bound += 8 + kRrHead + entry.rdata_size + 3 + kMoves;
  return bound;
}

void ZoneAssembly::place(std::uint32_t index) {
  Owner& owner = from_.owners_[index];
  auto& arena = zone_->arena_;
  collect_entries(owner);
  mark_occlusion(owner);
  if ((owner.flags & Node::kPolicy) != 0) check_policy(owner);
  check_owner(owner);
  drop_parents_records(owner);
  const std::size_t at = arena.size();
  places_[index] = static_cast<std::uint32_t>(at / 4);
  arena.insert(arena.end(), {owner.flags, owner.name_size, 0, 0});
  if ((owner.flags & Node::kPolicy) != 0) append_host(arena, &owner.policy, sizeof owner.policy);
  const NameSpan name = from_.relative(owner);
  arena.insert(arena.end(), name.begin(), name.end());
  align(arena);
  std::uint16_t rrsets = 0;
  for (std::size_t begin = 0; begin < rrs_.size(); ++rrsets) {
    const std::size_t end = rrset_end(begin);
    write_rrset(owner, begin, end);
    begin = end;
  }
  std::memcpy(&arena[at + 2], &rrsets, sizeof rrsets);
  if ((owner.flags & (Node::kCut | Node::kDname)) != 0 && (owner.flags & Node::kOccluded) == 0) above_ = index;
}

// The records of one name, by type and data, duplicates removed (RFC 2181 section 5).
void ZoneAssembly::collect_entries(const Owner& owner) {
  rrs_.clear();
  for (std::uint32_t i = owner.first; i != ZoneBuilder::kNone; i = from_.entries_[i].next)
    rrs_.push_back(from_.entries_[i]);
  if (rrs_.size() < 2) return;
  const auto order = [&](const Entry& a, const Entry& b) {
    return a.type != b.type ? a.type <=> b.type : compare_rdata(a.type, rdata(a), rdata(b));
  };
  // The list is newest first: reversed and sorted stably, the first of equal records is the first in the file.
  std::reverse(rrs_.begin(), rrs_.end());
  std::stable_sort(rrs_.begin(), rrs_.end(), [&](const Entry& a, const Entry& b) { return order(a, b) < 0; });
  const auto same = [&](const Entry& a, const Entry& b) { return order(a, b) == 0; };
  for (auto at = rrs_.begin(); (at = std::adjacent_find(at, rrs_.end(), same)) != rrs_.end(); ++at) {
    at[0].ttl = at[1].ttl = std::min(at[0].ttl, at[1].ttl);
    problem(Severity::warning, at[1].where, text(owner) + ": duplicate " + type_text(at[1].type) + " record removed");
  }
  rrs_.erase(std::unique(rrs_.begin(), rrs_.end(), same), rrs_.end());
}

// DS belongs to the parent's side of a cut, which this zone's apex is not (RFC 4035 section 3.1.4.1).
void ZoneAssembly::drop_parents_records(const Owner& owner) {
  if (owner.name_size == 0) std::erase_if(rrs_, [](const Entry& rr) { return rr.type == RrType::ds; });
}

// In canonical order everything below a name follows it directly.
void ZoneAssembly::mark_occlusion(Owner& owner) {
  if (above_ == ZoneBuilder::kNone) return;
  const Owner& above = from_.owners_[above_];
  if (!is_below(from_.relative(owner), from_.relative(above))) {
    above_ = ZoneBuilder::kNone;
    return;
  }
  const std::uint32_t where = rrs_.empty() ? 0 : rrs_.front().where;
  if ((above.flags & Node::kCut) != 0) {
    owner.flags |= Node::kOccluded;
    const bool glue_only = std::all_of(rrs_.begin(), rrs_.end(), [](const Entry& rr) { return is_address(rr.type); });
    if (!glue_only)
      problem(Severity::warning, where,
              text(owner) + ": never answered, it lies below the delegation of " + text(above));
  } else if (!rrs_.empty()) {  // RFC 6672 section 2.4
    problem(Severity::error, where, text(owner) + ": lies below the DNAME of " + text(above));
  }
}

void ZoneAssembly::check_owner(const Owner& owner) {
  if ((owner.flags & Node::kCname) != 0) check_alias(owner);
  const bool wildcard = owner.name_size >= 2 && from_.relative(owner)[0] == 1 && from_.relative(owner)[1] == '*';
  if (wildcard && (owner.flags & (Node::kCut | Node::kDname)) != 0) {  // RFC 4592 sections 4.2 and 4.4
    problem(Severity::warning, rrs_.front().where,
            text(owner) + ": NS and DNAME of a wildcard are answered as data, they neither delegate nor redirect");
  }
  if ((owner.flags & Node::kCut) != 0) check_delegation(owner);
  const auto dnames = std::count_if(rrs_.begin(), rrs_.end(), [](const Entry& rr) { return rr.type == RrType::dname; });
  if (dnames > 1) problem(Severity::error, rrs_.front().where, text(owner) + ": more than one DNAME");
  if (owner.name_size == 0) check_single_soa(owner);
  bool has_servers = false;
  for (const Entry& rr : rrs_) {
    if (rr.type == RrType::soa && owner.name_size > 0)
      problem(Severity::error, rr.where, text(owner) + ": SOA below the apex");
    if (rr.type == RrType::ds && owner.name_size == 0)  // RFC 4035 section 3.1.4.1
      problem(Severity::warning, rr.where,
              text(owner) + ": DS at the apex is never answered, it belongs to the parent");
    has_servers |= rr.type == RrType::ns;
  }
  if (has_servers) name_servers_.push_back(static_cast<std::uint32_t>(&owner - from_.owners_.data()));
}

// At the apex; that there is one at all is check_apex()'s matter.
void ZoneAssembly::check_single_soa(const Owner& owner) {
  std::uint32_t where = 0;
  unsigned count = 0;
  for (const Entry& rr : rrs_) {
    if (rr.type != RrType::soa) continue;
    ++count;
    where = std::max(where, rr.where);
  }
  if (count > 1) problem(Severity::error, where, text(owner) + ": the zone has more than one SOA");
}

void ZoneAssembly::check_alias(const Owner& owner) {
  unsigned aliases = 0;
  const Entry* other = nullptr;
  const Entry* last = nullptr;
  for (const Entry& rr : rrs_) {
    if (rr.type == RrType::cname) {
      ++aliases;
      last = &rr;
    } else if (!beside_alias(rr.type)) {
      other = &rr;
    }
  }
  if (other != nullptr)
    problem(Severity::error, last->where, text(owner) + ": CNAME beside other data (" + type_text(other->type) + ")");
  if (aliases > 1) problem(Severity::error, last->where, text(owner) + ": more than one CNAME");
}

void ZoneAssembly::check_policy(Owner& owner) {
  const auto index = static_cast<std::uint32_t>(&owner - from_.owners_.data());
  const auto mark =
      std::find_if(from_.policies_.begin(), from_.policies_.end(), [&](const auto& m) { return m.owner == index; });
  if ((owner.flags & (Node::kCut | Node::kOccluded)) != 0) {
    problem(Severity::error, mark->where, text(owner) + ": a policy name at or below a delegation is never answered");
  }
  if (above_ != ZoneBuilder::kNone && (owner.flags & Node::kOccluded) == 0) {  // RFC 6672 section 2.4
    problem(Severity::error, mark->where,
            text(owner) + ": lies below the DNAME of " + text(from_.owners_[above_]) +
                ", so who has that one never asks for it");
  }
  const auto stands = [&](RrType type) {
    return (type == RrType::a && !mark->types.a) || (type == RrType::aaaa && !mark->types.aaaa);
  };
  for (const Entry& rr : rrs_) {
    if (stands(rr.type)) {
      owner.flags |= Node::kBeside;
    } else if (is_address(rr.type) || rr.type == RrType::cname) {
      problem(Severity::error, rr.where,
              text(owner) + ": dns.names says where the addresses of this name come from, so it cannot have " +
                  (rr.type == RrType::cname ? "a CNAME"
                                            : type_text(rr.type) + " records, unless `families` leaves them out"));
    }
  }
}

void ZoneAssembly::check_delegation(const Owner& owner) {
  for (const Entry& rr : rrs_) {
    if (belongs_to_cut(rr.type)) continue;
    problem(Severity::warning, rr.where,
            text(owner) + ": " + type_text(rr.type) + " is never answered, the name is delegated");
  }
}

std::size_t ZoneAssembly::rrset_end(std::size_t begin) {
  std::size_t end = begin + 1;
  while (end < rrs_.size() && rrs_[end].type == rrs_[begin].type) ++end;
  return end;
}

void ZoneAssembly::write_rrset(const Owner& owner, std::size_t begin, std::size_t end) {
  std::uint32_t size = 0;
  for (std::size_t i = begin; i < end; ++i) size += kRrHead + rrs_[i].rdata_size;
  const RrType type = rrs_[begin].type;
  const std::size_t around = kHeaderSize + kMaxNameSize + 4 + kOptFixedSize;
  if (around + size > kMaxMessageSize) {
    return problem(Severity::error, rrs_[begin].where,
                   text(owner) + ": the " + type_text(type) + " records fit into no message");
  }
  const std::vector<std::uint32_t> moves = write_records(owner, begin, end);
  auto& arena = zone_->arena_;
  const std::uint16_t head[4] = {static_cast<std::uint16_t>(type), static_cast<std::uint16_t>(end - begin),
                                 static_cast<std::uint16_t>(set_.size()), static_cast<std::uint16_t>(moves.size())};
  append_host(arena, head, sizeof head);
  arena.insert(arena.end(), set_.begin(), set_.end());
  align(arena);
  append_host(arena, moves.data(), moves.size() * sizeof moves[0]);
}

// Into set_; returns its moves.
std::vector<std::uint32_t> ZoneAssembly::write_records(const Owner& owner, std::size_t begin, std::size_t end) {
  const RrType type = rrs_[begin].type;
  const std::uint32_t ttl = lowest_ttl(owner, begin, end);
  std::optional<Shortener> shortener;
  if (may_be_shortened(type)) shortener.emplace(whole_name(owner));
  set_.clear();
  for (std::size_t i = begin; i < end; ++i) {
    std::uint8_t fixed[kRrHead] = {0xC0, kHeaderSize};
    store_u16(fixed + 2, static_cast<std::uint16_t>(type));
    store_u16(fixed + 4, static_cast<std::uint16_t>(RrClass::in));
    store_u32(fixed + 6, type == RrType::rrsig ? rrs_[i].ttl : ttl);
    store_u16(fixed + 10, rrs_[i].rdata_size);
    const auto data = rdata(rrs_[i]);
    if (shortener) {
      shortener->add(set_, fixed, type, data);
      continue;
    }
    set_.insert(set_.end(), fixed, fixed + kRrHead);
    set_.insert(set_.end(), data.begin(), data.end());
  }
  return shortener ? shortener->moves() : std::vector<std::uint32_t>();
}

std::vector<std::uint8_t> ZoneAssembly::whole_name(const Owner& owner) const {
  const NameSpan relative = from_.relative(owner);
  const NameSpan apex = from_.apex_.wire();
  std::vector<std::uint8_t> name(relative.begin(), relative.end());
  name.insert(name.end(), apex.begin(), apex.end());
  return name;
}

// RFC 2181 section 5.2. Signatures have the TTL of what they sign (RFC 4034 section 3), so theirs may differ.
std::uint32_t ZoneAssembly::lowest_ttl(const Owner& owner, std::size_t begin, std::size_t end) {
  std::uint32_t ttl = rrs_[begin].ttl;
  bool differ = false;
  for (std::size_t i = begin; i < end; ++i) {
    differ |= rrs_[i].ttl != ttl;
    ttl = std::min(ttl, rrs_[i].ttl);
  }
  if (differ && rrs_[begin].type != RrType::rrsig) {
    problem(Severity::warning, rrs_[begin].where,
            text(owner) + ": the " + type_text(rrs_[begin].type) + " records differ in TTL, all get " +
                std::to_string(ttl));
  }
  return ttl;
}

void ZoneAssembly::write_slots() {
  const std::size_t names = from_.owners_.size();
  auto& slots = zone_->slots_;
  slots.resize(names + names / 2 + 2);
  for (std::size_t index = 0; index < names; ++index) {
    const std::uint64_t hash = from_.owners_[index].hash;
    std::size_t i = zone_->slot_of(hash);
    while (slots[i].where != 0) i = i + 1 == slots.size() ? 0 : i + 1;
    slots[i] = {static_cast<std::uint32_t>(hash), places_[index]};
  }
}

void ZoneAssembly::check_apex() {
  const Node apex = zone_->apex_node();
  const Rrset soa = apex.find(RrType::soa);
  const std::string name = from_.apex_.to_text();
  if (soa.count == 0) problem(Severity::error, 0, name + ": the zone has no SOA");
  if (apex.find(RrType::ns).count == 0) problem(Severity::error, 0, name + ": the zone has no NS records at its apex");
  if (soa.count == 1) write_negative_soa(soa);
}

void ZoneAssembly::write_negative_soa(const Rrset& soa) {
  std::vector<std::uint8_t>& wire = zone_->negative_soa_;
  wire.assign(soa.wire.begin(), soa.wire.end());
  zone_->serial_ = load_u32(&wire[wire.size() - 20]);
  const std::uint32_t minimum = load_u32(&wire[wire.size() - 4]);
  store_u32(&wire[6], std::min(load_u32(&wire[6]), minimum));
  zone_->negative_soa_size_ = static_cast<std::uint16_t>(wire.size());
  zone_->negative_soa_pointers_ = soa.pointers;
  if (soa.pointers == 0) return;
  const auto* moves = soa.wire.data() + Rrset::moves_at(wire.size());
  wire.resize(Rrset::moves_at(wire.size()));
  wire.insert(wire.end(), moves, moves + soa.pointers * sizeof(std::uint32_t));
}

void ZoneAssembly::check_name_servers() {
  for (const std::uint32_t index : name_servers_) {
    const Owner& owner = from_.owners_[index];
    const Node node(zone_->arena_.data() + std::size_t{places_[index]} * 4);
    if (node.has(Node::kOccluded)) continue;
    for (std::uint32_t i = owner.first; i != ZoneBuilder::kNone; i = from_.entries_[i].next) {
      const Entry& entry = from_.entries_[i];
      if (entry.type == RrType::ns) check_name_server(node, rdata(entry), entry.where);
    }
  }
}

// A server named inside this zone should have an address here. Without glue at or below its own cut nobody can reach it
// (RFC 9471 section 2.1); glue below another cut of this zone only saves a question. The rest of the zone is good all
// the same, and all peers serve it.
void ZoneAssembly::check_name_server(const Node& owner, NameSpan target, std::uint32_t where) {
  HashedName name;
  name.assign(target);
  if (!from_.within_zone(name)) return;
  const std::string server = "name server " + name_to_text(target);
  const Match match = zone_->match(name);
  if (match.kind == Match::Kind::delegation) {
    const Node glue = zone_->find(name, 0);
    if (glue && has_address(glue)) return;
    const bool own_cut = std::ranges::equal(match.node.relative_name(), owner.relative_name());
    return problem(Severity::warning, where,
                   server + (own_cut ? " lies in the zone that it serves and has no glue here: nobody can reach it"
                                     : " lies below another delegation and has no glue here"));
  }
  const bool found = match.kind == Match::Kind::exact || match.kind == Match::Kind::wildcard;
  if (found && has_address(match.node)) return;
  const bool alias = match.kind == Match::Kind::dname || (found && match.node.has(Node::kCname));
  problem(Severity::warning, where,
          server + (alias ? " is an alias, which resolvers do not follow (RFC 2181 section 10.3)"
                          : " has no address in this zone"));
}

std::string ZoneAssembly::text(const Owner& owner) const {
  std::string apex = from_.apex_.to_text();
  if (owner.name_size == 0) return apex;
  return name_to_text(from_.relative(owner)) + (from_.apex_.is_root() ? "" : apex);
}

void ZoneAssembly::problem(Severity severity, std::uint32_t where, std::string text) {
  const bool is_error = severity == Severity::error;
  if (is_error) ++errors_;
  // An error is never crowded out by warnings.
  if (problems_.size() < kMaxProblems || (is_error && errors_ == 1))
    problems_.push_back({severity, where, std::move(text)});
}

}  // namespace dns

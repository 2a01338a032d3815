#pragma once
// ZoneAssembly: the second half of ZoneBuilder. Sorts the names once into canonical order, groups and checks their
// records and lays the nodes out in the arena; then checks what only a finished zone shows (glue). One use, on the
// Builder thread.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dns/core/zone/zone_builder.h"

namespace dns {

class ZoneAssembly {
 public:
  explicit ZoneAssembly(ZoneBuilder& from) : from_(from) {}

  [[nodiscard]] BuiltZone run();

 private:
  using Entry = ZoneBuilder::Entry;
  using Owner = ZoneBuilder::Owner;
  using Severity = ZoneProblem::Severity;

  void check_hints();
  void check_hint(const Entry& entry, const Owner& owner);
  [[nodiscard]] const Owner* owner_that_answers(NameSpan name) const;

  [[nodiscard]] std::vector<std::uint32_t> canonical_order() const;
  [[nodiscard]] std::size_t arena_bound() const;
  void place(std::uint32_t index);
  void mark_occlusion(Owner& owner);
  void collect_entries(const Owner& owner);
  void drop_parents_records(const Owner& owner);
  void check_owner(const Owner& owner);
  void check_single_soa(const Owner& owner);
  void check_alias(const Owner& owner);
  void check_policy(Owner& owner);
  void check_delegation(const Owner& owner);
  [[nodiscard]] std::size_t rrset_end(std::size_t begin);
  void write_rrset(const Owner& owner, std::size_t begin, std::size_t end);
  [[nodiscard]] std::vector<std::uint32_t> write_records(const Owner& owner, std::size_t begin, std::size_t end);
  [[nodiscard]] std::vector<std::uint8_t> whole_name(const Owner& owner) const;
  [[nodiscard]] std::uint32_t lowest_ttl(const Owner& owner, std::size_t begin, std::size_t end);
  void write_slots();
  void check_apex();
  void write_negative_soa(const Rrset& soa);
  void check_name_servers();
  void check_name_server(const Node& owner, NameSpan target, std::uint32_t where);

  [[nodiscard]] std::span<const std::uint8_t> rdata(const Entry& entry) const {
    return {from_.bytes_.data() + entry.rdata_at, entry.rdata_size};
  }
  [[nodiscard]] std::string text(const Owner& owner) const;
  void problem(Severity severity, std::uint32_t where, std::string text);

  ZoneBuilder& from_;
  std::shared_ptr<Zone> zone_;
  std::vector<ZoneProblem> problems_;
  std::size_t errors_ = 0;
  std::vector<Entry> rrs_;                    // of the name at hand, by type and data
  std::vector<std::uint8_t> set_;             // of these, the wire of the set at hand
  std::vector<std::uint32_t> places_;         // owner index -> arena offset / 4
  std::vector<std::uint32_t> name_servers_;   // entries of type NS, to be checked for addresses
  std::uint32_t above_ = ZoneBuilder::kNone;  // the owner whose subtree we are in: a cut or a DNAME
};

}  // namespace dns

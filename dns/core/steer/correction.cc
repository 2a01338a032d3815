#include "dns/core/steer/correction.h"

#include <map>
#include <utility>
#include <vector>

#include "dns/core/steer/sweep.h"

namespace dns {
namespace {

using shared::SegmentTable;

// How many IPv4 addresses each record holds. IPv6 has other sizes and is left out: a hint, not a count.
std::vector<std::uint64_t> sizes_of(const GeoDatabase& database) {
  std::vector<std::uint64_t> sizes(database.records().size());
  const auto starts = database.ranges().v4().starts();
  const auto values = database.ranges().v4().values();
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::uint64_t end = i + 1 < starts.size() ? starts[i + 1] : std::uint64_t{1} << 32;
    sizes[values[i]] += end - starts[i];
  }
  return sizes;
}

class Overlay {
 public:
  Overlay(const GeoDatabase& database, std::span<const Correction> corrections)
      : database_(database), corrections_(corrections), records_(database.records()) {
    std::vector<shared::PrefixRow> rows;
    for (std::uint32_t i = 0; i < corrections.size(); ++i) rows.push_back({corrections[i].prefix, i + 1});
    rows_ = shared::PrefixTable::from_rows(std::move(rows), 0);
    for (const Correction& row : corrections) {
      const bool homeless = row.code && !row.location;
      locations_.push_back(homeless ? location_of(database, *row.code) : row.location);
    }
  }

  std::shared_ptr<const GeoDatabase> build() {
    auto v4 = laid_over<std::uint32_t>();
    auto v6 = laid_over<shared::Key128>();
    return std::make_shared<const GeoDatabase>(database_.source(), std::move(records_),
                                               shared::PrefixTable(std::move(v4), std::move(v6)));
  }

 private:
  template <class Key>
  SegmentTable<Key> laid_over() {
    Sweep<Key> pieces;
    pieces.add(half<Key>(database_.ranges()));
    pieces.add(half<Key>(rows_));
    SegmentTable<Key> out;
    do {
      out.append(pieces.start(), record_for(pieces.value(0), pieces.value(1)));
    } while (pieces.advance());
    out.finish();
    return out;
  }

  std::uint32_t record_for(std::uint32_t record, std::uint32_t row) {
    if (row == 0) return record;
    const auto [found, fresh] = made_.try_emplace({record, row}, static_cast<std::uint32_t>(records_.size()));
    if (!fresh) return found->second;
    const Correction& correction = corrections_[row - 1];
    GeoRecord made = database_.records()[record];
    made.corrected = true;
    if (correction.code) made.code = *correction.code;
    if (correction.code || correction.location) made.location = locations_[row - 1];
    if (correction.asn) made.asn = *correction.asn;
    records_.push_back(std::move(made));
    return found->second;
  }

  const GeoDatabase& database_;
  std::span<const Correction> corrections_;
  shared::PrefixTable rows_;                        // address -> 1 + index of the row; 0: none
  std::vector<std::optional<Location>> locations_;  // by row
  std::vector<GeoRecord> records_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> made_;  // record and row -> new record
};

}  // namespace

std::optional<Location> location_of(const GeoDatabase& database, const GeoCode& code) {
  const std::vector<std::uint64_t> sizes = sizes_of(database);
  const GeoRecord* best = nullptr;
  std::uint64_t best_size = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const GeoRecord& record = database.records()[i];
    if (!record.location || !code.contains(record.code)) continue;
    const bool exact = record.code == code;
    const bool best_exact = best != nullptr && best->code == code;
    if (best != nullptr && (exact != best_exact ? best_exact : sizes[i] <= best_size)) continue;
    best = &record;
    best_size = sizes[i];
  }
  return best == nullptr ? std::nullopt : best->location;
}

std::shared_ptr<const GeoDatabase> corrected(const GeoDatabase& database, std::span<const Correction> corrections) {
  return Overlay(database, corrections).build();
}

}  // namespace dns

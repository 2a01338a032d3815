#include "shared/core/rate_cells.h"

#include <sys/mman.h>

#include <algorithm>
#include <limits>
#include <new>

#include "shared/core/large_pages.h"

namespace shared {
namespace {

std::uint64_t reach_of(RateCells::Allowance allowance) { return std::max(allowance.capacity, allowance.reach); }

}  // namespace

// calloc: what is zeroed by the kernel is not touched before it is used, and most lines of a large table never are.
// Each key is a miss of the cache; in a table of more than one large page it would be one of the page tables, too, so
// the kernel is asked for those (large_pages.h). What fits into one would have all of it with the first key.
RateCells::RateCells(unsigned line_bits) : line_bits_(line_bits) {
  const std::size_t size = sizeof(Line) << line_bits;
  const bool large = size > kLargePage;
  const std::size_t border = large ? kLargePage : alignof(Line);
  std::size_t space = size + border;
  memory_.reset(static_cast<Line*>(std::calloc(space, 1)));  // NOLINT(cppcoreguidelines-no-malloc)
  if (memory_ == nullptr) throw std::bad_alloc();
  void* at = memory_.get();
  lines_ = static_cast<Line*>(std::align(border, size, at, space));
  if (large) (void)::madvise(lines_, size, MADV_HUGEPAGE);  // advice: small pages do as well
}

std::uint64_t RateCells::ahead(std::uint64_t word, std::uint64_t now, std::uint64_t most) {
  const std::uint64_t distance = (word - now) & kTimeMask;
  return distance <= most ? distance : 0;
}

RateCells::Place RateCells::find(std::uint64_t key, std::uint64_t now, std::uint64_t reach) const {
  Line& line = line_of(key);
  const std::uint64_t tag = tag_of(key);
  Place place;
  std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
  for (std::uint64_t& cell : line.cells) {
    const std::uint64_t word = std::atomic_ref(cell).load(std::memory_order_relaxed);
    if (word >> kTimeBits == tag) return {.cell = &cell, .seen = word, .used = ahead(word, now, reach)};
    // Whatever the time is now: 0 may look like one that is to come.
    const std::uint64_t until = word == 0 ? 0 : ahead(word, now, reach);
    if (until >= least) continue;
    least = until;
    place = {.cell = &cell, .seen = word, .takes_over = until > 0};
  }
  return place;
}

RateCells::Taken RateCells::look(std::uint64_t key, std::uint64_t now, Allowance allowance) const {
  const std::uint64_t used = find(key, now, reach_of(allowance)).used;
  return {.admitted = used + allowance.interval <= allowance.capacity, .used = used};
}

RateCells::Taken RateCells::take(std::uint64_t key, std::uint64_t now, Allowance allowance) {
  while (true) {
    Place place = find(key, now, reach_of(allowance));
    if (place.used + allowance.interval > allowance.capacity) return {.admitted = false, .used = place.used};
    const std::uint64_t until = (now + place.used + allowance.interval) & kTimeMask;
    const std::uint64_t next = tag_of(key) << kTimeBits | until;
    // Lost to another worker: the line is read anew, whoever wins has got on.
    if (!std::atomic_ref(*place.cell).compare_exchange_strong(place.seen, next, std::memory_order_relaxed)) continue;
    if (place.takes_over) evicted_.fetch_add(1, std::memory_order_relaxed);
    return {.admitted = true, .used = place.used};
  }
}

void RateCells::rescale(std::uint64_t key, std::uint64_t now, double factor, Allowance allowance) {
  const Place place = find(key, now, reach_of(allowance));
  if (place.used == 0) return;
  const auto scaled = static_cast<std::uint64_t>(static_cast<double>(place.used) * factor);
  const std::uint64_t until = (now + std::min(scaled, allowance.capacity)) & kTimeMask;
  std::uint64_t seen = place.seen;
  // Lost to a worker: the key is in use, and what it has used settles by itself.
  std::atomic_ref(*place.cell)
      .compare_exchange_strong(seen, tag_of(key) << kTimeBits | until, std::memory_order_relaxed);
}

}  // namespace shared

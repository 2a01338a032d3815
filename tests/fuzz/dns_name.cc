// Names: whatever octets or text come, reading them is safe, and what is a name goes to text and back unchanged.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <span>
#include <string_view>

#include "dns/core/wire/name.h"

namespace {

void require(bool condition, std::source_location at = std::source_location::current()) {
  if (condition) return;
  std::fprintf(stderr, "%s:%u: requirement broken\n", at.file_name(), at.line());
  std::abort();
}

void check_wire(std::span<const std::uint8_t> bytes) {
  const std::size_t size = dns::name_length(bytes);
  dns::HashedName hashed;
  require(hashed.assign(bytes) == size);
  if (size == 0) return;
  const auto name = dns::Name::from_wire(bytes.first(size));
  require(name.has_value());
  require(std::ranges::equal(name->wire(), hashed.wire()));
  require(dns::names_equal(bytes.first(size), name->wire()));
  require(name->label_count() == hashed.labels());
  const auto again = dns::Name::from_text(name->to_text());
  require(again.has_value() && *again == *name);
  require((*again <=> *name) == 0);
  // Two names behind each other: the order has a direction, and equal hashes mean equal names.
  const auto rest = bytes.subspan(size);
  dns::HashedName other;
  if (other.assign(rest) == 0) return;
  const auto order = dns::compare_canonical(hashed.wire(), other.wire());
  require((0 <=> dns::compare_canonical(other.wire(), hashed.wire())) == order);
  require((hashed.hash(0) == other.hash(0)) == (order == 0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_wire({data, size});
  const auto name = dns::Name::from_text({reinterpret_cast<const char*>(data), size});
  if (name) require(dns::Name::from_wire(name->wire()) == *name);
  return 0;
}

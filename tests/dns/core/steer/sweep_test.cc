#include "dns/core/steer/sweep.h"

#include <gtest/gtest.h>

namespace dns::sweep_test {
namespace {

[[nodiscard]] shared::PrefixTable table(std::initializer_list<std::pair<const char*, std::uint32_t>> rows) {
  std::vector<shared::PrefixRow> out;
  for (const auto& [prefix, value] : rows) out.push_back({shared::Prefix::parse(prefix).value(), value});
  return shared::PrefixTable::from_rows(out, 0);
}

TEST(Sweep, StopsAtEveryBorderOfAnyTable) {
  const shared::PrefixTable wide = table({{"10.0.0.0/8", 1}});
  const shared::PrefixTable narrow = table({{"10.1.0.0/16", 2}, {"11.0.0.0/8", 3}});
  Sweep<std::uint32_t> sweep;
  sweep.add(half<std::uint32_t>(wide));
  sweep.add(half<std::uint32_t>(narrow));
  std::vector<std::string> stops;
  do {
    stops.push_back(address_of(sweep.start()).to_string() + " " + std::to_string(sweep.value(0)) + " " +
                    std::to_string(sweep.value(1)));
  } while (sweep.advance());
  EXPECT_EQ(stops, (std::vector<std::string>{"0.0.0.0 0 0", "10.0.0.0 1 0", "10.1.0.0 1 2", "10.2.0.0 1 0",
                                             "11.0.0.0 0 3", "12.0.0.0 0 0"}));
}

TEST(Sweep, NeighboursThatBecomeEqualMerge) {
  const shared::PrefixTable before = table({{"10.0.0.0/8", 1}, {"11.0.0.0/8", 2}, {"2001:db8::/32", 2}});
  const std::vector<std::uint32_t> values = {7, 8, 8};
  const shared::PrefixTable after = with_values(before, values);
  EXPECT_EQ(after.v4().starts().size(), before.v4().starts().size() - 1);
  for (const auto& [address, value] : std::initializer_list<std::pair<const char*, std::uint32_t>>{
           {"9.0.0.1", 7}, {"10.0.0.1", 8}, {"11.0.0.1", 8}, {"12.0.0.1", 7}, {"2001:db8::1", 8}, {"2001:db9::1", 7}}) {
    EXPECT_EQ(after.lookup(shared::IpAddress::parse(address).value()).value, value) << address;
  }
}

}  // namespace
}  // namespace dns::sweep_test

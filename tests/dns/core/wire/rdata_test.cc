#include "dns/core/wire/rdata.h"

#include <gtest/gtest.h>

#include "tests/support/dns_message.h"

namespace dns::rdata_test {
namespace {

using test::Bytes;

[[nodiscard]] Bytes with_name(std::string_view hex, std::string_view name) {
  Bytes out = test::from_hex(hex);
  test::append(out, test::wire_name(name));
  return out;
}

TEST(RdataCore, FindsTheTarget) {
  EXPECT_TRUE(std::ranges::equal(target_name(RrType::ns, with_name("", "a.b")), test::wire_name("a.b")));
  EXPECT_TRUE(std::ranges::equal(target_name(RrType::mx, with_name("000a", "a.b")), test::wire_name("a.b")));
  EXPECT_TRUE(std::ranges::equal(target_name(RrType::srv, with_name("000100020003", "a.b")), test::wire_name("a.b")));
  EXPECT_TRUE(std::ranges::equal(target_name(RrType::https, with_name("0001", "a.b")), test::wire_name("a.b")));
  EXPECT_FALSE(target_offset(RrType::txt));
  EXPECT_TRUE(target_name(RrType::a, Bytes(4)).empty());
}

TEST(RdataCore, SaysWhyDataCannotBeOfItsType) {
  EXPECT_EQ(rdata_problem(RrType::a, Bytes(4)), nullptr);
  EXPECT_NE(rdata_problem(RrType::a, Bytes(5)), nullptr);
  EXPECT_NE(rdata_problem(RrType::aaaa, Bytes(4)), nullptr);
  EXPECT_NE(rdata_problem(RrType::ns, test::from_hex("0361")), nullptr) << "a name that is cut off";
  EXPECT_EQ(rdata_problem(RrType{65400}, Bytes(3)), nullptr) << "of which nothing is known";
}

TEST(RdataCore, NamesInDataAreEqualWithoutRegardToCase) {
  EXPECT_EQ(compare_rdata(RrType::ns, test::wire_name("A.b"), test::wire_name("a.B")), std::strong_ordering::equal);
  EXPECT_NE(compare_rdata(RrType::txt, test::from_hex("0141"), test::from_hex("0161")), std::strong_ordering::equal);
}

// A hint takes the client's addresses, or goes if there are none; other parameters stay.
TEST(RdataCore, HintsAreReplaced) {
  const Bytes binding = test::from_hex("0001 00 0001 0003 026832 0004 0004 c0000201 0006 0010");
  Bytes whole = binding;
  whole.resize(binding.size() + 16, 7);
  ASSERT_TRUE(has_address_hints(whole));
  const Bytes rr = test::from_hex("c00c 0001 0001 0000003c 0004 cb00711f");
  const HintAddresses addresses{rr, {}};
  Bytes out(hinted_size(whole, addresses) + 4, 0xEE);
  const std::uint8_t* const end = write_hinted(out.data(), whole, addresses);
  EXPECT_EQ(end - out.data(), static_cast<std::ptrdiff_t>(hinted_size(whole, addresses)));
  out.resize(hinted_size(whole, addresses));
  EXPECT_EQ(out, test::from_hex("0001 00 0001 0003 026832 0004 0004 cb00711f"));
}

}  // namespace
}  // namespace dns::rdata_test

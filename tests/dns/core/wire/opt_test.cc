#include "dns/core/wire/opt.h"

#include <gtest/gtest.h>

#include "tests/support/dns_message.h"

namespace dns::opt_test {
namespace {

using test::Bytes;

[[nodiscard]] Bytes written(const OptReply& opt) {
  Bytes out(opt_size(opt) + 8, 0xEE);
  const std::size_t size = write_opt(out, opt);
  EXPECT_EQ(size, opt_size(opt));
  for (std::size_t i = size; i < out.size(); ++i) EXPECT_EQ(out[i], 0xEE) << "written beyond its size";
  out.resize(size);
  return out;
}

TEST(Opt, IsElevenOctetsWithoutOptions) {
  OptReply opt;
  opt.udp_payload_size = 1232;
  EXPECT_EQ(written(opt), test::from_hex("00 0029 04d0 00000000 0000"));
  opt.extended_rcode = 1;
  opt.dnssec_ok = true;
  EXPECT_EQ(written(opt), test::from_hex("00 0029 04d0 01008000 0000"));
}

TEST(Opt, WritesEachOption) {
  const Bytes subnet = test::from_hex("0001 18 00 c63364");
  const Bytes cookie(24, 7);
  OptReply opt;
  opt.nsid = "n1";
  opt.subnet = subnet;
  opt.scope = 20;
  opt.cookie = cookie;
  opt.keepalive = 300;
  opt.ede = EdeCode::not_ready;
  Bytes expected = test::from_hex("00 0029 0000 00000000 0039  0003 0002 6e31  0008 0007 0001 18 14 c63364  000a 0018");
  test::append(expected, cookie);
  test::append(expected, test::from_hex("000b 0002 012c  000f 0002 000e"));
  EXPECT_EQ(written(opt), expected);
}

TEST(Opt, PaddingIsTheLastAndZero) {
  OptReply opt;
  opt.ede = EdeCode::not_ready;
  opt.padding = 3;
  EXPECT_EQ(written(opt), test::from_hex("00 0029 0000 00000000 000d  000f 0002 000e  000c 0003 000000"));
  opt.padding = 0;
  EXPECT_EQ(written(opt), test::from_hex("00 0029 0000 00000000 000a  000f 0002 000e  000c 0000"));
}

}  // namespace
}  // namespace dns::opt_test

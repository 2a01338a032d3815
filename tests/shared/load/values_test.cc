#include "shared/load/values.h"

#include <gtest/gtest.h>

#include "shared/load/containers.h"
#include "tests/shared/load/helpers.h"

namespace shared::load::values_test {
namespace {

using std::chrono::hours;
using testing::problems_of;
using testing::value_of;

TEST(Values, BooleanIsTrueOrFalseOnly) {
  EXPECT_EQ(value_of(boolean(), "true"), true);
  EXPECT_EQ(value_of(boolean(), "false"), false);
  EXPECT_EQ(problems_of(boolean(), "yes"), "c.yaml:1:6: error: key: expected true or false, not 'yes'\n");
  EXPECT_EQ(problems_of(boolean(), "True"), "c.yaml:1:6: error: key: expected true or false, not 'True'\n");
}

TEST(Values, IntegerHasARange) {
  const auto port = integer<std::uint16_t>(1);
  EXPECT_EQ(value_of(port, "65535"), 65535);
  EXPECT_EQ(problems_of(port, "0"), "c.yaml:1:6: error: key: '0' is out of range: 1 to 65535\n");
  EXPECT_EQ(problems_of(port, "99999999999999999999"),
            "c.yaml:1:6: error: key: '99999999999999999999' is out of range: 1 to 65535\n");
  EXPECT_EQ(problems_of(port, "80x"), "c.yaml:1:6: error: key: expected a whole number, 1 to 65535, not '80x'\n");
  EXPECT_EQ(problems_of(port, "[1]"), "c.yaml:1:6: error: key: expected a whole number, 1 to 65535, not a list\n");
  EXPECT_EQ(problems_of(port, ""), "c.yaml:1:1: error: key: expected a whole number, 1 to 65535, not nothing\n");
  EXPECT_EQ(value_of(integer<std::int64_t>(-5, 5), "-5"), -5);
  EXPECT_EQ(value_of(integer<std::int64_t>(-5, 5), "0"), 0);
  EXPECT_EQ(
      problems_of(port, "010"),
      "c.yaml:1:6: error: key: '010' begins with a zero, and YAML 1.1 tools would read it as octal; leave it out\n");
}

TEST(Values, NumberAndPercent) {
  EXPECT_EQ(value_of(number(-90, 90), "-45.5"), -45.5);
  EXPECT_EQ(problems_of(number(-90, 90), "91"), "c.yaml:1:6: error: key: '91' is out of range: -90 to 90\n");
  EXPECT_EQ(problems_of(number(-90, 90), "nan"), "c.yaml:1:6: error: key: expected a number, -90 to 90, not 'nan'\n");
  EXPECT_EQ(value_of(number(-90, 90), "0.5"), 0.5);
  EXPECT_NE(problems_of(number(-90, 90), "-010").find("begins with a zero"), std::string::npos);
  EXPECT_EQ(value_of(percent(), "5%"), 5.0);
  EXPECT_EQ(problems_of(percent(), "101%"), "c.yaml:1:6: error: key: '101%' is out of range: 0% to 100%\n");
  EXPECT_EQ(problems_of(percent(), "5"),
            "c.yaml:1:6: error: key: '5' has no unit; write a percentage such as 5% (units: %)\n");
}

TEST(Values, DurationNeedsAUnit) {
  const auto reader = duration(milliseconds(1), hours(24));
  EXPECT_EQ(reader.type, "duration, 1ms to 1d");
  EXPECT_EQ(value_of(reader, "1.5s"), Duration(milliseconds(1500)));
  EXPECT_EQ(value_of(reader, "2h"), Duration(hours(2)));
  EXPECT_EQ(problems_of(reader, "5"),
            "c.yaml:1:6: error: key: '5' has no unit; write a duration such as 5s (units: ms, s, m, h, d)\n");
  EXPECT_EQ(
      problems_of(reader, "5sec"),
      "c.yaml:1:6: error: key: '5sec' has an unknown unit; write a duration such as 5s (units: ms, s, m, h, d)\n");
  EXPECT_EQ(problems_of(reader, "2d"), "c.yaml:1:6: error: key: '2d' is out of range: 1ms to 1d\n");
  EXPECT_EQ(problems_of(reader, "-1s"), "c.yaml:1:6: error: key: '-1s' is out of range: 1ms to 1d\n");
  EXPECT_EQ(problems_of(reader, "soon"), "c.yaml:1:6: error: key: expected a duration such as 5s, not 'soon'\n");
}

TEST(Values, SizeAndRateNeedUnits) {
  const auto reader = size(1024, std::uint64_t{1} << 30);
  EXPECT_EQ(value_of(reader, "64KiB"), 65536U);
  EXPECT_EQ(value_of(reader, "1GiB"), 1073741824U);
  EXPECT_EQ(
      problems_of(reader, "64k"),
      "c.yaml:1:6: error: key: '64k' has an unknown unit; write a size such as 64KiB (units: B, KiB, MiB, GiB)\n");
  EXPECT_EQ(problems_of(reader, "10B"), "c.yaml:1:6: error: key: '10B' is out of range: 1KiB to 1GiB\n");
  EXPECT_EQ(value_of(rate(), "100/s")->per_second, 100);
  EXPECT_EQ(value_of(rate(), "30/m")->per_second, 0.5);
  EXPECT_EQ(problems_of(rate(), "100"),
            "c.yaml:1:6: error: key: '100' has no unit; write a rate such as 100/s (units: /s, /m, /h)\n");
  EXPECT_NE(problems_of(rate(), "0/s"), "");
}

TEST(Values, PrintsWhatItReads) {
  EXPECT_EQ(print_duration(milliseconds(500)), "500ms");
  EXPECT_EQ(print_duration(milliseconds(1500)), "1500ms");
  EXPECT_EQ(print_duration(seconds(60)), "1m");
  EXPECT_EQ(print_duration(seconds(0)), "0ms");
  EXPECT_EQ(print_size(65536), "64KiB");
  EXPECT_EQ(print_size(1000), "1000B");
  EXPECT_EQ(print_number(0.1), "0.1");
}

TEST(Values, Addresses) {
  EXPECT_EQ(value_of(ip_address(), "2001:db8::1")->to_string(), "2001:db8::1");
  EXPECT_EQ(problems_of(ip_address(), "10.0.0"),
            "c.yaml:1:6: error: key: expected an IP address such as 192.0.2.1 or 2001:db8::1, not '10.0.0'\n");
  EXPECT_EQ(problems_of(prefix(), "10.0.0.1/8"),
            "c.yaml:1:6: error: key: '10.0.0.1/8' has bits set past its length; did you mean 10.0.0.0/8?\n");
  EXPECT_EQ(value_of(endpoint(), "\"[::1]:53\"")->port, 53);
  EXPECT_EQ(problems_of(endpoint(), "127.0.0.1"),
            "c.yaml:1:6: error: key: expected an address and a port such as 192.0.2.1:53 or [2001:db8::1]:53, not "
            "'127.0.0.1'\n");
}

TEST(Values, EnumNamesTheNearest) {
  EXPECT_EQ(value_of(mode(), "shadow"), Mode::shadow);
  EXPECT_EQ(problems_of(mode(), "shaddow"),
            "c.yaml:1:6: error: key: unknown value 'shaddow' (did you mean 'shadow'?)\n");
  EXPECT_EQ(problems_of(mode(), "on"),
            "c.yaml:1:6: error: key: unknown value 'on' (known: enforce, shadow, disabled)\n");
}

TEST(Values, NorwayIsNoBoolean) {
  constexpr std::string_view kHint =
      "' stands where a name is expected; YAML 1.1 tools turn a bare NO (Norway), on or yes into a boolean: quote it "
      "in "
      "the source: \"NO\"\n";
  EXPECT_EQ(problems_of(word(), "false"), "c.yaml:1:6: error: 'false" + std::string(kHint));
  EXPECT_EQ(problems_of(word(), "NO"),
            "c.yaml:1:6: warning: 'NO' is a boolean to YAML 1.1 tools such as Ansible's; quote it: \"NO\"\n");
  EXPECT_EQ(problems_of(word(), "\"NO\""), "");
  EXPECT_EQ(problems_of(word(), "\"false\""), "");
  EXPECT_EQ(value_of(word(), "NO"), "NO");
  const auto rows = map_of("place", list_of(word()));
  EXPECT_EQ(problems_of(rows, "{false: [eu]}"), "c.yaml:1:7: error: 'false" + std::string(kHint));
  EXPECT_EQ(problems_of(rows, "{NO: [eu]}"),
            "c.yaml:1:7: warning: 'NO' is a boolean to YAML 1.1 tools such as Ansible's; quote it: \"NO\"\n");
  EXPECT_EQ(problems_of(word(), "\"a b\""),
            "c.yaml:1:6: error: 'a b' cannot be a name: it is empty, or has a space or a control character in it\n");
}

TEST(Values, PathsStartAtTheirFile) {
  Diagnostics diagnostics;
  const auto root = read_yaml_text("a: certs/x.pem\nb: /etc/y\nc: ../z\n", "/etc/meridian/c.yaml", {}, diagnostics);
  ASSERT_TRUE(root);
  EXPECT_EQ(file_path().read(*root->find("a"), diagnostics), "/etc/meridian/certs/x.pem");
  EXPECT_EQ(file_path().read(*root->find("b"), diagnostics), "/etc/y");
  EXPECT_EQ(file_path().read(*root->find("c"), diagnostics), "/etc/z");
}

TEST(Values, ContainersGoOnAfterAnError) {
  EXPECT_EQ(problems_of(list_of(ip_address()), "[x, 192.0.2.1, y]"),
            "c.yaml:1:7: error: expected an IP address such as 192.0.2.1 or 2001:db8::1, not 'x'\n"
            "c.yaml:1:21: error: expected an IP address such as 192.0.2.1 or 2001:db8::1, not 'y'\n");
  EXPECT_EQ(value_of(one_or_list(word()), "eu")->size(), 1U);
  EXPECT_EQ(value_of(one_or_list(word()), "[eu, us]")->size(), 2U);
  const auto map = value_of(map_of("region", integer<int>(0, 9)), "{b: 1, a: 10, c: 2}");
  ASSERT_EQ(map->size(), 2U);
  EXPECT_EQ(map->at(0).name, "b");
  EXPECT_EQ(map->at(1).at.to_string(), "c.yaml:1:20");
  EXPECT_EQ(value_of(located(word()), "eu")->at.to_string(), "c.yaml:1:6");
}

}  // namespace
}  // namespace shared::load::values_test

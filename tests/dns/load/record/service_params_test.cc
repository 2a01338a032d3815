#include "dns/load/record/service_params.h"

#include <gtest/gtest.h>

#include "dns/load/record/text_codec.h"

namespace dns::service_params_test {
namespace {

[[nodiscard]] std::string problem(std::string_view hex) {
  return service_params_problem(decode_hex(hex).value()).value_or("none");
}

TEST(ServiceParams, TakesSoundOnes) {
  EXPECT_EQ(problem(""), "none");
  EXPECT_EQ(problem("00010003026832"
                    "0003000201bb"),
            "none");
}

TEST(ServiceParams, SaysWhatCannotStand) {
  EXPECT_EQ(problem("000100"), "a parameter is cut off");
  EXPECT_EQ(problem("00030003"
                    "01bb"),
            "a parameter is cut off");
  EXPECT_EQ(problem("0003000201bb"
                    "00010003026832"),
            "the parameters are not in ascending order of their keys");
  EXPECT_EQ(problem("00020000"), "no-default-alpn: needs alpn beside it");
  EXPECT_EQ(problem("000000020000"), "mandatory: lists itself");
  EXPECT_EQ(problem("000000020003"), "mandatory: port is not in the record");
}

}  // namespace
}  // namespace dns::service_params_test

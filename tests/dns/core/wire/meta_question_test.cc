#include "dns/core/wire/meta_question.h"

#include <gtest/gtest.h>

namespace dns::meta_question_test {
namespace {

TEST(MetaQuestion, OnlyAnyOfTheMetaTypesHasAnAnswer) {
  EXPECT_FALSE(meta_error(RrType::any));
  EXPECT_FALSE(meta_error(RrType::a));
  EXPECT_FALSE(meta_error(RrType{127}));
  EXPECT_FALSE(meta_error(RrType{256}));
  for (const RrType type : {RrType::axfr, RrType::ixfr, RrType::maila, RrType::mailb, RrType::tsig, RrType{200}}) {
    EXPECT_EQ(meta_error(type), Rcode::notimp);
  }
  EXPECT_EQ(meta_error(RrType::opt), Rcode::formerr);
  EXPECT_EQ(meta_error(RrType::nxname), Rcode::formerr);
}

}  // namespace
}  // namespace dns::meta_question_test

#include "edge/core/h2/stream.h"

#include <gtest/gtest.h>

namespace edge::h2::stream_test {
namespace {

// RFC 9218 4 and 5.
TEST(Priority, IsReadFromItsField) {
  EXPECT_EQ(read_priority(""), (Priority{3, false}));
  EXPECT_EQ(read_priority("u=0"), (Priority{0, false}));
  EXPECT_EQ(read_priority("u=5, i"), (Priority{5, true}));
  EXPECT_EQ(read_priority("i,u=7"), (Priority{7, true}));
  EXPECT_EQ(read_priority("i=?1;x=1,u=2;y"), (Priority{2, true}));
  EXPECT_EQ(read_priority("u=1,i=?0"), (Priority{1, false}));
  EXPECT_EQ(read_priority("x=\"a,u=1\", y=(a, u=2), u=4"), (Priority{4, false}));
}

TEST(Priority, WhatCannotBeReadSaysNothing) {
  for (const auto* value : {"u=8", "u=-1", "u", "u=1.5", "i=1", "U=1", "u==", ",,", "\"", "\"\\", "((", "u=\"1\""}) {
    EXPECT_EQ(read_priority(value), (Priority{3, false})) << value;
  }
}

}  // namespace
}  // namespace edge::h2::stream_test

#include "shared/serve/os/pass_descriptors.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

namespace shared::pass_descriptors_test {
namespace {

class PassDescriptors : public ::testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    one_ = UniqueFd(ends[0]);
    other_ = UniqueFd(ends[1]);
  }
  UniqueFd one_;
  UniqueFd other_;
};

TEST_F(PassDescriptors, ADescriptorIsTheSameFileAtTheOtherEnd) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  const UniqueFd reading(pipe[0]);
  const UniqueFd writing(pipe[1]);
  const std::array passed{writing.get()};
  ASSERT_TRUE(send_with_descriptors(one_.get(), "take this", passed));
  const auto got = receive_with_descriptors(other_.get());
  ASSERT_TRUE(got);
  EXPECT_EQ(got->text, "take this");
  ASSERT_EQ(got->descriptors.size(), 1U);
  EXPECT_NE(::fcntl(got->descriptors[0].get(), F_GETFD) & FD_CLOEXEC, 0) << "no child gets it";
  ASSERT_EQ(::write(got->descriptors[0].get(), "x", 1), 1);
  char octet = 0;
  EXPECT_EQ(::read(reading.get(), &octet, 1), 1);
}

TEST_F(PassDescriptors, AsManyAsAMessageMayHave) {
  const std::vector<int> many(kMostDescriptors, one_.get());
  ASSERT_TRUE(send_with_descriptors(one_.get(), "m", many));
  const auto got = receive_with_descriptors(other_.get());
  ASSERT_TRUE(got);
  EXPECT_EQ(got->descriptors.size(), kMostDescriptors);
}

TEST_F(PassDescriptors, MessagesKeepTheirBorders) {
  ASSERT_TRUE(send_with_descriptors(one_.get(), "first", {}));
  ASSERT_TRUE(send_with_descriptors(one_.get(), "second", {}));
  EXPECT_EQ(receive_with_descriptors(other_.get())->text, "first");
  EXPECT_EQ(receive_with_descriptors(other_.get())->text, "second");
  EXPECT_FALSE(receive_with_descriptors(other_.get()));
  EXPECT_EQ(errno, EAGAIN);
}

TEST_F(PassDescriptors, OneThatDoesNotFitIsNotTakenForAWhole) {
  ASSERT_TRUE(send_with_descriptors(one_.get(), std::string(kMostText + 1, 'x'), {}));
  EXPECT_FALSE(receive_with_descriptors(other_.get()));
  EXPECT_EQ(errno, EMSGSIZE);
}

TEST_F(PassDescriptors, APeerThatHasClosedIsAnEmptyText) {
  one_.reset();
  const auto got = receive_with_descriptors(other_.get());
  ASSERT_TRUE(got);
  EXPECT_EQ(got->text, "");
}

}  // namespace
}  // namespace shared::pass_descriptors_test

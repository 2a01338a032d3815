#include "shared/serve/process/inherited_sockets.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "shared/serve/os/socket.h"
#include "shared/serve/os/unix_address.h"

namespace shared::inherited_sockets_test {
namespace {

Endpoint any(const char* address) { return *Endpoint::parse(std::string(address) + ":0"); }

// Of one port that is free for both.
struct Both {
  std::vector<UniqueFd> udp, tcp;
  Endpoint where;
};

Both both(std::size_t count) {
  for (int tries = 0; tries < 50; ++tries) {
    auto udp = bind_udp(any("127.0.0.1"), count);
    if (!udp) continue;
    const Endpoint where = local_endpoint(udp->front().get());
    if (auto tcp = listen_tcp(where, count)) return {std::move(*udp), std::move(*tcp), where};
  }
  ADD_FAILURE() << "no port is free for both";
  return {};
}

InheritedSockets all_of(Both& from) {
  std::vector<UniqueFd> descriptors;
  for (auto* list : {&from.udp, &from.tcp}) {
    for (UniqueFd& fd : *list) descriptors.push_back(std::move(fd));
  }
  return InheritedSockets(std::move(descriptors));
}

TEST(InheritedSocketsTest, EachIsTakenByItsKindAndAddressOnce) {
  Both ours = both(2);
  const Endpoint where = ours.where;
  InheritedSockets inherited = all_of(ours);
  EXPECT_EQ(inherited.left(), 4U);
  EXPECT_TRUE(inherited.take_udp({where.address, static_cast<std::uint16_t>(where.port ^ 1U)}).empty());
  EXPECT_TRUE(inherited.take_tcp({*IpAddress::parse("127.0.0.2"), where.port}).empty());
  EXPECT_EQ(inherited.left(), 4U);
  EXPECT_EQ(inherited.take_udp(where).size(), 2U);
  EXPECT_EQ(inherited.left(), 2U);
  EXPECT_TRUE(inherited.take_udp(where).empty());
  EXPECT_EQ(inherited.take_tcp(where).size(), 2U);
  EXPECT_EQ(inherited.left(), 0U);
}

TEST(InheritedSocketsTest, ThoseOfIpv6AreTakenToo) {
  auto udp = bind_udp(*Endpoint::parse("[::1]:0"), 1);
  if (!udp) GTEST_SKIP() << udp.error().message;
  const Endpoint where = local_endpoint(udp->front().get());
  InheritedSockets inherited(std::move(*udp));
  EXPECT_EQ(inherited.take_udp(where).size(), 1U);
}

// A manager makes sockets that block.
TEST(InheritedSocketsTest, WhatIsTakenDoesNotBlock) {
  Both ours = both(1);
  const int fd = ours.tcp.front().get();
  ASSERT_EQ(::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK), 0);
  const Endpoint where = ours.where;
  InheritedSockets inherited = all_of(ours);
  const auto taken = inherited.take_tcp(where);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_NE(::fcntl(taken.front().get(), F_GETFL) & O_NONBLOCK, 0);
}

class OfUnix : public testing::Test {
 protected:
  OfUnix() : folder_(std::filesystem::path(testing::TempDir()) / ("inherited_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~OfUnix() override { std::filesystem::remove_all(folder_); }

  UniqueFd bound(const std::string& path) {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto address = UnixAddress::of(path);
    EXPECT_TRUE(address && ::bind(fd.get(), address->raw(), address->size()) == 0) << path;
    return fd;
  }
  UniqueFd listening(const std::string& path) {
    UniqueFd fd = bound(path);
    EXPECT_EQ(::listen(fd.get(), 1), 0);
    return fd;
  }
  static InheritedSockets of(UniqueFd fd) {
    std::vector<UniqueFd> list;
    list.push_back(std::move(fd));
    return InheritedSockets(std::move(list));
  }

  std::filesystem::path folder_;
};

TEST_F(OfUnix, APathIsTakenByItsName) {
  const std::string path = (folder_ / "admin").string();
  InheritedSockets inherited = of(listening(path));
  EXPECT_FALSE(inherited.take_unix((folder_ / "other").string()).valid());
  EXPECT_TRUE(inherited.take_tcp(any("127.0.0.1")).empty());
  EXPECT_TRUE(inherited.take_unix(path).valid());
  EXPECT_FALSE(inherited.take_unix(path).valid()) << "once";
}

TEST_F(OfUnix, OneThatDoesNotListenIsNotTaken) {
  const std::string path = (folder_ / "admin").string();
  InheritedSockets inherited = of(bound(path));
  EXPECT_FALSE(inherited.take_unix(path).valid());
}

TEST_F(OfUnix, APathThatIsTooLongForAnAddressIsTakenByItsLastPart) {
  const std::filesystem::path deep = folder_ / std::string(120, 'd');
  std::filesystem::create_directories(deep);
  const std::string path = (deep / "admin").string();
  InheritedSockets inherited = of(listening(path));
  EXPECT_FALSE(inherited.take_unix((deep / "other").string()).valid());
  EXPECT_TRUE(inherited.take_unix(path).valid());
  InheritedSockets near = of(listening((folder_ / "admin").string()));
  EXPECT_FALSE(near.take_unix(path).valid()) << "of a short path";
}

}  // namespace
}  // namespace shared::inherited_sockets_test

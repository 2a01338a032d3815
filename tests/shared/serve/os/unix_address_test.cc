#include "shared/serve/os/unix_address.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace shared::unix_address_test {
namespace {

class UnixAddressTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) / ("unix_address." + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Whether a socket that listens there is found there.
  static bool meets(const std::string& path) {
    const auto address = UnixAddress::of(path);
    if (!address) return false;
    const UniqueFd server(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::bind(server.get(), address->raw(), address->size()) != 0 || ::listen(server.get(), 1) != 0) return false;
    const auto again = UnixAddress::of(path);
    return again && ::connect(client.get(), again->raw(), again->size()) == 0 && std::filesystem::exists(path);
  }

  std::filesystem::path folder_;
};

TEST_F(UnixAddressTest, AShortPathIsItself) {
  EXPECT_TRUE(UnixAddress::fits((folder_ / "a.sock").string()));
  EXPECT_TRUE(meets((folder_ / "a.sock").string()));
}

// A state directory may lie deep; sockaddr_un holds 107 octets.
TEST_F(UnixAddressTest, ALongPathIsReachedThroughItsFolder) {
  const auto deep = folder_ / std::string(100, 'd') / std::string(100, 'e');
  std::filesystem::create_directories(deep);
  EXPECT_TRUE(UnixAddress::fits((deep / "admin.sock").string()));
  EXPECT_TRUE(meets((deep / "admin.sock").string()));
}

TEST_F(UnixAddressTest, AFolderThatIsNotThereIsSaid) {
  EXPECT_FALSE(UnixAddress::of((folder_ / std::string(120, 'x') / "a.sock").string()));
  EXPECT_EQ(errno, ENOENT);
}

TEST_F(UnixAddressTest, OnlyANameThatIsTooLongDoesNotFit) {
  const std::string long_folder = "/" + std::string(120, 'd') + "/";
  EXPECT_TRUE(UnixAddress::fits(long_folder + std::string(UnixAddress::kLongestName, 'n')));
  EXPECT_FALSE(UnixAddress::fits(long_folder + std::string(UnixAddress::kLongestName + 1, 'n')));
  EXPECT_TRUE(UnixAddress::fits("/" + std::string(106, 'n')));
}

}  // namespace
}  // namespace shared::unix_address_test

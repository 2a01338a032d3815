#include "shared/serve/admin/admin_params.h"

#include <gtest/gtest.h>

#include <string>

namespace shared::admin_params_test {
namespace {

AdminRequest with(std::initializer_list<std::pair<const std::string, std::string>> query) {
  AdminRequest request;
  request.query = {query.begin(), query.end()};
  return request;
}

// What is misspelt must not be a wider wish than was meant: a drain without its pool drains the edge.
TEST(AdminParams, OneThatIsNotKnownIsAnError) {
  EXPECT_TRUE(only_params(with({}), {}));
  EXPECT_TRUE(only_params(with({{"pool", "web"}}), {"pool", "server"}));
  const auto wrong = only_params(with({{"pol", "web"}}), {"pool", "server"});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message, "pol: unknown here; known: pool, server");
  EXPECT_EQ(only_params(with({{"x", ""}}), {}).error().message, "x: unknown here");
  EXPECT_EQ(only_params(with({{"x", ""}}), {"a"}, "see /overrides").error().message,
            "x: unknown here; known: a; see /overrides");
}

TEST(AdminParams, ExpiresIsAWholeNumberOfSecondsAboveZero) {
  const auto seconds_of = [](const char* text) {
    const auto read = expires_of(with({{"expires", text}}));
    return !read ? "error" : *read ? std::to_string(std::chrono::duration_cast<seconds>(**read).count()) : "none";
  };
  EXPECT_EQ(seconds_of("60"), "60");
  EXPECT_EQ(seconds_of("4294967295"), "4294967295");
  EXPECT_EQ(seconds_of(""), "none");
  for (const char* wrong : {"0", "-1", "1.5", "60s", "4294967296", " 60"})
    EXPECT_EQ(seconds_of(wrong), "error") << wrong;
  const auto unsaid = expires_of(with({}));
  ASSERT_TRUE(unsaid);
  EXPECT_FALSE(*unsaid);
}

}  // namespace
}  // namespace shared::admin_params_test

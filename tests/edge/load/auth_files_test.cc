#include "edge/load/auth_files.h"

#include <gtest/gtest.h>

#include <string>

namespace edge::auth_files_test {
namespace {

constexpr std::string_view kBcrypt = "$2y$05$wPPKD6AF4CkDSpR2K1jZ8uIXJSvWlPQYX1HDV9ihL1TjhLx3CHkgu";

TEST(AuthFiles, ReadsPasswordsAsHtpasswdWritesThem) {
  shared::load::Diagnostics diagnostics;
  const auto users =
      parse_passwords("# staff\nbob:" + std::string(kBcrypt) + "\r\n\nalice:$6$salt$" + std::string(86, 'x') + "\n",
                      "users.txt", diagnostics);
  EXPECT_EQ(diagnostics.render(), "");
  ASSERT_EQ(users.users.size(), 2U);
  EXPECT_EQ(users.find("bob")->hash, kBcrypt);
  EXPECT_EQ(users.find("alice")->name, "alice");
  EXPECT_EQ(users.find("eve"), nullptr);
  EXPECT_FALSE(users.stand_in.empty());
}

TEST(AuthFiles, RefusesWhatIsNoGoodHash) {
  for (const std::string& line :
       {std::string("alice"), std::string("alice:secret"), std::string("alice:$apr1$salt$0123456789012345678901"),
        ":" + std::string(kBcrypt), "al ice:" + std::string(kBcrypt),
        std::string("alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=")}) {
    shared::load::Diagnostics diagnostics;
    EXPECT_TRUE(parse_passwords("\n" + line, "users.txt", diagnostics).users.empty()) << line;
    EXPECT_NE(diagnostics.render().find("users.txt:2"), std::string::npos) << diagnostics.render();
    EXPECT_NE(diagnostics.render().find("htpasswd -B"), std::string::npos);
    EXPECT_EQ(diagnostics.render().find("secret"), std::string::npos) << "a log is no place for it";
  }
  shared::load::Diagnostics diagnostics;
  const std::string twice = "a:" + std::string(kBcrypt) + "\n";
  (void)parse_passwords(twice + twice, "users.txt", diagnostics);
  EXPECT_NE(diagnostics.render().find("stands twice"), std::string::npos);
}

TEST(AuthFiles, ReadsDigestsOfKeys) {
  const Tiers tiers({.order = {"free", "gold"}, .fallback = {}, .sources = {}, .keys = {}});
  shared::load::Diagnostics diagnostics;
  // printf %s test | sha256sum
  const std::string digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
  const auto keys = parse_hashed_keys("sha256:" + digest + " acme gold\n", "keys.txt", tiers, diagnostics);
  EXPECT_EQ(diagnostics.render(), "");
  ASSERT_NE(keys.find("test"), nullptr);
  EXPECT_EQ(keys.find("test")->name, "acme");
  EXPECT_EQ(keys.find("test")->tier, TierId{1});
  EXPECT_EQ(keys.find("tesu"), nullptr);
  for (const std::string& line : {digest + " acme", "sha256:" + digest, "sha256:" + digest.substr(1) + " acme",
                                  "sha256:" + digest + " acme gold more", "sha256:" + digest + " acme silver"}) {
    shared::load::Diagnostics wrong;
    EXPECT_TRUE(parse_hashed_keys(line, "keys.txt", tiers, wrong).keys.empty()) << line;
    EXPECT_NE(wrong.render().find("keys.txt:1"), std::string::npos) << wrong.render();
  }
}

TEST(AuthFiles, AFileThatIsNotThereIsAnError) {
  shared::load::Diagnostics diagnostics;
  EXPECT_EQ(read_secrets("/nonexistent/users", {}, diagnostics), "");
  EXPECT_TRUE(diagnostics.failed());
}

}  // namespace
}  // namespace edge::auth_files_test

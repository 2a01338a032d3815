#include "dns/load/world/explain.h"

#include <gtest/gtest.h>

namespace dns::explain_test {
namespace {

TEST(Explain, ReadsTheWordsOfAQuestion) {
  const auto plain = parse_explain({.name = "www.example.com", .type = "", .client = "", .resolver = ""});
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->type, "A");
  EXPECT_FALSE(plain->client);
  EXPECT_EQ(plain->resolver.to_string(), "127.0.0.1");
  const auto full =
      parse_explain({.name = "www.example.com", .type = "AAAA", .client = "198.51.100.0/24", .resolver = "192.0.2.53"});
  ASSERT_TRUE(full);
  EXPECT_EQ(full->client, shared::Prefix::parse("198.51.100.0/24").value());
  EXPECT_EQ(full->resolver.to_string(), "192.0.2.53");
}

TEST(Explain, SaysWhichWordIsWrong) {
  const auto error = [](const ExplainWords& words) {
    const auto parsed = parse_explain(words);
    return parsed ? std::string("none") : parsed.error().message;
  };
  EXPECT_EQ(error({.name = "", .type = "", .client = "", .resolver = ""}), "no name is given");
  EXPECT_TRUE(error({.name = "a.b", .type = "", .client = "x", .resolver = ""}).starts_with("client: "));
  EXPECT_EQ(error({.name = "a.b", .type = "", .client = "", .resolver = "x"}), "resolver: 'x' is not an IP address");
}

}  // namespace
}  // namespace dns::explain_test

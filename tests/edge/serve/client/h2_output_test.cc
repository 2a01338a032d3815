#include "edge/serve/client/h2_output.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace edge::h2_output_test {
namespace {

std::string all_of(H2Output& out) {
  std::string all;
  for (const iovec& part : out.parts()) all.append(static_cast<const char*>(part.iov_base), part.iov_len);
  return all;
}

TEST(H2OutputTest, PartsComeInTheirOrder) {
  OutBuffer queue;
  queue.append("before ");
  H2Output out(queue);
  const std::string body(H2Output::kWorthLending, 'x');
  out.append("head ");
  out.lend(body);
  out.append("tail");
  EXPECT_EQ(out.size(), 16 + body.size());
  const auto parts = out.parts();
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(parts[1].iov_base, body.data()) << "not copied";
  EXPECT_EQ(all_of(out), "before head " + body + "tail");
}

TEST(H2OutputTest, WhatFollowsInMemoryIsOnePart) {
  OutBuffer queue;
  H2Output out(queue);
  const std::string body(3 * H2Output::kWorthLending, 'x');
  const std::string_view view(body);
  out.lend(view.substr(0, H2Output::kWorthLending));
  out.lend(view.substr(H2Output::kWorthLending));
  EXPECT_EQ(out.parts().size(), 1U);
  EXPECT_EQ(out.size(), body.size());
  out.sent(out.size());
  EXPECT_TRUE(out.empty());
  EXPECT_TRUE(queue.empty());
}

TEST(H2OutputTest, ALittleIsCopied) {
  OutBuffer queue;
  H2Output out(queue);
  std::string little(100, 'x');
  out.lend(little);
  little.assign(100, 'y');
  EXPECT_EQ(all_of(out), std::string(100, 'x'));
}

// The stream goes on with its memory, and the client has not taken everything.
TEST(H2OutputTest, WhatIsLeftIsKept) {
  const std::string first(5000, 'a');
  for (std::size_t gone = 0; gone <= 10'012; gone += 7) {
    OutBuffer queue;
    std::string lent = first;
    std::string other(5000, 'b');
    std::string rest;
    {
      H2Output out(queue);
      out.append("head");
      out.lend(lent);
      out.append("next");
      out.lend(other);
      out.append("tail");
      rest = all_of(out).substr(gone);
      out.sent(gone);
      lent.assign(5000, 'z');
      other.assign(5000, 'z');
      EXPECT_EQ(out.size(), rest.size());
    }
    ASSERT_EQ(queue.view(), rest) << gone;
  }
}

TEST(H2OutputTest, MoreRunsThanItListsAreCopied) {
  OutBuffer queue;
  H2Output out(queue);
  std::vector<std::string> bodies;
  std::string whole;
  for (int i = 0; i < 60; ++i) bodies.emplace_back(H2Output::kWorthLending, static_cast<char>('A' + i));
  for (const std::string& body : bodies) {
    out.append("-");
    out.lend(body);
    whole += "-" + body;
  }
  EXPECT_EQ(all_of(out), whole);
}

}  // namespace
}  // namespace edge::h2_output_test

#include "dns/core/answer/reply.h"

#include <gtest/gtest.h>

#include "tests/support/dns_message.h"

namespace dns::reply_test {
namespace {

using test::Bytes;
using Lines = std::vector<std::string>;

// RRs of A, owners as pointers to the question.
[[nodiscard]] Bytes addresses(unsigned count) {
  Bytes wire;
  for (unsigned i = 0; i < count; ++i) test::append(wire, test::from_hex("c00c 0001 0001 0000003c 0004 c0000201"));
  return wire;
}

class ReplyTest : public testing::Test {
 protected:
  ReplyTest() : packet_(test::QueryBuilder().build()), query_(parse_query(packet_)), out_(kMaxMessageSize) {}

  [[nodiscard]] test::ParsedReply parse(std::size_t size) const {
    return test::parse_reply(std::span(out_).first(size));
  }

  Bytes packet_;
  Query query_;
  Bytes out_;
};

TEST_F(ReplyTest, IsTheQuestionAndWhatWasAdded) {
  Reply reply(out_, kMaxMessageSize);
  reply.begin(query_);
  const Bytes wire = addresses(2);
  EXPECT_EQ(reply.add(Section::answer, {RrType::a, 2, 0, wire}, kHeaderSize), packet_.size());
  EXPECT_NE(reply.add(Section::additional, {RrType::a, 2, 0, wire}, kHeaderSize + 4), 0U) << "owner example.com.";
  const test::ParsedReply parsed = parse(reply.finish(kFlagQr, 0));
  EXPECT_TRUE(parsed.sound);
  EXPECT_EQ(parsed.answer, (Lines(2, "www.example.com. 60 IN A 192.0.2.1")));
  EXPECT_EQ(parsed.additional, (Lines(2, "example.com. 60 IN A 192.0.2.1")));
}

TEST_F(ReplyTest, ASetIsAddedWholeOrNotAtAll) {
  const Bytes wire = addresses(40);
  Reply reply(out_, kMinUdpSize);
  reply.begin(query_);
  const std::size_t room = reply.room();
  EXPECT_EQ(reply.add(Section::answer, {RrType::a, 40, 0, wire}, kHeaderSize), 0U);
  EXPECT_EQ(reply.room(), room);
  EXPECT_FALSE(reply.has_answers());
  reply.reserve(room - 16);
  EXPECT_NE(reply.add(Section::answer, {RrType::a, 1, 0, std::span(wire).first(16)}, kHeaderSize), 0U);
  EXPECT_EQ(reply.room(), 0U);
}

TEST_F(ReplyTest, GoesBackToAMarkAndToTheQuestion) {
  const Bytes wire = addresses(1);
  const Rrset rrset{RrType::a, 1, 0, wire};
  Reply reply(out_, kMaxMessageSize);
  reply.begin(query_);
  (void)reply.add(Section::answer, rrset, kHeaderSize);
  const Reply::Mark mark = reply.mark();
  (void)reply.add(Section::answer, rrset, kHeaderSize);
  reply.rollback(mark);
  EXPECT_EQ(parse(reply.finish(kFlagQr, 0)).answer.size(), 1U);
  reply.drop_records();
  EXPECT_EQ(reply.finish(kFlagQr, 0), packet_.size());
}

}  // namespace
}  // namespace dns::reply_test

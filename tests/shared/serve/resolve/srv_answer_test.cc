#include "shared/serve/resolve/srv_answer.h"

#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace shared::srv_answer_test {
namespace {

std::string u16(unsigned value) { return {static_cast<char>(value >> 8U), static_cast<char>(value & 0xFFU)}; }

// "a.example" as labels, with the root at the end.
std::string name(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t dot = std::min(text.find('.', at), text.size());
    out += static_cast<char>(dot - at);
    out += text.substr(at, dot - at);
    at = dot + 1;
  }
  return out + '\0';
}

const std::string kQuestion = name("_http._tcp.example") + u16(33) + u16(1);
const std::string kOwner = "\xC0\x0C";

std::string record(unsigned type, unsigned ttl, const std::string& data, const std::string& owner = kOwner) {
  return owner + u16(type) + u16(1) + u16(ttl >> 16U) + u16(ttl & 0xFFFFU) + u16(static_cast<unsigned>(data.size())) +
         data;
}

std::string srv(unsigned priority, unsigned weight, unsigned port, const std::string& target) {
  return u16(priority) + u16(weight) + u16(port) + name(target);
}

std::string message(const std::vector<std::string>& answers, unsigned claimed = 0xFFFF) {
  const auto count = claimed == 0xFFFF ? static_cast<unsigned>(answers.size()) : claimed;
  std::string out = u16(1) + u16(0x8180) + u16(1) + u16(count) + u16(0) + u16(0) + kQuestion;
  for (const std::string& answer : answers) out += answer;
  return out;
}

Result<SrvAnswer> parse(const std::string& text) {
  const std::vector<std::uint8_t> bytes(text.begin(), text.end());  // of its own: ASan sees its end
  return parse_srv_answer(bytes);
}

TEST(SrvAnswer, RecordsComeSortedEachOnceWithTheLeastTtl) {
  const std::string second = record(33, 30, srv(10, 3, 8080, "B.Web.example"));
  const auto answer = parse(message({second, record(33, 20, srv(20, 9, 80, "c.web.example")), second,
                                     record(33, 90, srv(10, 0, 8081, "a.web.example"))}));
  ASSERT_TRUE(answer) << answer.error().message;
  const std::vector<SrvRecord> wanted{
      {10, 0, 8081, "a.web.example"}, {10, 3, 8080, "b.web.example"}, {20, 9, 80, "c.web.example"}};
  EXPECT_EQ(answer->records, wanted);
  EXPECT_EQ(answer->ttl, seconds(20));
}

TEST(SrvAnswer, AliasesCountForTheTtlAndOtherTypesDoNot) {
  const auto answer = parse(message({record(5, 7, name("srv.other")), record(16, 1, std::string("\1x")),
                                     record(33, 30, srv(0, 0, 80, "a.example"), name("srv.other"))}));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->records.size(), 1U);
  EXPECT_EQ(answer->ttl, seconds(7));
}

TEST(SrvAnswer, ARecordWithoutDataMayBeTheLast) {
  const auto answer = parse(message({record(33, 30, srv(0, 0, 80, "a.example")), record(16, 1, "")}));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->records.size(), 1U);
}

// RFC 2181 8.
TEST(SrvAnswer, ATtlWithTheTopBitIsZero) {
  EXPECT_EQ(parse(message({record(33, 0x80000001U, srv(0, 0, 80, "a.example"))}))->ttl, seconds(0));
}

TEST(SrvAnswer, WhatNamesNoServerIsAnError) {
  EXPECT_FALSE(parse(message({})));
  EXPECT_FALSE(parse(message({record(33, 30, srv(0, 0, 0, ""))})));           // "not offered"
  EXPECT_FALSE(parse(message({record(33, 30, srv(0, 0, 0, "a.example"))})));  // no port
  EXPECT_FALSE(parse(message({record(33, 30, srv(0, 0, 80, "a b.example"))})));
  EXPECT_FALSE(parse(message({record(33, 30, srv(0, 0, 80, "a\n.example"))})));
  const auto rest = parse(message({record(33, 30, srv(0, 0, 80, "a\"b.example")), record(33, 30, srv(0, 0, 80, "c"))}));
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->records.size(), 1U);
}

TEST(SrvAnswer, EveryShorterMessageIsAnError) {
  const std::string whole = message({record(33, 30, srv(10, 3, 8080, "a.example")), record(33, 30, srv(1, 1, 1, "b"))});
  ASSERT_TRUE(parse(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(parse(whole.substr(0, size))) << size;
}

TEST(SrvAnswer, LiesAreErrors) {
  const std::string good = record(33, 30, srv(10, 3, 8080, "a.example"));
  EXPECT_FALSE(parse(message({good}, 2)));  // counts more than there is
  // Data that is too short for its type, a target that goes on behind its record, one that points to itself.
  EXPECT_FALSE(parse(message({record(33, 30, u16(1) + u16(2) + u16(3))})));
  std::string past = message({good});
  past[past.size() - std::string(srv(10, 3, 8080, "a.example")).size() - 1] = 9;  // the low octet of the length
  EXPECT_FALSE(parse(past + std::string(20, 'x')));
  const std::string begin = message({record(33, 30, u16(1) + u16(2) + u16(3) + "..")});
  const auto at = static_cast<unsigned>(begin.size() - 2);
  EXPECT_FALSE(parse(begin.substr(0, at) + u16(0xC000U | at)));
}

}  // namespace
}  // namespace shared::srv_answer_test

#include "edge/core/message/otlp.h"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "shared/core/protobuf.h"

namespace edge::otlp_test {
namespace {

namespace pb = shared::protobuf;

constexpr std::string_view kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr std::string_view kSpan = "00f067aa0ba902b7";

// The fields of a message, by number.
std::multimap<std::uint32_t, pb::Field> fields(std::string_view message) {
  std::multimap<std::uint32_t, pb::Field> found;
  while (!message.empty()) {
    const auto field = pb::take_field(message);
    EXPECT_TRUE(field);
    if (!field) break;
    found.emplace(field->number, *field);
  }
  return found;
}

std::string_view octets(const std::multimap<std::uint32_t, pb::Field>& of, std::uint32_t number) {
  const auto found = of.find(number);
  return found == of.end() ? std::string_view() : found->second.octets;
}

std::map<std::string, std::string> attributes(std::string_view message, std::uint32_t number) {
  std::map<std::string, std::string> found;
  const auto all = fields(message);
  for (auto [at, end] = all.equal_range(number); at != end; ++at) {
    const auto pair = fields(at->second.octets);
    const auto value = fields(octets(pair, 2));
    found[std::string(octets(pair, 1))] = value.contains(3)
                                              ? std::to_string(static_cast<std::int64_t>(value.find(3)->second.value))
                                              : std::string(octets(value, 1));
  }
  return found;
}

SpanFrame frame(std::string_view name = "GET /api") {
  return {.trace = kTrace,
          .span = kSpan,
          .parent = "b7ad6b7169203331",
          .parent_is_remote = true,
          .state = "congo=t61",
          .kind = SpanKind::server,
          .name = name,
          .began_ns = 1'700'000'000'000'000'001,
          .ended_ns = 1'700'000'000'000'000'500};
}

TEST(Otlp, ASpanHasItsIdsItsTimesAndItsKind) {
  std::string out;
  const SpanWriter span(out, frame());
  const auto all = fields(out);
  std::string trace;
  append_octets(trace, kTrace);
  EXPECT_EQ(octets(all, 1), trace);
  EXPECT_EQ(octets(all, 1).size(), 16U);
  EXPECT_EQ(octets(all, 2), std::string("\x00\xF0\x67\xAA\x0B\xA9\x02\xB7", 8));
  EXPECT_EQ(octets(all, 3), "congo=t61");
  EXPECT_EQ(octets(all, 4), "\xB7\xAD\x6B\x71\x69\x20\x33\x31");
  EXPECT_EQ(octets(all, 5), "GET /api");
  EXPECT_EQ(all.find(6)->second.value, 2U);
  EXPECT_EQ(all.find(7)->second.value, 1'700'000'000'000'000'001U);
  EXPECT_EQ(all.find(8)->second.value, 1'700'000'000'000'000'500U);
  EXPECT_EQ(all.find(16)->second.value, 0x301U) << "sampled, and the parent is another program's";
}

TEST(Otlp, ARootHasNoParentAndASpanNeverEndsBeforeItBegins) {
  SpanFrame root = frame();
  root.parent = {};
  root.parent_is_remote = false;
  root.state = {};
  root.ended_ns = 5;
  std::string out;
  const SpanWriter span(out, root);
  const auto all = fields(out);
  EXPECT_FALSE(all.contains(3));
  EXPECT_FALSE(all.contains(4));
  EXPECT_EQ(all.find(8)->second.value, all.find(7)->second.value);
  EXPECT_EQ(all.find(16)->second.value, 0x101U);
}

TEST(Otlp, AttributesAreTextsAndNumbers) {
  std::string out;
  SpanWriter span(out, frame());
  span.text("url.path", "/api/cart");
  span.text("empty", "");
  span.number("http.response.status_code", 503);
  span.number("less", -1);
  span.fail("no server");
  const auto found = attributes(out, 9);
  EXPECT_EQ(found, (std::map<std::string, std::string>{
                       {"url.path", "/api/cart"}, {"http.response.status_code", "503"}, {"less", "-1"}}));
  const auto status = fields(octets(fields(out), 15));
  EXPECT_EQ(status.find(3)->second.value, 2U);
  EXPECT_EQ(octets(status, 2), "no server");
}

TEST(Otlp, LongAttributesHaveTheirLengthsInMoreThanAnOctet) {
  for (const std::size_t size : {1U, 120U, 127U, 128U, 300U, 1024U}) {
    std::string out;
    SpanWriter span(out, frame());
    span.text("k", std::string(size, 'x'));
    EXPECT_EQ(attributes(out, 9)["k"].size(), size);
  }
}

TEST(Otlp, TextIsUtf8AndBounded) {
  EXPECT_EQ(span_text("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"), "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80");
  EXPECT_EQ(span_text("caf\xE9"), "caf\xC3\xA9") << "Latin-1";
  // Overlong, surrogates, beyond Unicode, cut off, a tail alone.
  for (const std::string_view bad : {"\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF8\x88\x80\x80",
                                     "\xE2\x82", "\x80", "\xF0\x80\x80\x80", "\xC3("}) {
    const std::string good = span_text(bad);
    EXPECT_NE(good, bad);
    EXPECT_EQ(span_text(good), good) << "what came of it is UTF-8";
  }
  EXPECT_EQ(span_text(std::string(5000, 'a')).size(), kMostSpanText);
  const std::string euros = span_text("a" + [] {
    std::string many;
    for (int i = 0; i < 2000; ++i) many += "\xE2\x82\xAC";
    return many;
  }());
  EXPECT_LE(euros.size(), kMostSpanText);
  EXPECT_EQ(euros.size() % 3, 1U) << "no half of a character";
  EXPECT_LE(span_text(std::string(5000, '\xE9')).size(), kMostSpanText);
  EXPECT_EQ(span_text(span_text(std::string(5000, '\xE9'))).size(), span_text(std::string(5000, '\xE9')).size());
}

TEST(Otlp, ABatchIsWhatACollectorReads) {
  std::string one;
  const SpanWriter first(one, frame("one"));
  std::string two;
  const SpanWriter second(two, frame("two"));
  std::string batch;
  append_batched(batch, one);
  const std::size_t size = batch.size();
  append_batched(batch, two);
  EXPECT_EQ(next_batched(batch), size);
  EXPECT_EQ(next_batched(std::string_view(batch).substr(size)), batch.size() - size);
  EXPECT_EQ(next_batched(""), std::nullopt);
  EXPECT_EQ(next_batched(std::string_view(batch).substr(0, size - 1)), std::nullopt);

  const std::string resource = write_resource({{"service.name", "meridian-edge"}, {"none", ""}});
  const std::string request = write_export(resource, "1.2", batch);
  const auto export_request = fields(request);
  ASSERT_EQ(export_request.size(), 1U);
  const auto of_resource = fields(octets(export_request, 1));
  EXPECT_EQ(attributes(octets(of_resource, 1), 1),
            (std::map<std::string, std::string>{{"service.name", "meridian-edge"}}));
  EXPECT_TRUE(octets(of_resource, 3).starts_with("https://opentelemetry.io/schemas/"));
  const auto of_scope = fields(octets(of_resource, 2));
  const auto scope = fields(octets(of_scope, 1));
  EXPECT_EQ(octets(scope, 1), "meridian-edge");
  EXPECT_EQ(octets(scope, 2), "1.2");
  ASSERT_EQ(of_scope.count(2), 2U);
  EXPECT_EQ(of_scope.lower_bound(2)->second.octets, one);
}

TEST(Otlp, ACollectorsAnswerIsUnderstood) {
  ASSERT_TRUE(read_export_answer(""));
  EXPECT_EQ(read_export_answer("")->rejected, 0U);
  std::string partial;
  pb::put_number(partial, 1, 7);
  pb::put_octets(partial, 2, "too old");
  pb::put_number(partial, 9, 1);
  std::string answer;
  pb::put_octets(answer, 5, "unknown");
  pb::put_octets(answer, 1, partial);
  const auto read = read_export_answer(answer);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->rejected, 7U);
  EXPECT_EQ(read->message, "too old");
  std::string negative;
  pb::put_number(negative, 1, UINT64_MAX);
  std::string other;
  pb::put_octets(other, 1, negative);
  EXPECT_EQ(read_export_answer(other)->rejected, 0U);
  EXPECT_FALSE(read_export_answer("{\"partialSuccess\":{}}"));
  EXPECT_FALSE(read_export_answer(std::string("\x0A\x02\x08", 3)));
  EXPECT_FALSE(read_export_answer(std::string("\x0A\x01\x08", 3)));
}

}  // namespace
}  // namespace edge::otlp_test

// CachedExchange: what a request gets of a cache, by a fetch of its own (HTTP/1.1) and by one that the cache makes for
// it. The client's halves are no connection, and the test holds the server's other end.
#include "edge/serve/request/cached_exchange.h"

#include <gtest/gtest.h>

#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shared/http/date.h"
#include "tests/edge/serve/request/cached_worker.h"

namespace edge::test::cached_exchange_test {
namespace {

constexpr std::string_view kFresh = "Cache-Control: max-age=600\r\n";
// Stale when it comes, and worth asking about.
constexpr std::string_view kStale = "Cache-Control: max-age=1\r\nAge: 10\r\nETag: \"a\"\r\n";

class CachedExchangeTest : public ::testing::TestWithParam<const char*>, protected CachedWorker {
 protected:
  CachedExchangeTest() : CachedWorker(GetParam(), {.name = "main"}) {}
};

INSTANTIATE_TEST_SUITE_P(By, CachedExchangeTest, ::testing::Values("HTTP/1.1", "HTTP/2.0"),
                         [](const auto& protocol) { return protocol.index == 0 ? "ItsOwnFetch" : "TheCachesFetch"; });

TEST_P(CachedExchangeTest, AMissIsStoredAndThenAHit) {
  const ClientPtr miss = fetched(get("/a"), answer(kFresh));
  EXPECT_EQ(miss->sink.status, 200);
  EXPECT_EQ(miss->sink.body, "body");
  EXPECT_EQ(miss->sink.ends, 1);
  EXPECT_EQ(miss->sink.field("Age"), "") << "it has come just now";
  EXPECT_TRUE(miss->cache().starts_with("meridian; fwd=uri-miss; ttl=") && miss->says("; stored")) << miss->cache();
  const ClientPtr hit = stored(get("/a"));
  EXPECT_EQ(hit->sink.body, "body");
  EXPECT_EQ(hit->sink.framed, (http::Body{http::BodyKind::length, 4}));
  EXPECT_EQ(hit->sink.reason, "OK");
  EXPECT_NE(hit->sink.field("Age"), "");
  for (const auto& [name, value] : hit->sink.fields) EXPECT_NE(value, "") << name;
  EXPECT_EQ(worker_.context().counters.responses[2].read(), 2U);
  EXPECT_TRUE(hit->cache().starts_with("meridian; hit; ttl=")) << hit->cache();
  EXPECT_EQ(count(CacheVerdict::miss), 1U);
  EXPECT_EQ(count(CacheVerdict::hit), 1U);
  EXPECT_EQ(worker_.context().counters.in_flight.read(), 0U);
}

TEST_P(CachedExchangeTest, AgeIsTheServersAndOurs) {
  const ClientPtr miss = fetched(get("/a"), answer("Cache-Control: max-age=600\r\nAge: 100\r\n"));
  const ClientPtr hit = stored(get("/a"));
  for (const Client* client : {miss.get(), hit.get()}) {
    const int age = std::atoi(client->sink.field("Age").c_str());
    EXPECT_TRUE(age >= 100 && age < 400) << age;
  }
}

TEST_P(CachedExchangeTest, OtherVariantsAreMisses) {
  fetched(get("/a", "X: 1\r\n"), answer("Cache-Control: max-age=600\r\nVary: X\r\n", "one"));
  const std::string two = answer("Cache-Control: max-age=600\r\nVary: X\r\n", "two");
  EXPECT_TRUE(fetched(get("/a", "X: 2\r\n"), two)->says("fwd=vary-miss"));
  EXPECT_EQ(stored(get("/a", "X: 1\r\n"))->sink.body, "one");
}

TEST_P(CachedExchangeTest, OnlyIfCachedAsksNobody) {
  const ClientPtr none = stored(get("/a", "Cache-Control: only-if-cached\r\n"));
  EXPECT_EQ(none->sink.status, 504);
  EXPECT_EQ(count(CacheVerdict::miss), 1U);
  EXPECT_EQ(worker_.errors(ErrorKind::not_cached), 1U);
  fetched(get("/a"), answer(kFresh));
  EXPECT_EQ(stored(get("/a", "Cache-Control: only-if-cached\r\n"))->sink.status, 200);
  EXPECT_EQ(worker_.errors(ErrorKind::not_cached), 1U);
}

TEST_P(CachedExchangeTest, WhatIsAskedOfOneThatIsNotStoredIsTheServersToAnswer) {
  EXPECT_TRUE(
      fetched(head_of("/a"), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")->says("fwd=method; detail=\"HEAD\""));
  EXPECT_TRUE(heard("HEAD /a"));
  EXPECT_TRUE(fetched(get("/a", "Range: bytes=0-1\r\n"), answer("", "bo", "206 Partial Content"))->says("fwd=partial"));
  EXPECT_TRUE(heard("Range: bytes=0-1"));
  EXPECT_TRUE(fetched(get("/a", "Cache-Control: no-store\r\n"), answer(kFresh))->says("fwd=request"));
  EXPECT_TRUE(fetched(get("/a"), answer(kFresh))->says("fwd=uri-miss")) << "nothing of that was stored";
  EXPECT_EQ(count(CacheVerdict::bypass), 3U);
  EXPECT_EQ(count(CacheVerdict::miss), 1U);
}

// Conditions and the like are about the client's copy: the cache wants the whole.
TEST_P(CachedExchangeTest, AServerHearsNothingOfWhatIsTheClientsOwn) {
  const std::vector<std::string> own = {"If-None-Match: \"z\"", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
                                        "If-Range: \"z\"", "Trailer: X-End"};
  int number = 0;
  for (const std::string& field : own) {
    const std::string path = "/" + std::to_string(++number);
    EXPECT_EQ(fetched(get(path, field + "\r\n"), answer(kFresh))->sink.body, "body") << field;
    EXPECT_FALSE(heard(field)) << heard_;
    EXPECT_EQ(stored(get(path))->sink.body, "body") << field;
  }
}

TEST_P(CachedExchangeTest, AHeadIsAnsweredFromTheStore) {
  fetched(get("/a"), answer("Cache-Control: max-age=600\r\nContent-Type: text/x\r\n"));
  const ClientPtr head = stored(head_of("/a"));
  EXPECT_EQ(head->sink.status, 200);
  EXPECT_EQ(head->sink.field("Content-Length"), "4");
  EXPECT_EQ(head->sink.field("Content-Type"), "text/x");
  EXPECT_EQ(head->sink.framed, http::Body{});
  EXPECT_EQ(head->sink.body, "");
  EXPECT_EQ(head->sink.ends, 1);
}

TEST_P(CachedExchangeTest, RangesOfWhatIsStored) {
  fetched(get("/a"), answer("Cache-Control: max-age=600\r\nETag: \"a\"\r\nContent-Type: text/x\r\n", "0123456789"));
  const ClientPtr part = stored(get("/a", "Range: bytes=2-4\r\n"));
  EXPECT_EQ(part->sink.status, 206);
  EXPECT_EQ(part->sink.field("Content-Range"), "bytes 2-4/10");
  EXPECT_EQ(part->sink.field("Content-Type"), "text/x");
  EXPECT_EQ(part->sink.framed, (http::Body{http::BodyKind::length, 3}));
  EXPECT_EQ(part->sink.body, "234");
  EXPECT_EQ(part->sink.reason, "") << "another status than the stored one";
  EXPECT_EQ(part->sink.ends, 1);
  EXPECT_EQ(stored(get("/a", "Range: bytes=7-\r\n"))->sink.body, "789");
  const ClientPtr behind = stored(get("/a", "Range: bytes=10-\r\n"));
  EXPECT_EQ(behind->sink.status, 416);
  EXPECT_EQ(behind->sink.field("Content-Range"), "bytes */10");
  EXPECT_EQ(behind->sink.framed, (http::Body{http::BodyKind::length, 0}));
  EXPECT_EQ(behind->sink.field("Content-Type"), "");
  EXPECT_EQ(behind->sink.body, "");
  EXPECT_EQ(behind->sink.ends, 1);
  const ClientPtr several = stored(get("/a", "Range: bytes=0-0,9-9\r\n"));
  EXPECT_TRUE(several->sink.status == 206 || several->sink.body == "0123456789") << several->sink.status;
  EXPECT_EQ(stored(head_of("/a", "Range: bytes=2-4\r\n"))->sink.status, 200);
  EXPECT_EQ(stored(get("/a", "Range: bytes=2-4\r\nIf-Range: \"b\"\r\n"))->sink.body, "0123456789");
  EXPECT_EQ(stored(get("/a", "Range: bytes=2-4\r\nIf-Range: \"a\"\r\n"))->sink.body, "234");
}

TEST_P(CachedExchangeTest, OnlyA200HasRangesAndOnlyA2xxIsNotModified) {
  fetched(get("/a"), answer("Cache-Control: max-age=600\r\nETag: \"a\"\r\n", "none", "404 Not Found"));
  EXPECT_EQ(stored(get("/a", "Range: bytes=0-1\r\n"))->sink.status, 404);
  EXPECT_EQ(stored(get("/a", "If-None-Match: \"a\"\r\n"))->sink.status, 404);
  EXPECT_EQ(stored(get("/a", "If-None-Match: \"a\"\r\n"))->sink.body, "none");
}

TEST_P(CachedExchangeTest, WhoHasItIsToldSo) {
  fetched(get("/a"), answer("Cache-Control: max-age=600\r\nETag: \"a\"\r\nContent-Type: text/x\r\n"
                            "Content-Location: /b\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
  const ClientPtr same = stored(get("/a", "If-None-Match: \"a\"\r\n"));
  EXPECT_EQ(same->sink.status, 304);
  EXPECT_EQ(same->sink.field("ETag"), "\"a\"");
  EXPECT_EQ(same->sink.field("Content-Location"), "/b");
  EXPECT_EQ(same->sink.field("Content-Type"), "") << "it is about octets that do not come";
  EXPECT_EQ(same->sink.body, "");
  EXPECT_EQ(same->sink.ends, 1);
  EXPECT_EQ(stored(get("/a", "If-None-Match: \"b\"\r\n"))->sink.body, "body");
  EXPECT_EQ(stored(get("/a", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"))->sink.status, 304);
  EXPECT_EQ(stored(get("/a", "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n"))->sink.status, 200);
}

// While its length is not known it comes in chunks; from the store it has one.
TEST_P(CachedExchangeTest, TheLengthOfWhatIsStoredIsKnown) {
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + std::string(kFresh) + "\r\n";
  const ClientPtr miss = ask(get("/a"));
  server().heard();
  server().say(chunked + "2\r\nbo\r\n");
  EXPECT_FALSE(miss->served.done());
  EXPECT_EQ(miss->sink.framed.kind, http::BodyKind::chunked);
  server().say("2\r\ndy\r\n0\r\n\r\n");
  EXPECT_TRUE(miss->served.done());
  EXPECT_EQ(miss->sink.body, "body");
  EXPECT_EQ(stored(get("/a"))->sink.framed, (http::Body{http::BodyKind::length, 4}));
  const ClientPtr empty = fetched(get("/b"), "HTTP/1.1 204 No Content\r\n" + std::string(kFresh) + "\r\n");
  EXPECT_EQ(empty->sink.framed, http::Body{});
  EXPECT_EQ(stored(get("/b"))->sink.framed, http::Body{});
}

// RFC 9111 5.2.2.4: a field that is not to be stored is for who has asked.
TEST_P(CachedExchangeTest, WhatIsNotStoredOfAHeadIsForWhoHasFetchedIt) {
  const ClientPtr first =
      fetched(get("/a"), answer("Cache-Control: max-age=600, no-cache=\"X-Mine\"\r\nX-Mine: 1\r\nX-All: 2\r\n"));
  EXPECT_EQ(first->sink.field("X-Mine"), "1");
  EXPECT_EQ(first->sink.field("X-All"), "2");
  const ClientPtr next = stored(get("/a"));
  EXPECT_EQ(next->sink.field("X-Mine"), "");
  EXPECT_EQ(next->sink.field("X-All"), "2");
}

// RFC 9111 4.3.2: without a Last-Modified its Date stands for it.
TEST_P(CachedExchangeTest, DateStandsForLastModified) {
  const http::DateText now = http::write_date(std::time(nullptr) - 5);
  const http::DateText before = http::write_date(std::time(nullptr) - 50);
  const auto since = [](const http::DateText& when) {
    return get("/a", "If-Modified-Since: " + std::string(when.view()) + "\r\n");
  };
  fetched(get("/a"), answer("Cache-Control: max-age=600\r\nDate: " + std::string(now.view()) + "\r\n"));
  EXPECT_EQ(stored(since(now))->sink.status, 304);
  EXPECT_EQ(stored(since(before))->sink.status, 200);
}

TEST_P(CachedExchangeTest, WhatMayBeStaleIsSentWhileItIsAskedForOnce) {
  fetched(get("/a"), answer("Cache-Control: max-age=1, stale-while-revalidate=600\r\nAge: 10\r\nETag: \"a\"\r\n"));
  const ClientPtr stale = ask(get("/a"));
  EXPECT_TRUE(stale->served.done());
  EXPECT_EQ(stale->sink.body, "body");
  EXPECT_TRUE(stale->cache().starts_with("meridian; hit; ttl=-")) << stale->cache();
  EXPECT_EQ(count(CacheVerdict::stale), 1U);
  EXPECT_NE(server().heard().find("If-None-Match: \"a\""), std::string::npos);
  EXPECT_EQ(stored(get("/a"))->sink.body, "body") << "one asks for all";
  server().say("HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=600\r\n\r\n");
  EXPECT_TRUE(turn_until(worker_.loop, [&] { return worker_.live.server(ServerId{0}).in_flight.load() == 0; }));
  EXPECT_EQ(stored(get("/a"))->sink.body, "body");
  EXPECT_EQ(count(CacheVerdict::hit), 1U);
  EXPECT_EQ(worker_.live.server(ServerId{0}).requests.load(), 2U) << "the first one, and one for all";
}

TEST_P(CachedExchangeTest, AStaleOneIsValidated) {
  fetched(get("/a"), answer(kStale));
  const ClientPtr same = fetched(get("/a"), "HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=600\r\n\r\n");
  EXPECT_TRUE(heard("If-None-Match: \"a\"")) << heard_;
  EXPECT_EQ(same->sink.status, 200);
  EXPECT_EQ(same->sink.body, "body");
  EXPECT_TRUE(same->cache().starts_with("meridian; fwd=stale; fwd-status=304; ttl=")) << same->cache();
  EXPECT_EQ(count(CacheVerdict::revalidated), 1U);
  EXPECT_EQ(stored(get("/a"))->sink.body, "body") << "it is fresh again";
  const ClientPtr asked = fetched(get("/a", "Cache-Control: no-cache\r\n"), answer(kFresh, "news"));
  EXPECT_TRUE(asked->says("fwd=request; ttl=")) << asked->cache();
  EXPECT_EQ(asked->sink.body, "news");
  EXPECT_EQ(stored(get("/a"))->sink.body, "news");
  EXPECT_TRUE(fetched(get("/a", "Cache-Control: max-age=0\r\n"), answer(kStale))->says("fwd=request"));
  EXPECT_TRUE(fetched(get("/a"), answer(kFresh, "other"))->says("fwd=stale; ttl="));
}

TEST_P(CachedExchangeTest, AStaleOneStandsInForAnError) {
  constexpr std::string_view kStandsIn = "Cache-Control: max-age=1, stale-if-error=600\r\nAge: 10\r\nETag: \"a\"\r\n";
  fetched(get("/a"), answer(kStandsIn));
  const ClientPtr instead = fetched(get("/a"), answer("", "broken", "503 Service Unavailable"));
  EXPECT_EQ(instead->sink.status, 200);
  EXPECT_EQ(instead->sink.body, "body");
  EXPECT_TRUE(instead->cache().starts_with("meridian; hit; ttl=-")) << instead->cache();
  EXPECT_EQ(count(CacheVerdict::stale), 1U);
  EXPECT_EQ(fetched(get("/b"), answer(kStandsIn))->sink.status, 200);
  EXPECT_EQ(fetched(get("/b"), answer("", "gone", "410 Gone"))->sink.body, "gone") << "which is no such error";
  ClientPtr cut = ask(get("/a"));
  EXPECT_FALSE(cut->served.done());
  break_off();
  EXPECT_TRUE(over(*cut));
  EXPECT_EQ(cut->sink.status, 200);
  EXPECT_EQ(cut->sink.body, "body");
  EXPECT_EQ(count(CacheVerdict::stale), 2U);
}

// What a server that fails says is not stored; that is no reason for others to hear of it.
TEST_P(CachedExchangeTest, AStaleOneStandsInForEachErrorOfARow) {
  constexpr std::string_view kStandsIn = "Cache-Control: max-age=1, stale-if-error=600\r\nAge: 10\r\n";
  fetched(get("/a"), answer(kStandsIn));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(fetched(get("/a"), answer("", "broken", "503 Service Unavailable"))->sink.body, "body") << i;
  }
  fetched(get("/a"), answer("Cache-Control: private\r\n", "mine"));
  EXPECT_TRUE(fetched(get("/a"), answer(kFresh))->says("not stored the last time"))
      << "which says nothing of a failure";
}

TEST_P(CachedExchangeTest, AnErrorIsToldWhereNothingMayStandIn) {
  fetched(get("/a"), answer(kStale));
  EXPECT_EQ(fetched(get("/a"), answer("", "broken", "503 Service Unavailable"))->sink.body, "broken");
  ClientPtr cut = ask(get("/a"));
  EXPECT_FALSE(cut->served.done());
  break_off();
  EXPECT_TRUE(over(*cut));
  EXPECT_EQ(cut->sink.status, 502);
  EXPECT_EQ(count(CacheVerdict::stale), 0U);
  EXPECT_EQ(count(CacheVerdict::miss), 3U);
}

TEST_P(CachedExchangeTest, WhoComesMeanwhileGetsTheSame) {
  ClientPtr first = ask(get("/a"));
  ClientPtr second = ask(get("/a"));
  EXPECT_FALSE(first->served.done());
  EXPECT_FALSE(second->served.done());
  EXPECT_FALSE(server().heard().empty());
  server().say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n" + std::string(kFresh) + "\r\nbo");
  EXPECT_FALSE(first->served.done());
  EXPECT_EQ(first->sink.body, "bo");
  EXPECT_FALSE(second->served.done());
  EXPECT_EQ(second->sink.body, "bo") << "before all is there";
  server().say("dy");
  EXPECT_TRUE(first->served.done() && second->served.done());
  EXPECT_EQ(first->sink.body + second->sink.body, "bodybody");
  EXPECT_EQ(first->sink.ends + second->sink.ends, 2);
  EXPECT_FALSE(first->says("collapsed"));
  EXPECT_TRUE(second->says("; collapsed")) << second->cache();
  EXPECT_EQ(server().heard(), "") << "one fetch for both";
}

TEST_P(CachedExchangeTest, WhatIsNotForAllIsForWhoAskedAndOthersAskForThemselves) {
  ClientPtr first = ask(get("/a"));
  ClientPtr second = ask(get("/a"));
  EXPECT_FALSE(first->served.done() || second->served.done());
  EXPECT_FALSE(server().heard().empty());
  server().say(answer("Cache-Control: private\r\n", "mine"));
  EXPECT_TRUE(first->served.done());
  EXPECT_EQ(first->sink.body, "mine");
  EXPECT_FALSE(first->says("stored"));
  EXPECT_TRUE(first->says("detail=\"private\"")) << first->cache();
  EXPECT_FALSE(second->served.done());
  EXPECT_FALSE(server().heard().empty()) << "it goes to a server itself";
  server().say(answer("Cache-Control: private\r\n", "other"));
  EXPECT_TRUE(second->served.done());
  EXPECT_EQ(second->sink.body, "other");
  const ClientPtr third = fetched(get("/a"), answer(kFresh));
  EXPECT_TRUE(third->says("fwd=uri-miss")) << third->cache();
  EXPECT_TRUE(third->says("not stored the last time")) << third->cache();
  EXPECT_EQ(count(CacheVerdict::miss), 3U);
}

TEST_P(CachedExchangeTest, WhoWaitedForAnotherVariantAsksForItsOwn) {
  ClientPtr first = ask(get("/a", "X: 1\r\n"));
  ClientPtr second = ask(get("/a", "X: 2\r\n"));
  EXPECT_FALSE(first->served.done() || second->served.done());
  EXPECT_NE(server().heard().find("X: 1"), std::string::npos);
  server().say(answer("Cache-Control: max-age=600\r\nVary: X\r\n", "one"));
  EXPECT_TRUE(first->served.done());
  EXPECT_FALSE(second->served.done());
  EXPECT_NE(server().heard().find("X: 2"), std::string::npos);
  server().say(answer("Cache-Control: max-age=600\r\nVary: X\r\n", "two"));
  EXPECT_TRUE(second->served.done());
  EXPECT_EQ(first->sink.body + second->sink.body, "onetwo");
}

TEST_P(CachedExchangeTest, AFailureIsToldToAllWhoWaitForIt) {
  ClientPtr first = ask(get("/a"));
  ClientPtr second = ask(get("/a"));
  EXPECT_FALSE(first->served.done() || second->served.done());
  break_off();
  EXPECT_TRUE(over(*first) && over(*second));
  EXPECT_EQ(first->sink.status, 502);
  EXPECT_EQ(second->sink.status, 502);
  EXPECT_EQ(worker_.live.server(ServerId{0}).failures.load(), 1U) << "it is not tried for each";
  EXPECT_EQ(count(CacheVerdict::miss), 2U);
}

TEST_P(CachedExchangeTest, WhatIsCutOffIsCutForClientsAndNotStored) {
  ClientPtr client = ask(get("/a"));
  EXPECT_FALSE(client->served.done());
  server().heard();
  server().say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n" + std::string(kFresh) + "\r\nbo");
  EXPECT_FALSE(client->served.done());
  break_off();
  EXPECT_TRUE(over(*client));
  EXPECT_EQ(client->sink.body, "bo");
  EXPECT_TRUE(client->sink.was_cut);
  EXPECT_EQ(client->sink.ends, 0);
  EXPECT_EQ(worker_.errors(ErrorKind::upstream_reset), 1U);
  new_server();
  EXPECT_TRUE(fetched(get("/a"), answer(kFresh))->says("fwd=uri-miss"));
}

TEST_P(CachedExchangeTest, TheLastWhoLeavesEndsTheFetch) {
  ClientPtr first = ask(get("/a"));
  ClientPtr second = ask(get("/a"));
  EXPECT_FALSE(first->served.done() || second->served.done());
  const auto leave = [](Client& client) {
    client.source.gone = true;
    client.served.waiter().wake();
  };
  leave(*first);
  EXPECT_FALSE(second->served.done());
  EXPECT_EQ(worker_.context().counters.in_flight.read(), 1U);
  EXPECT_EQ(worker_.live.server(ServerId{0}).in_flight.load(), 1U) << "it goes on for the other";
  leave(*second);
  EXPECT_TRUE(over(*second) && over(*first));
  EXPECT_TRUE(turn_until(worker_.loop, [&] { return worker_.live.server(ServerId{0}).in_flight.load() == 0; }));
  EXPECT_EQ(first->sink.starts + second->sink.starts, 0);
  EXPECT_EQ(worker_.errors(ErrorKind::client_closed), 2U);
}

// What came of it before it was known for too large is no hit, and holds no room.
TEST_P(CachedExchangeTest, WhatTurnsOutTooLargePassesThrough) {
  rule_.max_object = 10'000;
  ClientPtr client = ask(get("/a"));
  server().heard();
  server().say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + std::string(kFresh) + "\r\n1f40\r\n" +
               std::string(8000, 'x') + "\r\n");
  EXPECT_FALSE(client->served.done());
  server().say("1f40\r\n" + std::string(8000, 'y') + "\r\n0\r\n\r\n");
  EXPECT_TRUE(over(*client));
  EXPECT_TRUE(client->sink.body == std::string(8000, 'x') + std::string(8000, 'y'));
  EXPECT_EQ(client->sink.ends, 1);
  EXPECT_EQ(stores_.at(0)->stats().entries, 0U);
  EXPECT_EQ(stores_.at(0)->stats().octets, 0U);
  EXPECT_TRUE(fetched(get("/b"), answer(kFresh, std::string(10'000, 'x')))->says("; stored"));
  EXPECT_FALSE(fetched(get("/c"), answer(kFresh, std::string(10'001, 'x')))->says("; stored"));
}

TEST_P(CachedExchangeTest, WhoLeavesInsideTheBodyIsCutAndOthersGetItWhole) {
  ClientPtr first = ask(get("/a"));
  ClientPtr second = ask(get("/a"));
  EXPECT_FALSE(first->served.done());
  server().heard();
  server().say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n" + std::string(kFresh) + "\r\nbo");
  EXPECT_FALSE(first->served.done());
  first->source.gone = true;
  first->served.waiter().wake();
  EXPECT_FALSE(second->served.done());
  server().say("dy");
  EXPECT_TRUE(over(*second) && over(*first));
  EXPECT_EQ(second->sink.body, "body");
  EXPECT_FALSE(second->sink.was_cut);
  EXPECT_TRUE(first->sink.was_cut);
  EXPECT_EQ(first->sink.body, "bo");
  EXPECT_EQ(first->sink.ends, 0);
  EXPECT_EQ(worker_.errors(ErrorKind::client_closed), 1U);
  EXPECT_EQ(stored(get("/a"))->sink.body, "body");
}

TEST_P(CachedExchangeTest, ASlowClientGetsAllAndOneThatStandsStillIsGivenUp) {
  worker_.settings.timeouts.send = shared::milliseconds(20);
  fetched(get("/a"), answer(kFresh, "0123456789"));
  ClientPtr slow = ask(get("/b"), 4);
  server().heard();
  server().say(answer(kFresh, "0123456789"));
  EXPECT_TRUE(over(*slow)) << "it does not wait for ever";
  EXPECT_EQ(slow->sink.body, "0123");
  EXPECT_TRUE(slow->sink.was_cut);
  EXPECT_EQ(slow->sink.ends, 0);
  EXPECT_EQ(worker_.errors(ErrorKind::client_closed), 1U);
  EXPECT_EQ(stored(get("/b"))->sink.body, "0123456789") << "the store has it all the same";
}

// Its own fetch gives it the body as it comes, for as long as it takes all of that; what it does not is there later.
TEST_P(CachedExchangeTest, WhatItDoesNotTakeAsItComesItGetsLater) {
  ClientPtr slow = ask(get("/a"), 6);
  server().heard();
  server().say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n" + std::string(kFresh) + "\r\n0123");
  EXPECT_TRUE(turn_until(worker_.loop, [&] { return slow->sink.body == "0123"; }));
  server().say("4567");
  server().say("89");
  for (const std::string_view so_far : {"012345", "012345678", "0123456789"}) {
    EXPECT_TRUE(turn_until(worker_.loop, [&] { return slow->sink.body == so_far; })) << slow->sink.body;
    slow->sink.room += 3;
    slow->served.waiter().wake();
  }
  EXPECT_TRUE(over(*slow));
  EXPECT_EQ(slow->sink.ends, 1);
  EXPECT_FALSE(slow->sink.was_cut);
  EXPECT_EQ(stored(get("/a"))->sink.body, "0123456789");
}

// Its connection breaks with the last of the answer on its way, which nothing else has told.
TEST_P(CachedExchangeTest, WhoCannotBeSentTheEndHasLeft) {
  ClientPtr quick = ask(get("/a"));
  EXPECT_FALSE(quick->served.done());
  server().heard();
  server().say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n" + std::string(kFresh) + "\r\nbo");
  EXPECT_TRUE(turn_until(worker_.loop, [&] { return quick->sink.body == "bo"; }));
  quick->sink.broken = true;
  server().say("dy");
  EXPECT_TRUE(over(*quick));
  ClientPtr slow = ask(get("/b"), 2);
  EXPECT_FALSE(slow->served.done());
  server().heard();
  server().say(answer(kFresh));
  EXPECT_TRUE(turn_until(worker_.loop, [&] { return stores_.at(0)->stats().entries == 2; }));
  slow->sink.broken = true;
  slow->served.waiter().wake();
  EXPECT_TRUE(over(*slow));
  EXPECT_TRUE(quick->sink.was_cut && slow->sink.was_cut);
  EXPECT_EQ(worker_.errors(ErrorKind::client_closed), 2U);
}

// What is stored is sent as the client takes it.
TEST_P(CachedExchangeTest, AHitWaitsForItsClient) {
  fetched(get("/a"), answer(kFresh, "0123456789"));
  const ClientPtr slow = ask(get("/a"), 4);
  EXPECT_FALSE(slow->served.done());
  EXPECT_EQ(slow->sink.body, "0123");
  slow->sink.room = 100;
  slow->served.waiter().wake();
  EXPECT_TRUE(slow->served.done());
  EXPECT_EQ(slow->sink.body, "0123456789");
  EXPECT_EQ(slow->sink.starts, 1);
  const ClientPtr leaving = ask(get("/a"), 4);
  EXPECT_FALSE(leaving->served.done());
  leaving->source.gone = true;
  leaving->served.waiter().wake();
  EXPECT_TRUE(leaving->served.done());
  EXPECT_TRUE(leaving->sink.was_cut);
  EXPECT_EQ(worker_.errors(ErrorKind::client_closed), 1U);
}

// RFC 9111 4.4: what an unsafe request has changed, and what its answer names on the same origin.
TEST_P(CachedExchangeTest, WhatIsChangedIsNotStoredAnyMore) {
  const auto post = [](std::string_view path) {
    return "POST " + std::string(path) + " HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 0\r\n\r\n";
  };
  for (const char* path : {"/a", "/b", "/c", "/d"}) fetched(get(path), answer(kFresh));
  fetched(post("/a"), answer("", "", "500 Internal Server Error"));
  stored(get("/a"));
  fetched(post("/a"), answer("", "", "404 Not Found"));
  stored(get("/a"));
  fetched(post("/a"), answer("Location: /b\r\nContent-Location: http://shop.example/c\r\n", "", "201 Created"));
  for (const char* path : {"/a", "/b", "/c"}) EXPECT_TRUE(fetched(get(path), answer(kFresh))->says("uri-miss")) << path;
  stored(get("/d"));
  fetched(post("/a"), answer("Location: http://elsewhere.example/d\r\n", "", "302 Found"));
  EXPECT_TRUE(fetched(get("/a"), answer(kFresh))->says("uri-miss"));
  stored(get("/d"));
}

// RFC 9111 4.3.5.
TEST_P(CachedExchangeTest, AHeadUpdatesWhatIsStoredOrMakesItStale) {
  const auto told = [](std::string_view fields) { return "HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n"; };
  fetched(get("/a"), answer(kStale));
  fetched(head_of("/a"), told("Content-Length: 4\r\nETag: \"a\"\r\nCache-Control: max-age=600\r\n"));
  EXPECT_EQ(stored(get("/a"))->sink.body, "body") << "it is fresh again";
  const auto changed = [&](std::string_view path, std::string_view fields) {
    fetched(get(path), answer("Cache-Control: max-age=600\r\nETag: \"a\"\r\n"));
    fetched(head_of(path, "Cache-Control: no-cache\r\n"), told(fields));
    EXPECT_TRUE(fetched(get(path), answer(kFresh))->says("fwd=stale")) << fields;
  };
  changed("/b", "Content-Length: 4\r\nETag: \"b\"\r\nCache-Control: max-age=600\r\n");
  changed("/c", "Content-Length: 5\r\nETag: \"a\"\r\nCache-Control: max-age=600\r\n");
  fetched(get("/d"), answer("Cache-Control: max-age=600\r\nETag: \"a\"\r\n"));
  fetched(head_of("/d", "Cache-Control: no-cache\r\n"), "HTTP/1.1 404 Not Found\r\nETag: \"b\"\r\n\r\n");
  stored(get("/d"));
}

TEST_P(CachedExchangeTest, WhatTheClientHasLeftOfALimitIsToldByAHit) {
  LimitLives lives;
  RateLimitSettings api{.name = "api", .rate = 0.001, .burst = 1, .announce = true};
  worker_.routes[0].limits = {std::make_shared<const RateLimit>(api, lives.of(api, 5), 5)};
  EXPECT_NE(fetched(get("/a"), answer(kFresh))->sink.starts, 0);
  const ClientPtr hit = stored(get("/a"));
  EXPECT_TRUE(hit->sink.field("RateLimit").starts_with("\"api\";r=1")) << hit->sink.field("RateLimit");
  EXPECT_NE(hit->sink.field("RateLimit-Policy"), "");
  fetched(get("/b"), answer(kFresh));
  const ClientPtr refused = stored(get("/c"));
  EXPECT_EQ(refused->sink.status, 429);
  EXPECT_NE(refused->sink.retry_after, "");
  EXPECT_EQ(stored(get("/a"))->sink.status, 200) << "what is stored costs nothing";
}

TEST_P(CachedExchangeTest, CacheStatusIsARoutesChoice) {
  rule_.status_field = false;
  EXPECT_EQ(fetched(get("/a"), answer(kFresh))->cache(), "");
  EXPECT_EQ(stored(get("/a"))->cache(), "");
  EXPECT_EQ(fetched(head_of("/b"), "HTTP/1.1 200 OK\r\n\r\n")->cache(), "");
}

// A route whose store is not there goes to servers.
TEST_P(CachedExchangeTest, WithoutAStoreServersAreAsked) {
  rule_.store = 3;
  EXPECT_TRUE(fetched(get("/a"), answer(kFresh))->says("fwd=bypass; detail=\"no store\""));
  EXPECT_TRUE(fetched(get("/a"), answer(kFresh))->says("fwd=bypass"));
  fetched("POST /a HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 0\r\n\r\n", answer(""));
  fetched(head_of("/a"), "HTTP/1.1 200 OK\r\n\r\n");
}

}  // namespace
}  // namespace edge::test::cached_exchange_test

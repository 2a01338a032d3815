// One HTTP/2 connection on a loop of the test's own: a socket pair, pages of the edge's, and how often it writes.
#include "edge/serve/client/h2_connection.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "edge/core/pool/live.h"
#include "edge/serve/client/clients.h"
#include "edge/serve/request/context.h"
#include "tests/edge/serve/sealed.h"

namespace edge::h2_connection_test {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"sv;
constexpr std::size_t kPage = 100'000;
constexpr std::uint8_t kData = 0, kHeaders = 1, kReset = 3, kSettings = 4, kGoaway = 7;

std::unique_ptr<ClientConnection> make(WorkerContext& context, Clients& clients, const Newcomer& newcomer) {
  H2Connection::Begun begun{.fd = std::move(*newcomer.fd),
                            .peer = newcomer.peer,
                            .layer = nullptr,
                            .introduction = nullptr,
                            .early = {},
                            .https_port = 0};
  return std::make_unique<H2Connection>(context, clients, std::move(begun));
}

std::shared_ptr<const Snapshot> snapshot() {
  auto made = std::make_shared<Snapshot>();
  auto settings = std::make_shared<Settings>();
  settings->http2.max_streams = 8;
  made->settings = settings;
  Route large;
  large.path = "/large";
  Respond page;
  for (std::size_t i = 0; i < kPage; ++i) page.body += static_cast<char>('a' + i % 23);
  large.action = page;
  Route small;
  small.path = "/";
  page.body = "small";
  small.action = page;
  Route moved;
  moved.path = "/moved";
  moved.action = Redirect{.status = 301, .to = "/" + std::string(2000, 'x')};
  made->routes = std::make_shared<RouteTable>(std::vector<Route>{moved, large, small}, 1);
  made->pools = std::make_shared<Pools>(std::vector<Pool>{});
  made->addresses = std::make_shared<Addresses>();
  made->tiers = std::make_shared<Tiers>();
  return made;
}

std::string frame(std::uint8_t kind, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
  std::string octets(9, '\0');
  for (int i = 0; i < 3; ++i) octets[i] = static_cast<char>(payload.size() >> (16 - 8 * i));
  octets[3] = static_cast<char>(kind);
  octets[4] = static_cast<char>(flags);
  for (int i = 0; i < 4; ++i) octets[5 + i] = static_cast<char>(stream >> (24 - 8 * i));
  return octets.append(payload);
}

// Fields by the static table and as literals that nothing remembers (RFC 7541 6.2.2).
std::string literal(char index, std::string_view value) {
  return std::string(1, index).append(1, static_cast<char>(value.size())).append(value);
}
std::string get(std::uint32_t stream, std::string_view path) {
  return frame(kHeaders, 5, stream, "\x82\x86" + literal(4, path) + literal(1, "a.example"));
}
std::string head_of(std::uint32_t stream, std::string_view path) {
  return frame(kHeaders, 5, stream, literal(2, "HEAD") + "\x86" + literal(4, path) + literal(1, "a.example"));
}
std::string window(std::uint32_t stream, std::uint32_t octets) {
  std::string payload(4, '\0');
  for (int i = 0; i < 4; ++i) payload[i] = static_cast<char>(octets >> (24 - 8 * i));
  return frame(8, 0, stream, payload);
}

struct Seen {
  std::string body;
  bool head = false, ended = false;
  int resets = 0;
  std::uint32_t code = 0;
};

class H2ConnectionTest : public testing::Test {
 protected:
  explicit H2ConnectionTest(int kind = SOCK_STREAM) {
    std::array<int, 2> pair{};
    EXPECT_EQ(::socketpair(AF_UNIX, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()), 0);
    client_.reset(pair[1]);
    clients_.offer({.fd = std::make_shared<shared::UniqueFd>(pair[0]),
                    .peer = {},
                    .listener = std::make_shared<const Listener>()});
  }
  ~H2ConnectionTest() override {
    client_.reset();
    turns(20);
    EXPECT_EQ(clients_.size(), 0U);
    EXPECT_EQ(context_.counters.h2_streams_open.read(), 0U);
  }

  void turns(int count) {
    for (int i = 0; i < count; ++i) loop_.poll();
  }
  // For what takes its time.
  template <class Holds>
  bool until(Holds holds) {
    for (int i = 0; i < 10'000; ++i) {
      if (holds()) return true;
      turns(1);
      ::usleep(1000);
    }
    return false;
  }
  // What the settings are from now on, as a reload has them.
  template <class Change>
  void set(Change change) {
    auto next = std::make_shared<Snapshot>(context_.snapshots.current());
    auto settings = std::make_shared<Settings>(*next->settings);
    change(*settings);
    next->settings = std::move(settings);
    context_.snapshots.publish(std::move(next));
  }
  void say(std::string_view octets) {
    ASSERT_EQ(::send(client_.get(), octets.data(), octets.size(), MSG_NOSIGNAL), static_cast<ssize_t>(octets.size()));
  }
  // How many pieces have come.
  int hear() {
    int writes = 0;
    std::string packet(1 << 20, '\0');
    while (true) {
      const ssize_t n = ::recv(client_.get(), packet.data(), packet.size(), MSG_DONTWAIT);
      if (n <= 0) break;
      ++writes;
      came_.append(packet, 0, static_cast<std::size_t>(n));
    }
    while (came_.size() >= 9) {
      std::size_t size = 0;
      for (int i = 0; i < 3; ++i) size = size << 8 | static_cast<std::uint8_t>(came_[i]);
      if (came_.size() < 9 + size) break;
      note(came_.substr(0, 9), came_.substr(9, size));
      came_.erase(0, 9 + size);
    }
    return writes;
  }
  void note(std::string_view head, std::string_view payload) {
    const auto kind = static_cast<std::uint8_t>(head[3]);
    std::uint32_t stream = 0;
    for (int i = 5; i < 9; ++i) stream = stream << 8 | static_cast<std::uint8_t>(head[i]);
    Seen& seen = streams_[stream];
    if (kind == kData) seen.body += payload;
    if (kind == kHeaders) seen.head = true;
    if (kind == kReset) {
      ++seen.resets;
      seen.code = static_cast<std::uint8_t>(payload[3]);
    }
    if (kind == kGoaway) {
      ++goaways_;
      goaway_code_ = static_cast<std::uint8_t>(payload[7]);
    }
    if (kind == kSettings && head[4] == 0) settings_ = payload;
    if ((kind == kData || kind == kHeaders) && (head[4] & 1) != 0) seen.ended = true;
  }
  std::string page() const {
    std::string text;
    for (std::size_t i = 0; i < kPage; ++i) text += static_cast<char>('a' + i % 23);
    return text;
  }

  shared::WorkerLoop loop_;
  Live live_;
  WorkerContext context_{{}, loop_, live_, nullptr, snapshot(), [](std::shared_ptr<const Snapshot>) {}};
  Clients clients_{context_, {}, make};
  shared::UniqueFd client_;
  std::string came_;
  std::map<std::uint32_t, Seen> streams_;
  std::string settings_;
  int goaways_ = 0;
  std::uint32_t goaway_code_ = 0;
};

// Where each write is a packet.
class H2WritesTest : public H2ConnectionTest {
 protected:
  H2WritesTest() : H2ConnectionTest(SOCK_SEQPACKET) {}
};

TEST_F(H2WritesTest, AllStreamsThatAreReadyGoOutInOne) {
  say(kPreface);
  turns(3);
  EXPECT_EQ(hear(), 1);
  std::string requests = frame(kSettings, 1, 0, "");
  for (std::uint32_t i = 0; i < 8; ++i) requests += get(2 * i + 1, "/");
  say(requests);
  turns(5);
  EXPECT_EQ(hear(), 1);
  for (std::uint32_t i = 0; i < 8; ++i) {
    EXPECT_EQ(streams_[2 * i + 1].body, "small");
    EXPECT_TRUE(streams_[2 * i + 1].ended);
  }
}

TEST_F(H2ConnectionTest, ALargeBodyComesWholeThroughWindowsOfAnySize) {
  say(kPreface);
  say(get(1, "/large") + get(3, "/large"));
  turns(5);
  hear();
  EXPECT_EQ(streams_[1].body.size() + streams_[3].body.size(), 65'535U);
  for (std::uint32_t step = 1; step < 200; ++step) {
    say(window(0, 37 * step) + window(1, 20 * step) + window(3, 17 * step));
    turns(3);
    hear();
  }
  EXPECT_EQ(streams_[1].body, page());
  EXPECT_EQ(streams_[3].body, page());
  EXPECT_TRUE(streams_[1].ended && streams_[3].ended);
}

TEST_F(H2ConnectionTest, WhatTheClientDoesNotTakeIsKeptAndItsStreamsGoOn) {
  const int small = 4096;
  ASSERT_EQ(::setsockopt(client_.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
  say(kPreface);
  say(frame(kSettings, 0, 0, "\0\4\0\x0f\xff\xff"sv) + window(0, 1'000'000));
  turns(3);
  std::string requests;
  for (std::uint32_t i = 0; i < 8; ++i) requests += get(2 * i + 1, "/large");
  say(requests);
  for (int i = 0; i < 500; ++i) {
    turns(2);
    hear();
  }
  for (std::uint32_t i = 0; i < 8; ++i) {
    EXPECT_EQ(streams_[2 * i + 1].body, page()) << i;
    EXPECT_TRUE(streams_[2 * i + 1].ended);
  }
}

TEST_F(H2ConnectionTest, AStreamThatIsResetInTheMiddleTakesNothingWithIt) {
  say(kPreface);
  say(get(1, "/large") + get(3, "/"));
  turns(5);
  hear();
  say(frame(kReset, 0, 1, "\0\0\0\x08"sv) + get(5, "/large") + window(0, 1'000'000) + window(5, 1'000'000));
  turns(10);
  hear();
  EXPECT_TRUE(streams_[3].ended);
  EXPECT_FALSE(streams_[1].ended);
  EXPECT_EQ(streams_[5].body, page());
}

TEST_F(H2ConnectionTest, TheLimitThatIsToldIsOurs) {
  say(kPreface);
  turns(3);
  hear();
  std::map<int, std::uint32_t> told;
  for (std::size_t at = 0; at + 6 <= settings_.size(); at += 6) {
    std::uint32_t value = 0;
    for (std::size_t i = 2; i < 6; ++i) value = value << 8 | static_cast<std::uint8_t>(settings_[at + i]);
    told[settings_[at + 1]] = value;
  }
  EXPECT_EQ(told[3], 8U);
  EXPECT_EQ(told[8], 1U);
}

// RFC 9113 5.1.2: an error of the stream, and those that run are served.
TEST_F(H2ConnectionTest, AStreamTooManyIsRefusedAlone) {
  say(kPreface);
  say(frame(kSettings, 1, 0, ""));
  turns(3);
  std::string requests;
  for (std::uint32_t i = 0; i < 10; ++i) requests += get(2 * i + 1, "/large");
  say(requests);
  turns(5);
  hear();
  EXPECT_EQ(streams_[17].resets, 1);
  EXPECT_EQ(streams_[17].code, 7U);
  EXPECT_EQ(streams_[19].resets, 1);
  EXPECT_EQ(goaways_, 0);
  for (std::uint32_t i = 0; i < 20; ++i) say(window(0, 100'000) + window(2 * (i % 8) + 1, 100'000));
  turns(20);
  for (int i = 0; i < 50; ++i) {
    turns(2);
    hear();
  }
  for (std::uint32_t i = 0; i < 8; ++i) EXPECT_EQ(streams_[2 * i + 1].body, page());
}

// An answer that is a head alone is over as soon as it is queued, so that no number of streams bounds how many wait.
TEST_F(H2ConnectionTest, WhoAsksAndTakesNothingIsNotHeardUntilItTakesSomething) {
  say(kPreface);
  say(frame(kSettings, 1, 0, ""));
  turns(3);
  std::uint32_t asked = 0;
  const auto ask = [&] {
    std::string requests;
    for (std::uint32_t i = 0; i < 8; ++i) requests += head_of(2 * (asked + i) + 1, "/moved");
    if (::send(client_.get(), requests.data(), requests.size(), MSG_NOSIGNAL) < 0) return false;
    asked += 8;
    turns(2);
    return true;
  };
  while (asked < 8'000 && ask()) continue;
  EXPECT_LT(asked, 8'000U);
  const std::uint64_t served = context_.counters.h2_streams.read();
  turns(20);
  EXPECT_EQ(context_.counters.h2_streams.read(), served);
  std::string some(64 * 1024, '\0');
  for (int i = 0; i < 100; ++i) {
    static_cast<void>(::recv(client_.get(), some.data(), some.size(), MSG_DONTWAIT));
    turns(1);
  }
  EXPECT_GT(context_.counters.h2_streams.read(), served) << "then it is heard again";
}

// By one octet each a field of 100 from the table (RFC 7541 6.1), which goes no further.
TEST_F(H2ConnectionTest, TrailersThatGoNoFurtherCountTowardsTheirLimit) {
  say(kPreface);
  const std::string post = "\x83\x86" + literal(4, "/") + literal(1, "a.example");
  const std::string entry =
      "\x40\x06"
      "x-some" +
      literal(0, std::string(100, 'v')).substr(1);
  say(frame(kHeaders, 4, 1, post) + frame(kHeaders, 5, 1, entry));
  say(frame(kHeaders, 4, 3, post) + frame(kHeaders, 5, 3, std::string(100, '\xbe')));
  turns(5);
  hear();
  EXPECT_NE(streams_[1].code, 1U);
  EXPECT_EQ(streams_[3].resets, 1);
  EXPECT_EQ(streams_[3].code, 1U);
}

// RFC 9113 8.1: what is not read any more is not wanted, and that is no error.
TEST_F(H2ConnectionTest, AnAnswerBeforeItsRequestIsWholeEndsTheStream) {
  say(kPreface);
  say(frame(kHeaders, 4, 1, "\x83\x86" + literal(4, "/") + literal(1, "a.example")));
  turns(5);
  hear();
  EXPECT_EQ(streams_[1].body, "small");
  EXPECT_TRUE(streams_[1].ended);
  EXPECT_EQ(streams_[1].resets, 1);
  EXPECT_EQ(streams_[1].code, 0U);
  EXPECT_EQ(context_.counters.h2_streams_open.read(), 0U);
  say(frame(kData, 1, 1, "late") + get(3, "/"));
  turns(5);
  hear();
  EXPECT_EQ(streams_[3].body, "small") << "what was on its way does no harm";
  EXPECT_EQ(goaways_, 0);
}

// Who has to make room first: by what each waits for.
TEST_F(H2ConnectionTest, ItStandsWithTheIdleOnesBetweenTwoRequests) {
  say(kPreface);
  say(get(1, "/"));
  turns(5);
  ASSERT_TRUE(clients_.give_up_one());
  EXPECT_EQ(context_.counters.evicted_idle.read(), 1U);
  EXPECT_EQ(context_.counters.evicted_head.read(), 0U);
}

TEST_F(H2ConnectionTest, ItStandsWithTheHeadsBeforeItsFirstRequest) {
  say(kPreface);
  turns(5);
  ASSERT_TRUE(clients_.give_up_one());
  EXPECT_EQ(context_.counters.evicted_head.read(), 1U);
}

TEST_F(H2ConnectionTest, ItStandsWithTheHeadsWhileHalfAHeadIsThere) {
  say(kPreface);
  say(get(1, "/"));
  turns(5);
  say(frame(kHeaders, 1, 3, "\x82\x86"));
  turns(5);
  ASSERT_TRUE(clients_.give_up_one());
  EXPECT_EQ(context_.counters.evicted_head.read(), 1U);
  EXPECT_EQ(context_.counters.evicted_idle.read(), 0U);
}

// Since its last answer, however long it has been there.
TEST_F(H2ConnectionTest, ItEndsWhenNothingIsAskedForTooLong) {
  constexpr shared::milliseconds kPatience(100);
  say(kPreface);
  set([&](Settings& settings) { settings.timeouts.keep_alive = kPatience; });
  const auto made = shared::Clock::now();
  ASSERT_TRUE(until([&] { return shared::Clock::now() - made > kPatience; }));
  const auto asked = shared::Clock::now();
  say(get(1, "/"));
  ASSERT_TRUE(until([&] { return hear() > 0 && goaways_ == 1; }));
  EXPECT_GE(shared::Clock::now() - asked, kPatience);
  EXPECT_EQ(goaway_code_, 0U);
  EXPECT_TRUE(streams_[1].ended);
}

TEST_F(H2ConnectionTest, AHeadThatDoesNotEndHasItsTime) {
  say(kPreface);
  say(get(1, "/"));
  turns(5);
  set([](Settings& settings) { settings.timeouts.head = shared::milliseconds(20); });
  say(frame(kHeaders, 1, 3, "\x82\x86"));
  ASSERT_TRUE(until([&] { return hear() > 0 && goaways_ == 1; }));
  EXPECT_EQ(goaway_code_, 11U);
}

// The time that was due is looked at again when it has come.
TEST_F(H2ConnectionTest, ATimeoutThatAReloadHasMadeLongerIsLonger) {
  say(kPreface);
  set([](Settings& settings) { settings.timeouts.keep_alive = shared::milliseconds(20); });
  say(get(1, "/"));
  turns(5);
  set([](Settings& settings) { settings.timeouts.keep_alive = shared::seconds(60); });
  for (int i = 0; i < 100; ++i) {
    turns(1);
    ::usleep(1000);
  }
  hear();
  EXPECT_EQ(goaways_, 0);
  EXPECT_EQ(clients_.size(), 1U);
}

TEST_F(H2ConnectionTest, WhoTakesNothingOfItsAnswersGoes) {
  set([](Settings& settings) { settings.timeouts.send = shared::milliseconds(50); });
  say(kPreface);
  say(frame(kSettings, 0, 0, "\0\4\0\x0f\xff\xff"sv) + window(0, 1'000'000));
  turns(3);
  std::string requests;
  for (std::uint32_t i = 0; i < 8; ++i) requests += get(2 * i + 1, "/large");
  say(requests);
  turns(5);
  EXPECT_EQ(clients_.size(), 1U);
  EXPECT_TRUE(until([&] { return clients_.size() == 0; }));
}

// A close while something is unread would send a reset, which may destroy the GOAWAY on its way.
TEST_F(H2ConnectionTest, BehindItsLastWordItReadsUntilTheClientHasClosed) {
  say(kPreface);
  turns(3);
  say(frame(kData, 0, 0, "x"));
  turns(20);
  hear();
  EXPECT_EQ(goaways_, 1);
  EXPECT_EQ(goaway_code_, 1U);
  EXPECT_EQ(clients_.size(), 1U);
  ::shutdown(client_.get(), SHUT_WR);
  turns(20);
  EXPECT_EQ(clients_.size(), 0U);
}

// The scheme of a request is what stands before the connection: TLS here, or at who introduces the client.
TEST_F(H2ConnectionTest, TheSchemeIsThatOfTheConnection) {
  const auto scheme = [&](std::unique_ptr<StreamLayer> layer, std::unique_ptr<const Introduction> introduction) {
    std::array<int, 2> pair{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()), 0);
    const shared::UniqueFd other(pair[1]);
    H2Connection connection(context_, clients_,
                            {.fd = shared::UniqueFd(pair[0]),
                             .peer = {},
                             .layer = std::move(layer),
                             .introduction = std::move(introduction),
                             .early = {},
                             .https_port = 8443});
    RequestFacts facts;
    connection.tell(facts);
    EXPECT_EQ(facts.https_port, 8443);
    EXPECT_TRUE(facts.first);
    return std::string(facts.scheme);
  };
  Introduction plain;
  Introduction sealed;
  sealed.tls = true;
  EXPECT_EQ(scheme(nullptr, nullptr), "http");
  EXPECT_EQ(scheme(nullptr, std::make_unique<const Introduction>(plain)), "http");
  EXPECT_EQ(scheme(nullptr, std::make_unique<const Introduction>(sealed)), "https");
  EXPECT_EQ(scheme(std::make_unique<test::Sealed>(), nullptr), "https");
}

}  // namespace
}  // namespace edge::h2_connection_test

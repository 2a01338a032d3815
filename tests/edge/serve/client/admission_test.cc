#include "edge/serve/client/admission.h"

#include <arpa/inet.h>

#include "tests/edge/serve/harness.h"

namespace edge::test::admission_test {
namespace {

const std::string kHalfHead = "G";
const std::string kHealth = "GET /.meridian/health HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string kHalfBody = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx";

Conn from(const char* source, const shared::Endpoint& endpoint) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in own{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {::inet_addr(source)}, .sin_zero = {}};
  EXPECT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof own), 0);
  const auto address = shared::to_socket_address(endpoint);
  EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address.bytes), address.length), 0);
  return Conn(fd);
}

bool served(Conn& client, const std::string& request = get()) {
  if (!client.send(request) || !client.read_head().starts_with("HTTP/1.1 200")) return false;
  return request == kHealth ? client.read_exactly(1) == "{" : client.read_exactly(1) == "x";
}

// Clients that may be served come until one is.
void until_served(const Edge& edge) {
  for (bool done = false; !done;) {
    Conn stranger = edge.client();
    done = served(stranger);
  }
}

// What all workers count together.
TEST(Admission, KnowsHowManyThereAreOfEachClientAndOfAll) {
  const auto one = *shared::IpAddress::parse("192.0.2.1");
  const auto two = *shared::IpAddress::parse("192.0.2.2");
  Admission admission(3, 1);
  EXPECT_EQ(admission.of(one), 0U);
  admission.enter(one);
  admission.enter(one);
  EXPECT_FALSE(admission.full());
  admission.enter(two);
  EXPECT_TRUE(admission.full());
  EXPECT_EQ(admission.of(one), 2U);
  EXPECT_EQ(admission.of(two), 1U);
  admission.leave(one);
  EXPECT_FALSE(admission.full());
  EXPECT_EQ(admission.of(one), 1U) << "the other one is still there";
  admission.leave(one);
  EXPECT_EQ(admission.of(one), 0U);
  EXPECT_EQ(admission.of(two), 1U);
}

TEST(Admission, KeepsPlacesForThoseWhoAskedForHealthLast) {
  const auto asker = [](std::size_t n) { return *shared::IpAddress::parse("192.0.2." + std::to_string(n)); };
  Admission admission(1, 1);
  for (std::size_t n = 1; n <= Admission::kReserved; ++n) admission.asked_health(asker(n));
  admission.asked_health(asker(1));
  EXPECT_FALSE(admission.reserved_for(asker(100)));
  for (std::size_t n = 1; n <= Admission::kReserved; ++n) EXPECT_TRUE(admission.reserved_for(asker(n))) << n;
  admission.asked_health(asker(100));
  EXPECT_TRUE(admission.reserved_for(asker(100)));
  EXPECT_TRUE(admission.reserved_for(asker(1))) << "it has asked again";
  EXPECT_FALSE(admission.reserved_for(asker(2))) << "nobody asked longer ago";
  for (std::size_t n = 0; n < Admission::kReserved; ++n) admission.enter(asker(n));
  EXPECT_TRUE(admission.reserved_for(asker(1))) << "one place is left over the cap";
  admission.enter(asker(1));
  EXPECT_FALSE(admission.reserved_for(asker(1)));
}

TEST(Admission, PassesOnSoManyAtATime) {
  Admission admission(1, 2);
  std::size_t taken = 0;
  admission.join(1, [&](const Newcomer&) { ++taken; });
  const Newcomer newcomer{.fd = nullptr, .peer = {}, .listener = nullptr};
  for (std::size_t n = 1; n <= Admission::kPassing; ++n) EXPECT_TRUE(admission.pass(1, newcomer));
  EXPECT_EQ(taken, Admission::kPassing);
  EXPECT_FALSE(admission.pass(1, newcomer));
  EXPECT_FALSE(admission.pass(1, newcomer)) << "who was not passed on has taken no place";
  EXPECT_EQ(taken, Admission::kPassing);
  admission.arrived();
  EXPECT_TRUE(admission.pass(1, newcomer));
  EXPECT_FALSE(admission.pass(1, newcomer));
}

TEST(Admission, KnowsWhoHasWaitedLongestForAHead) {
  Admission admission(1, 3);
  EXPECT_EQ(admission.oldest_head(), std::nullopt);
  const auto now = shared::Clock::now();
  admission.set_oldest_head(1, now);
  EXPECT_EQ(admission.oldest_head(), 1U);
  admission.set_oldest_head(2, now - shared::seconds(1));
  admission.set_oldest_head(0, now + shared::seconds(1));
  EXPECT_EQ(admission.oldest_head(), 2U);
  admission.set_oldest_head(2, shared::TimePoint::max());
  EXPECT_EQ(admission.oldest_head(), 1U);
}

class AdmissionTest : public testing::Test {
 protected:
  // A client that has been served and waits.
  Conn idle() {
    Conn client = edge.client();
    EXPECT_TRUE(served(client));
    return client;
  }
  Conn half(const std::string& sent) {
    const auto before = edge.worker->counters().connections.read();
    Conn client = edge.client();
    client.send(sent);
    EXPECT_TRUE(eventually([&] { return edge.worker->counters().connections.read() > before; }));
    return client;
  }
  void start(std::size_t cap) {
    edge.max_connections = cap;
    edge.start();
  }

  Backend backend{[](Conn& conn) {
    for (std::string head = conn.read_head(); !head.empty(); head = conn.read_head()) {
      if (head.starts_with("POST") && conn.read_exactly(100).size() < 100) return;
      conn.send(ok("x"));
    }
  }};
  Edge edge{{backend.endpoint()}};
};

TEST_F(AdmissionTest, TheHeadThatIsIncompleteForLongestGoes) {
  start(4);
  Conn kept = idle();
  Conn first = half(kHalfHead);
  Conn second = half(kHalfHead);
  Conn silent = half("");
  Conn newcomer = edge.client();
  EXPECT_TRUE(served(newcomer));
  EXPECT_TRUE(first.closed());
  EXPECT_TRUE(served(kept));
  Conn next = edge.client();
  EXPECT_TRUE(served(next));
  EXPECT_TRUE(second.closed());
  Conn third = edge.client();
  EXPECT_TRUE(served(third));
  EXPECT_TRUE(silent.closed());
  EXPECT_TRUE(served(kept));
  EXPECT_EQ(edge.worker->counters().evicted_head.read(), 3U);
  EXPECT_EQ(edge.worker->counters().connections_refused.read(), 0U);
}

TEST_F(AdmissionTest, AFloodOfHalfHeadsRefusesNobody) {
  start(8);
  std::vector<Conn> flood;
  for (int i = 0; i < 200; ++i) flood.push_back(half(kHalfHead));
  for (int i = 0; i < 20; ++i) {
    Conn client = edge.client();
    EXPECT_TRUE(served(client));
  }
  EXPECT_LE(edge.worker->counters().connections_open.read(), 8U);
}

TEST_F(AdmissionTest, WhoAskedTheHealthPageStays) {
  start(3);
  Conn checker = edge.client();
  ASSERT_TRUE(served(checker, kHealth));
  checker.read_exactly(std::string(R"("version":1,"region":"eu","state":"up"})").size() + 1);
  Conn others = idle();
  until_served(edge);
  for (int i = 0; i < 10; ++i) until_served(edge);
  EXPECT_TRUE(served(checker, kHealth));
}

TEST_F(AdmissionTest, OneClientHasNoMoreThanItsShare) {
  edge.settings.max_per_client = 2;
  start(1000);
  Conn other = from("127.0.0.2", edge.endpoint);
  EXPECT_TRUE(served(other));
  Conn first = idle();
  Conn second = idle();
  until_served(edge);
  EXPECT_TRUE(first.closed());
  EXPECT_TRUE(served(other));
}

TEST_F(AdmissionTest, ATrustedProxyIsManyClients) {
  edge.settings.max_per_client = 1;
  const std::vector proxies{*shared::Prefix::parse("127.0.0.1/32")};
  edge.settings.trusted_proxies = PrefixSet(proxies);
  start(1000);
  Conn first = idle();
  Conn second = idle();
  EXPECT_TRUE(served(first));
  EXPECT_TRUE(served(second));
}

TEST_F(AdmissionTest, ASlowBodyMakesRoom) {
  edge.settings.min_rate = 1000;
  start(1);
  Conn slow = half(kHalfBody);
  until_served(edge);
  EXPECT_TRUE(slow.closed());
  EXPECT_EQ(edge.worker->counters().evicted_slow.read(), 1U);
}

TEST(AdmissionReserve, WhoAskedTheHealthPageLastIsServedWhereAllAreBusy) {
  std::promise<void> asked;
  std::promise<void> go;
  Backend backend([&](Conn& conn) {
    if (conn.read_head().empty()) return;
    asked.set_value();
    go.get_future().wait();
    conn.send(ok("x"));
  });
  Edge edge({backend.endpoint()});
  edge.max_connections = 1;
  edge.start();
  {
    Conn checker = edge.client();
    EXPECT_TRUE(served(checker, kHealth));
  }
  ASSERT_TRUE(eventually([&] { return edge.worker->counters().connections_open.read() == 0; }));
  Conn busy = from("127.0.0.2", edge.endpoint);
  busy.send(get());
  asked.get_future().wait();
  Conn stranger = from("127.0.0.3", edge.endpoint);
  EXPECT_FALSE(served(stranger));
  Conn checker = edge.client();
  EXPECT_TRUE(served(checker, kHealth));
  go.set_value();
  EXPECT_TRUE(busy.read_head().starts_with("HTTP/1.1 200"));
}

TEST(Admission, CountsOfAllAndOfEach) {
  Admission admission(2, 1);
  const auto one = *shared::IpAddress::parse("192.0.2.1");
  const auto other = *shared::IpAddress::parse("192.0.2.2");
  admission.enter(one);
  EXPECT_FALSE(admission.full());
  admission.enter(one);
  EXPECT_TRUE(admission.full());
  EXPECT_EQ(admission.of(one), 2U);
  EXPECT_EQ(admission.of(other), 0U);
  admission.leave(one);
  admission.leave(one);
  EXPECT_EQ(admission.of(one), 0U);
  EXPECT_FALSE(admission.full());
}

TEST(Admission, TheOldestHeadOfAllWorkers) {
  Admission admission(10, 3);
  EXPECT_FALSE(admission.oldest_head());
  admission.set_oldest_head(2, shared::TimePoint(shared::seconds(5)));
  admission.set_oldest_head(1, shared::TimePoint(shared::seconds(4)));
  EXPECT_EQ(admission.oldest_head(), 1U);
  admission.set_oldest_head(1, shared::TimePoint::max());
  EXPECT_EQ(admission.oldest_head(), 2U);
}

TEST(Admission, FewAreOnTheirWayAtATime) {
  Admission admission(1, 2);
  std::size_t taken = 0;
  admission.join(1, [&](const Newcomer&) { ++taken; });
  const Newcomer newcomer{.fd = nullptr, .peer = {}, .listener = nullptr};
  for (std::size_t i = 0; i < Admission::kPassing; ++i) EXPECT_TRUE(admission.pass(1, newcomer));
  EXPECT_FALSE(admission.pass(1, newcomer));
  EXPECT_EQ(taken, Admission::kPassing);
  admission.arrived();
  EXPECT_TRUE(admission.pass(1, newcomer));
}

TEST(Admission, TheAskersAreTheLastFew) {
  Admission admission(1, 1);
  const auto address = [](std::size_t i) { return shared::IpAddress::v4(0x0A000000U + static_cast<std::uint32_t>(i)); };
  for (std::size_t i = 0; i <= Admission::kReserved; ++i) admission.asked_health(address(i));
  EXPECT_FALSE(admission.reserved_for(address(0)));
  EXPECT_TRUE(admission.reserved_for(address(1)));
  EXPECT_TRUE(admission.reserved_for(address(Admission::kReserved)));
  for (int again = 0; again < 3; ++again) {  // who asks again takes no second place
    admission.asked_health(address(Admission::kReserved - 1));
    admission.asked_health(address(Admission::kReserved));
  }
  EXPECT_TRUE(admission.reserved_for(address(1)));
  admission.asked_health(address(1));
  admission.asked_health(address(100));
  EXPECT_TRUE(admission.reserved_for(address(1))) << "it was the last but one";
  EXPECT_FALSE(admission.reserved_for(address(2)));
}

TEST(Admission, TheReserveHasAnEnd) {
  Admission admission(2, 1);
  const auto checker = *shared::IpAddress::parse("192.0.2.1");
  admission.asked_health(checker);
  for (std::size_t i = 0; i < 2 + Admission::kReserved; ++i) {
    EXPECT_TRUE(admission.reserved_for(checker)) << i;
    admission.enter(checker);
  }
  EXPECT_FALSE(admission.reserved_for(checker));
  admission.leave(checker);
  EXPECT_TRUE(admission.reserved_for(checker));
}

TEST(Admission, AHeadAsOldAsAnothersIsNotOlder) {
  Admission admission(10, 2);
  admission.set_oldest_head(0, shared::TimePoint(shared::seconds(4)));
  admission.set_oldest_head(1, shared::TimePoint(shared::seconds(4)));
  EXPECT_EQ(admission.oldest_head(), 0U);
}

}  // namespace
}  // namespace edge::test::admission_test

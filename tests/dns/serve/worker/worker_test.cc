#include "dns/serve/worker/worker.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <thread>

#include "dns/core/steer/policy_tables.h"
#include "dns/serve/worker/listeners.h"
#include "shared/serve/os/socket.h"
#include "shared/serve/process/supervisor.h"
#include "tests/support/dns_world.h"

namespace dns::worker_test {
namespace {

using shared::Endpoint;
using shared::UniqueFd;
using test::Bytes;
using namespace std::chrono_literals;

constexpr TcpSettings kRoomy{.idle_timeout = 10s, .max_connections = 1000, .max_per_client = 1000};

// A blocking socket of a client; what takes longer than 5 s counts as nothing.
UniqueFd client_socket(int type, const Endpoint& to, int receive_buffer = 0, const char* from = nullptr) {
  const auto address = shared::to_socket_address(to);
  UniqueFd fd(::socket(to.address.family == shared::Family::ipv4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0));
  const timeval patience{5, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (from != nullptr) {
    const auto source = shared::to_socket_address({*shared::IpAddress::parse(from), 0});
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(source.bytes), source.length), 0);
  }
  if (receive_buffer > 0) ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(address.bytes), address.length), 0);
  return fd;
}

void send_bytes(const UniqueFd& fd, std::span<const std::uint8_t> bytes) {
  EXPECT_EQ(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
}

Bytes receive_datagram(const UniqueFd& fd) {
  Bytes bytes(65536);
  const ssize_t got = ::recv(fd.get(), bytes.data(), bytes.size(), 0);
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

bool receive_exactly(const UniqueFd& fd, std::span<std::uint8_t> into) {
  return ::recv(fd.get(), into.data(), into.size(), MSG_WAITALL) == static_cast<ssize_t>(into.size());
}

// One message off a TCP connection; empty when the server has closed it.
Bytes receive_frame(const UniqueFd& fd) {
  std::array<std::uint8_t, 2> length{};
  if (!receive_exactly(fd, length)) return {};
  Bytes bytes(load_u16(length.data()));
  return receive_exactly(fd, bytes) ? bytes : Bytes{};
}

bool closed_by_peer(const UniqueFd& fd) {
  std::uint8_t octet = 0;
  const ssize_t got = ::recv(fd.get(), &octet, 1, 0);
  return got == 0 || (got < 0 && errno == ECONNRESET);
}

Bytes framed(const Bytes& message) {
  Bytes frame;
  test::append_u16(frame, static_cast<unsigned>(message.size()));
  test::append(frame, message);
  return frame;
}

Bytes query(const std::string& name, RrType type = RrType::a, std::uint16_t id = 7) {
  test::QueryBuilder builder;
  builder.name = name;
  builder.type = type;
  builder.id = id;
  return builder.with_edns().build();
}

bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 500; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return condition();
}

class WorkerTest : public testing::Test {
 protected:
  void start(TcpSettings tcp = kRoomy, const std::string& where = "127.0.0.1:0") {
    shared::InheritedSockets none;
    auto listeners = listen_on(*Endpoint::parse(where), 1, none);
    ASSERT_TRUE(listeners) << listeners.error().message;
    endpoint_ = listeners->endpoint;
    WorkerSetup setup;
    setup.name = "test";
    setup.udp = std::move(listeners->udp);
    setup.tcp = std::move(listeners->tcp);
    setup.tcp_settings = tcp;
    setup.first = publication(1, rate_limit_);
    setup.cells = std::make_shared<ResponseCells>(5);
    worker_ = std::make_unique<Worker>(std::move(setup));
    worker_->start();
  }

  static Publication publication(std::uint64_t generation, const RateLimit& rate_limit = {}) {
    auto snapshot = std::make_shared<Snapshot>(test::example_world());
    snapshot->generation = generation;
    snapshot->cookies.count = 1;
    snapshot->rate_limit = rate_limit;
    const auto& spec = snapshot->policies->spec();
    return {snapshot, std::make_shared<SteeringCounts>(spec.names.size(), spec.regions.size())};
  }

  Bytes ask_udp(const Bytes& message) {
    const auto fd = client_socket(SOCK_DGRAM, endpoint_);
    send_bytes(fd, message);
    return receive_datagram(fd);
  }
  Bytes ask_tcp(const Bytes& message) {
    const auto fd = client_socket(SOCK_STREAM, endpoint_);
    send_bytes(fd, framed(message));
    return receive_frame(fd);
  }
  struct Burst {
    unsigned whole = 0;
    unsigned truncated = 0;
    unsigned bad_cookie = 0;
  };
  // Asks the same over and over from one socket, a few at a time, and sorts the replies.
  Burst ask_often(const Bytes& message, unsigned times) {
    Burst burst;
    const auto fd = client_socket(SOCK_DGRAM, endpoint_);
    const timeval patience{0, 50'000};
    for (unsigned i = 0; i < times; ++i) send_bytes(fd, message);
    EXPECT_TRUE(eventually([&] { return worker_->counters().queries[0].read() >= asked_ + times; }));
    asked_ += times;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    for (Bytes reply = receive_datagram(fd); !reply.empty(); reply = receive_datagram(fd)) {
      const auto parsed = test::parse_reply(reply);
      ++(parsed.tc() ? burst.truncated : parsed.rcode() == 23 ? burst.bad_cookie : burst.whole);
    }
    return burst;
  }
  Endpoint endpoint_;
  RateLimit rate_limit_;  // of the first publication
  unsigned asked_ = 0;
  std::unique_ptr<Worker> worker_;
};

TEST_F(WorkerTest, UdpAndTcpGiveTheSameAnswers) {
  start();
  for (const char* name : {"www.example.com", "example.com", "nothing.example.com", "example.org"}) {
    for (const RrType type : {RrType::a, RrType::aaaa, RrType::soa, RrType::mx}) {
      const Bytes over_udp = ask_udp(query(name, type));
      EXPECT_FALSE(over_udp.empty()) << name;
      EXPECT_EQ(over_udp, ask_tcp(query(name, type))) << name;
    }
  }
  EXPECT_EQ(worker_->counters().queries[0].read(), 16U);
  EXPECT_EQ(worker_->counters().queries[1].read(), 16U);
}

TEST_F(WorkerTest, RepliesFromTheAddressThatWasAsked) {
  start(kRoomy, "0.0.0.0:0");
  for (const char* address : {"127.0.0.1", "127.0.0.2", "127.9.8.7"}) {
    const auto fd = client_socket(SOCK_DGRAM, {*shared::IpAddress::parse(address), endpoint_.port});
    send_bytes(fd, query("www.example.com"));
    EXPECT_FALSE(receive_datagram(fd).empty()) << address;  // a connected socket takes nothing from elsewhere
  }
}

TEST_F(WorkerTest, ServesIpv6) {
  start(kRoomy, "[::]:0");
  endpoint_.address = *shared::IpAddress::parse("::1");
  EXPECT_FALSE(ask_udp(query("www.example.com")).empty());
  EXPECT_FALSE(ask_tcp(query("www.example.com")).empty());
}

TEST_F(WorkerTest, AnswersABurstAndDropsWhatIsNoQuery) {
  start();
  const auto fd = client_socket(SOCK_DGRAM, endpoint_);
  send_bytes(fd, Bytes(5));
  Bytes response = query("www.example.com");
  response[2] |= 0x80;
  send_bytes(fd, response);
  send_bytes(fd, {});
  constexpr unsigned kBurst = 200;
  for (unsigned i = 0; i < kBurst; ++i)
    send_bytes(fd, query("www.example.com", RrType::a, static_cast<std::uint16_t>(i)));
  std::vector<bool> seen(kBurst);
  for (unsigned i = 0; i < kBurst; ++i) {
    const Bytes reply = receive_datagram(fd);
    ASSERT_GE(reply.size(), 12U) << i;
    seen[load_u16(reply.data())] = true;
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), true), kBurst);
  EXPECT_EQ(worker_->counters().unanswered.read(), 3U);
}

TEST_F(WorkerTest, CutsNothingFromALongDatagram) {
  start();
  Bytes message = query("www.example.com");
  message.resize(9000);  // garbage behind the message
  const Bytes reply = ask_udp(message);
  ASSERT_GE(reply.size(), 12U);
  EXPECT_EQ(test::parse_reply(reply).rcode(), 1U);
}

TEST_F(WorkerTest, AnswersPipelinedQueriesInOneConnection) {
  start();
  const auto fd = client_socket(SOCK_STREAM, endpoint_);
  Bytes frames;
  for (std::uint16_t id = 0; id < 300; ++id) test::append(frames, framed(query("www.example.com", RrType::a, id)));
  send_bytes(fd, frames);
  for (std::uint16_t id = 0; id < 300; ++id) {
    const Bytes reply = receive_frame(fd);
    ASSERT_GE(reply.size(), 12U) << id;
    EXPECT_EQ(load_u16(reply.data()), id);
  }
}

TEST_F(WorkerTest, TakesFramesInAnyPieces) {
  start();
  const auto fd = client_socket(SOCK_STREAM, endpoint_);
  const Bytes frame = framed(query("www.example.com"));
  for (const std::uint8_t octet : frame) {
    send_bytes(fd, {&octet, 1});
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_FALSE(receive_frame(fd).empty());
}

TEST_F(WorkerTest, TakesTheLongestMessage) {
  start();
  const auto fd = client_socket(SOCK_STREAM, endpoint_);
  Bytes message = query("www.example.com");
  message.resize(65535);
  send_bytes(fd, framed(message));
  EXPECT_EQ(test::parse_reply(receive_frame(fd)).rcode(), 1U);
  send_bytes(fd, framed(query("www.example.com")));
  EXPECT_EQ(test::parse_reply(receive_frame(fd)).rcode(), 0U);
}

TEST_F(WorkerTest, EndsAConnectionThatSendsAnEmptyFrame) {
  start();
  const auto fd = client_socket(SOCK_STREAM, endpoint_);
  Bytes frames = framed(query("www.example.com"));
  test::append(frames, framed({}));
  send_bytes(fd, frames);
  EXPECT_FALSE(receive_frame(fd).empty());
  EXPECT_TRUE(closed_by_peer(fd));
  EXPECT_TRUE(eventually([&] { return worker_->counters().tcp_open.read() == 0; }));
}

TEST_F(WorkerTest, AnswersAfterTheClientHasClosedItsSide) {
  start();
  const auto fd = client_socket(SOCK_STREAM, endpoint_);
  send_bytes(fd, framed(query("www.example.com")));
  ::shutdown(fd.get(), SHUT_WR);
  EXPECT_FALSE(receive_frame(fd).empty());
  EXPECT_TRUE(closed_by_peer(fd));
}

TEST_F(WorkerTest, ClosesWhatIsIdle) {
  start({200ms, 100, 100});
  const auto idle = client_socket(SOCK_STREAM, endpoint_);
  const auto half = client_socket(SOCK_STREAM, endpoint_);
  send_bytes(half, Bytes{0});
  EXPECT_TRUE(closed_by_peer(idle));
  EXPECT_TRUE(closed_by_peer(half));
  EXPECT_EQ(worker_->counters().tcp_closed_idle.read(), 2U);
}

TEST_F(WorkerTest, ClosesTheLongestIdleAtTheCap) {
  start({10s, 2, 100});
  const auto first = client_socket(SOCK_STREAM, endpoint_);
  const auto second = client_socket(SOCK_STREAM, endpoint_);
  EXPECT_TRUE(eventually([&] { return worker_->counters().tcp_open.read() == 2; }));
  send_bytes(first, framed(query("www.example.com")));
  EXPECT_FALSE(receive_frame(first).empty());
  const auto third = client_socket(SOCK_STREAM, endpoint_);
  EXPECT_TRUE(closed_by_peer(second));
  for (const auto* fd : {&first, &third}) {
    send_bytes(*fd, framed(query("www.example.com")));
    EXPECT_FALSE(receive_frame(*fd).empty());
  }
  EXPECT_EQ(worker_->counters().tcp_closed_for_new.read(), 1U);
}

TEST_F(WorkerTest, ClosesTheLongestIdleOfAClientAtItsCap) {
  start({10s, 100, 2});
  const auto other = client_socket(SOCK_STREAM, endpoint_, 0, "127.0.0.2");
  EXPECT_TRUE(eventually([&] { return worker_->counters().tcp_open.read() == 1; }));
  const auto first = client_socket(SOCK_STREAM, endpoint_);
  const auto second = client_socket(SOCK_STREAM, endpoint_);
  EXPECT_TRUE(eventually([&] { return worker_->counters().tcp_open.read() == 3; }));
  send_bytes(first, framed(query("www.example.com")));
  EXPECT_FALSE(receive_frame(first).empty());
  const auto third = client_socket(SOCK_STREAM, endpoint_);
  EXPECT_TRUE(closed_by_peer(second));
  for (const auto* fd : {&other, &first, &third}) {  // the other client has idled for longer, and stays
    send_bytes(*fd, framed(query("www.example.com")));
    EXPECT_FALSE(receive_frame(*fd).empty());
  }
  EXPECT_EQ(worker_->counters().tcp_closed_for_client.read(), 1U);
  EXPECT_EQ(worker_->counters().tcp_closed_for_new.read(), 0U);
}

TEST_F(WorkerTest, ALowerCapClosesTheLongestIdle) {
  start({10s, 100, 100});
  std::vector<UniqueFd> sockets;
  for (int i = 0; i < 5; ++i) {
    sockets.push_back(client_socket(SOCK_STREAM, endpoint_));
    EXPECT_TRUE(eventually([&] { return worker_->counters().tcp_open.read() == sockets.size(); }));
  }
  worker_->set({10s, 100, 3});
  EXPECT_TRUE(closed_by_peer(sockets[0]));
  EXPECT_TRUE(closed_by_peer(sockets[1]));
  send_bytes(sockets[2], framed(query("www.example.com")));
  EXPECT_FALSE(receive_frame(sockets[2]).empty());
  EXPECT_EQ(worker_->counters().tcp_closed_for_client.read(), 2U);
}

TEST_F(WorkerTest, ACapThatIsJustReachedClosesNobody) {
  start({10s, 100, 100});
  std::vector<UniqueFd> sockets;
  for (int i = 0; i < 3; ++i) {
    sockets.push_back(client_socket(SOCK_STREAM, endpoint_));
    EXPECT_TRUE(eventually([&] { return worker_->counters().tcp_open.read() == sockets.size(); }));
  }
  worker_->set({10s, 3, 3});
  for (const auto& socket : sockets) {  // each is answered behind the change
    send_bytes(socket, framed(query("www.example.com")));
    EXPECT_FALSE(receive_frame(socket).empty());
  }
  EXPECT_EQ(worker_->counters().tcp_closed_for_new.read() + worker_->counters().tcp_closed_for_client.read(), 0U);
  worker_->set({10s, 2, 3});
  EXPECT_TRUE(closed_by_peer(sockets[0]));
  EXPECT_EQ(worker_->counters().tcp_open.read(), 2U);
  EXPECT_EQ(worker_->counters().tcp_closed_for_new.read(), 1U);
}

// Who comes does not put off the time of those who idle.
TEST_F(WorkerTest, ClosesWhatIsIdleWhileOthersCome) {
  start({100ms, 10000, 10000});
  const auto idle = client_socket(SOCK_STREAM, endpoint_);
  EXPECT_TRUE(eventually([&] { return worker_->counters().tcp_open.read() == 1; }));
  std::atomic<bool> ending{false};
  std::thread coming([&] {
    while (!ending) (void)client_socket(SOCK_STREAM, endpoint_, 0, "127.0.0.3");
  });
  const bool closed = eventually([&] { return worker_->counters().tcp_closed_idle.read() > 0; });
  ending = true;
  coming.join();
  EXPECT_TRUE(closed);
}

// Each of them announces 64 KiB and sends all but the end.
TEST_F(WorkerTest, BoundsWhatHalfQueriesHold) {
  start({30s, 1000, 1000, 512 << 10});
  const auto idle = client_socket(SOCK_STREAM, endpoint_);
  EXPECT_TRUE(eventually([&] { return worker_->counters().tcp_open.read() == 1; }));
  Bytes half = {0xFF, 0xFF};
  half.resize(60'000);
  std::vector<UniqueFd> hoarders;
  for (int i = 0; i < 30; ++i) {
    hoarders.push_back(client_socket(SOCK_STREAM, endpoint_));
    (void)::send(hoarders.back().get(), half.data(), half.size(), MSG_NOSIGNAL);
  }
  EXPECT_TRUE(closed_by_peer(hoarders.front()));
  EXPECT_TRUE(eventually([&] { return worker_->counters().tcp_closed_for_memory.read() > 10; }));
  send_bytes(idle, framed(query("www.example.com")));  // who holds nothing is left alone
  EXPECT_FALSE(receive_frame(idle).empty());
}

TEST_F(WorkerTest, ClosesASlowWriter) {
  start({200ms, 100, 100});
  const auto slow = client_socket(SOCK_STREAM, endpoint_);
  Bytes long_query = framed(query("www.example.com"));
  long_query[0] = 0xFF;  // 65 KB at an octet each few milliseconds: minutes
  bool open = true;
  for (int i = 0; i < 2000 && open; ++i) {
    open = ::send(slow.get(), &long_query[i < 2 ? static_cast<std::size_t>(i) : 2], 1, MSG_NOSIGNAL) == 1;
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_FALSE(open);
  EXPECT_EQ(worker_->counters().tcp_closed_idle.read(), 1U);
}

TEST_F(WorkerTest, LimitsResponsesOverUdp) {
  rate_limit_ = {shared::Mode::enforce, 1'000'000, 2};  // one a second
  start();
  const Burst plain = ask_often(query("www.example.com"), 100);
  EXPECT_GE(plain.whole, 1U);
  EXPECT_LE(plain.whole, 10U);
  EXPECT_GT(plain.truncated, 20U);
  EXPECT_LT(plain.truncated, 80U);
  test::QueryBuilder builder;
  const Burst asked_for_cookie = ask_often(builder.option(10, "0102030405060708").build(), 100);
  EXPECT_EQ(asked_for_cookie.truncated, 0U);
  EXPECT_GT(asked_for_cookie.bad_cookie, 20U);
  const auto learned = test::parse_reply(ask_tcp(builder.build())).option(10);  // over TCP there is no limit
  ASSERT_TRUE(learned);
  const Burst with_cookie = ask_often(test::QueryBuilder().option(10, *learned).build(), 100);
  EXPECT_EQ(with_cookie.whole, 100U);
  const WorkerCounters& counters = worker_->counters();
  EXPECT_EQ(counters.cookies[static_cast<std::size_t>(CookieState::valid)].read(), 100U);
  EXPECT_EQ(counters.limited[0][static_cast<std::size_t>(Ruling::truncate)].read(), plain.truncated);
  EXPECT_EQ(counters.limited[0][static_cast<std::size_t>(Ruling::bad_cookie)].read(), asked_for_cookie.bad_cookie);
  EXPECT_EQ(counters.unanswered.read(), 0U);
}

// RFC 9018 section 4.3: by it a cookie grows old, and other nodes of the same secret take it.
TEST_F(WorkerTest, ACookieTellsTheTime) {
  start();
  const auto now = [] { return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()); };
  const auto before = now();
  const auto cookie =
      test::parse_reply(ask_udp(test::QueryBuilder().option(10, "0102030405060708").build())).option(10);
  ASSERT_TRUE(cookie && cookie->size() == 24);
  const std::uint32_t time = std::uint32_t{load_u16(cookie->data() + 12)} << 16 | load_u16(cookie->data() + 14);
  EXPECT_GE(time, before);
  EXPECT_LE(time, now());
}

TEST_F(WorkerTest, InShadowModeExcessIsOnlyCounted) {
  rate_limit_ = {shared::Mode::shadow, 1'000'000, 2};
  start();
  EXPECT_EQ(ask_often(query("www.example.com"), 100).whole, 100U);
  const auto& counted = worker_->counters().limited_in_shadow[static_cast<std::size_t>(ResponseKind::answer)];
  EXPECT_GE(counted[1].read() + counted[2].read(), 90U);
  (void)worker_->publish(publication(2));
  const auto before = counted[1].read() + counted[2].read();
  EXPECT_EQ(ask_often(query("www.example.com"), 100).whole, 100U);  // disabled: not even counted
  EXPECT_EQ(counted[1].read() + counted[2].read(), before);
}

TEST(TcpServer, HoldsWhatThereAreDescriptorsFor) {
  const OwnDescriptors own{4, 2, 6};
  EXPECT_EQ(most_connections(150, own), 150U - 32 - 4 - 8 - 6 - 18);
  EXPECT_EQ(most_connections(1'000'000, own), 1'000'000U - 32 - 4 - 8 - 6 - 64);
  EXPECT_EQ(most_connections(40, own), 2U) << "one for each worker, whatever else";
  EXPECT_EQ(most_connections(~std::uint64_t{0}, own), 0xFFFFFFFFU) << "no limit";
}

TEST_F(WorkerTest, ServesOneAmongAThousandIdle) {
  start({30s, 2000, 2000});
  shared::raise_descriptor_limit();
  std::vector<UniqueFd> idle;
  for (int i = 0; i < 1000; ++i) idle.push_back(client_socket(SOCK_STREAM, endpoint_));
  EXPECT_FALSE(ask_tcp(query("www.example.com")).empty());
  EXPECT_FALSE(ask_udp(query("www.example.com")).empty());
}

TEST_F(WorkerTest, BoundsWhatASlowReaderHolds) {
  start({500ms, 100, 100});
  const auto slow = client_socket(SOCK_STREAM, endpoint_, 4096);
  const Bytes frame = framed(query("www.example.com"));
  std::size_t sent = 0;
  // Until the server reads no more: its answers are stuck.
  for (ssize_t got = 1; got > 0 && sent < (64U << 20);) {
    got = ::send(slow.get(), frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (got > 0) sent += static_cast<std::size_t>(got);
    if (got < 0 && sent < (256U << 10) && errno == EAGAIN) got = 1;
  }
  EXPECT_LT(sent, 64U << 20);
  EXPECT_FALSE(ask_tcp(query("www.example.com")).empty());
  EXPECT_TRUE(eventually([&] { return worker_->counters().tcp_closed_slow.read() == 1; }));
}

TEST_F(WorkerTest, TakesOverSnapshotsUnderLoadAndLosesNothing) {
  start();
  std::atomic<bool> stop{false};
  std::atomic<unsigned> lost{0};
  std::thread load([&] {
    const auto fd = client_socket(SOCK_DGRAM, endpoint_);
    while (!stop) {
      send_bytes(fd, query("www.example.com"));
      if (receive_datagram(fd).size() < 12) ++lost;
    }
  });
  constexpr std::size_t kReloads = 100;
  for (std::size_t i = 0; i < kReloads; ++i) {
    EXPECT_EQ(worker_->publish(publication(i + 2)).snapshot->generation, i + 1);
    std::this_thread::sleep_for(1ms);
  }
  stop = true;
  load.join();
  EXPECT_EQ(lost, 0U);
  EXPECT_EQ(worker_->counters().snapshots.read(), kReloads);
}

// Who is told that something new holds must not get an answer of before.
TEST_F(WorkerTest, WhatArrivesAfterAPublicationIsAnsweredWithIt) {
  start();
  const auto answered_with = [](const Publication& publication) {
    std::uint64_t sum = 0;
    for (std::uint16_t r = 0; r < publication.snapshot->policies->spec().regions.size(); ++r) {
      sum += publication.steering->read(PolicyNameId{0}, RegionId{r});
    }
    return sum;
  };
  for (unsigned i = 0; i < 200; ++i) {
    ASSERT_FALSE((i % 2 == 0 ? ask_udp(query("www.example.com")) : ask_tcp(query("www.example.com"))).empty());
    ASSERT_EQ(answered_with(worker_->publish(publication(i + 2))), 1U) << i;
  }
}

TEST_F(WorkerTest, CountsWhereItSteers) {
  start();
  test::QueryBuilder builder;
  builder.with_edns().subnet("198.51.100.0/24");
  EXPECT_FALSE(ask_udp(builder.build()).empty());
  EXPECT_FALSE(ask_udp(query("www.example.com")).empty());
  const Publication old = worker_->publish(publication(2));
  const auto& regions = old.snapshot->policies->spec().regions;
  for (std::size_t r = 0; r < regions.size(); ++r) {
    const std::uint64_t expected = regions[r].name == "cdn" ? 0 : 1;  // a region for one other name
    EXPECT_EQ(old.steering->read(PolicyNameId{0}, RegionId{static_cast<std::uint16_t>(r)}), expected)
        << regions[r].name;
  }
}

TEST_F(WorkerTest, DrainAnswersWhatIsQueuedAndEnds) {
  start();
  const auto waiting = client_socket(SOCK_STREAM, endpoint_);
  const auto half = client_socket(SOCK_STREAM, endpoint_);
  const Bytes frame = framed(query("www.example.com"));
  send_bytes(half, std::span(frame).first(5));
  EXPECT_TRUE(eventually([&] { return worker_->counters().tcp_open.read() == 2; }));
  send_bytes(waiting, frame);
  std::promise<void> drained;
  worker_->drain([&] { drained.set_value(); });
  worker_->hasten();
  EXPECT_FALSE(receive_frame(waiting).empty());
  EXPECT_TRUE(closed_by_peer(waiting));
  send_bytes(half, std::span(frame).subspan(5));
  EXPECT_FALSE(receive_frame(half).empty());
  EXPECT_EQ(drained.get_future().wait_for(5s), std::future_status::ready);
  worker_->stop();
}

}  // namespace
}  // namespace dns::worker_test

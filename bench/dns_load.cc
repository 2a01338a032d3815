// A load generator for DNS over UDP that believes nothing: every answer's id, question, rcode and first address are
// checked against what was asked. Closed loop with K queries outstanding (saturation), or open loop at a rate
// (latency).
//   dns_load --server 127.0.0.1:5300 [--outstanding 128 | --rate 20000] [--seconds 3] [--ecs | --cookie]
//            (--name NAME... | --names FILE | --numbered 1000000:n%u.example.com | --random-under NAME)
//            [--expect address|nxdomain|nothing]
// Prints one line of JSON. Exit status 0 unless answers were wrong.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench/dns_query_set.h"
#include "shared/core/ip.h"

namespace bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned kBatch = 64;
constexpr std::size_t kPacket = 1500;
constexpr std::size_t kQuery = 320;
constexpr auto kLostAfter = std::chrono::milliseconds(1000);

enum class Expected : std::uint8_t { address, nxdomain, nothing };

struct Settings {
  shared::Endpoint server;
  unsigned outstanding = 128;
  double rate = 0;  // queries per second; 0: closed loop
  double seconds = 3;
  Expected expected = Expected::address;
  QueryOptions queries;
};

struct Pending {
  bool active = false;
  Clock::time_point sent;
  std::array<std::uint8_t, kQuery> query;
};

struct Tally {
  std::uint64_t answers = 0;
  std::uint64_t wrong = 0;
  std::uint64_t lost = 0;
  std::map<std::uint32_t, std::uint64_t> addresses;  // first A of an answer: how often
  std::vector<std::uint32_t> latency_us = std::vector<std::uint32_t>(1'000'001);
};

std::uint16_t read16(std::span<const std::uint8_t> packet, std::size_t at) {
  return static_cast<std::uint16_t>(packet[at] << 8 | packet[at + 1]);
}

// The first A record behind the question, 0 if there is none.
std::uint32_t first_address(std::span<const std::uint8_t> packet, std::size_t at) {
  for (unsigned records = read16(packet, 6); records > 0 && at < packet.size(); --records) {
    while (at < packet.size() && packet[at] != 0 && packet[at] < 0xc0) at += packet[at] + 1U;
    at += at < packet.size() && packet[at] >= 0xc0 ? 2 : 1;
    if (at + 10 > packet.size()) return 0;
    const std::size_t length = read16(packet, at + 8);
    if (read16(packet, at) == 1 && length == 4 && at + 14 <= packet.size()) {
      return static_cast<std::uint32_t>(read16(packet, at + 10)) << 16 | read16(packet, at + 12);
    }
    at += 10 + length;
  }
  return 0;
}

class Generator {
 public:
  explicit Generator(Settings settings);
  Tally run();

 private:
  void send_batch(unsigned count, Clock::time_point now);
  void receive(Clock::time_point now);
  void account(std::span<const std::uint8_t> packet, Clock::time_point now);
  [[nodiscard]] bool is_right(std::span<const std::uint8_t> packet, std::span<const std::uint8_t> query);
  void sweep_lost(Clock::time_point now);
  [[nodiscard]] unsigned wanted(Clock::time_point now) const;
  [[nodiscard]] std::uint16_t free_id();

  Settings settings_;
  QuerySet queries_;
  int fd_ = -1;
  unsigned in_flight_ = 0;
  std::uint64_t sent_ = 0;
  std::uint16_t next_id_ = 0;
  Clock::time_point start_;
  Clock::time_point last_sweep_;
  Tally tally_;
  std::vector<Pending> pending_ = std::vector<Pending>(65536);
  std::vector<std::array<std::uint8_t, kPacket>> buffers_ = std::vector<std::array<std::uint8_t, kPacket>>(kBatch);
};

Generator::Generator(Settings settings) : settings_(std::move(settings)), queries_(settings_.queries, 20261122) {
  fd_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int size = 8 << 20;
  setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  const timeval wait{0, 20'000};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(settings_.server.port);
  std::memcpy(&address.sin_addr, settings_.server.address.bytes.data(), 4);
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    std::perror("dns_load: connect");
    std::exit(1);
  }
}

Tally Generator::run() {
  start_ = last_sweep_ = Clock::now();
  const auto end =
      start_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(settings_.seconds));
  for (auto now = start_; now < end; now = Clock::now()) {
    for (unsigned due = wanted(now); due > 0;) {
      const unsigned count = std::min(due, kBatch);
      send_batch(count, now);
      due -= count;
    }
    receive(now);
    if (now - last_sweep_ > kLostAfter / 4) sweep_lost(now);
  }
  const auto grace = end + std::chrono::milliseconds(300);
  while (in_flight_ > 0 && Clock::now() < grace) receive(Clock::now());
  tally_.lost += in_flight_;
  return tally_;
}

unsigned Generator::wanted(Clock::time_point now) const {
  if (settings_.rate <= 0) return settings_.outstanding - in_flight_;
  const double due = std::chrono::duration<double>(now - start_).count() * settings_.rate;
  const auto missing = static_cast<std::uint64_t>(due) > sent_ ? static_cast<std::uint64_t>(due) - sent_ : 0;
  return static_cast<unsigned>(std::min<std::uint64_t>(missing, 32768 - std::min(in_flight_, 32768U)));
}

std::uint16_t Generator::free_id() {
  while (pending_[next_id_].active) ++next_id_;
  return next_id_++;
}

void Generator::send_batch(unsigned count, Clock::time_point now) {
  std::array<iovec, kBatch> pieces{};
  std::array<mmsghdr, kBatch> messages{};
  for (unsigned i = 0; i < count; ++i) {
    const std::uint16_t id = free_id();
    Pending& pending = pending_[id];
    pending.active = true;
    pending.sent = now;
    pieces[i] = {pending.query.data(), queries_.write_next(id, pending.query)};
    messages[i].msg_hdr.msg_iov = &pieces[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  for (unsigned done = 0; done < count;) {
    const int sent = sendmmsg(fd_, messages.data() + done, count - done, 0);
    if (sent > 0) done += static_cast<unsigned>(sent);
    if (sent < 0 && errno != EINTR && errno != EAGAIN && errno != ECONNREFUSED) break;
  }
  in_flight_ += count;
  sent_ += count;
}

void Generator::receive(Clock::time_point now) {
  std::array<iovec, kBatch> pieces{};
  std::array<mmsghdr, kBatch> messages{};
  for (unsigned i = 0; i < kBatch; ++i) {
    pieces[i] = {buffers_[i].data(), kPacket};
    messages[i].msg_hdr.msg_iov = &pieces[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  const bool paced = settings_.rate > 0;
  const int got = recvmmsg(fd_, messages.data(), kBatch, paced ? MSG_DONTWAIT : MSG_WAITFORONE, nullptr);
  if (got > 0) now = Clock::now();
  for (int i = 0; i < got; ++i) {
    const auto at = static_cast<std::size_t>(i);
    account(std::span(buffers_[at]).first(messages[at].msg_len), now);
  }
}

void Generator::account(std::span<const std::uint8_t> packet, Clock::time_point now) {
  if (packet.size() < 12 || !pending_[read16(packet, 0)].active) {
    ++tally_.wrong;  // an id that nobody waits for
    return;
  }
  Pending& pending = pending_[read16(packet, 0)];
  pending.active = false;
  --in_flight_;
  if (!is_right(packet, pending.query)) {
    ++tally_.wrong;
    return;
  }
  ++tally_.answers;
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(now - pending.sent).count();
  ++tally_.latency_us[static_cast<std::size_t>(std::clamp<long>(took, 0, 1'000'000))];
}

bool Generator::is_right(std::span<const std::uint8_t> packet, std::span<const std::uint8_t> query) {
  const std::size_t question = QuerySet::question_length(query);
  if ((packet[2] & 0x80) == 0 || packet.size() < 12 + question) return false;
  if (std::memcmp(packet.data() + 12, query.data() + 12, question) != 0) return false;
  const unsigned rcode = packet[3] & 15U;
  if (settings_.expected == Expected::nothing) return true;
  if (settings_.expected == Expected::nxdomain) return rcode == 3 && read16(packet, 8) > 0;
  const std::uint32_t address = first_address(packet, 12 + question);
  if (rcode != 0 || address == 0) return false;
  if (settings_.queries.client_subnet) ++tally_.addresses[address];
  return true;
}

void Generator::sweep_lost(Clock::time_point now) {
  last_sweep_ = now;
  for (Pending& pending : pending_) {
    if (!pending.active || now - pending.sent < kLostAfter) continue;
    pending.active = false;
    --in_flight_;
    ++tally_.lost;
  }
}

long percentile_us(const Tally& tally, double share) {
  const auto rank = static_cast<std::uint64_t>(static_cast<double>(tally.answers) * share);
  std::uint64_t seen = 0;
  for (std::size_t us = 0; us < tally.latency_us.size(); ++us) {
    seen += tally.latency_us[us];
    if (seen > rank) return static_cast<long>(us);
  }
  return 0;
}

void print(const Tally& tally, double seconds) {
  std::printf(
      "{\"answers\": %llu, \"lost\": %llu, \"wrong\": %llu, \"per_second\": %.0f, \"p50_us\": %ld, \"p99_us\": %ld",
      static_cast<unsigned long long>(tally.answers), static_cast<unsigned long long>(tally.lost),
      static_cast<unsigned long long>(tally.wrong), static_cast<double>(tally.answers) / seconds,
      percentile_us(tally, 0.5), percentile_us(tally, 0.99));
  const char* separator = ", \"addresses\": {";
  for (const auto& [address, count] : tally.addresses) {
    std::printf("%s\"%s\": %llu", separator, shared::IpAddress::v4(address).to_string().c_str(),
                static_cast<unsigned long long>(count));
    separator = ", ";
  }
  std::printf("%s}\n", tally.addresses.empty() ? "" : "}");
}

std::vector<std::string> read_names(const std::string& path) {
  std::vector<std::string> names;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) names.push_back(line);
  }
  return names;
}

// "1000000:n%u.example.com": n0.example.com, n1.example.com ...
std::vector<std::string> numbered_names(const std::string& text) {
  const auto colon = text.find(':');
  const auto mark = text.find("%u");
  if (colon == std::string::npos || mark == std::string::npos)
    throw CLI::ValidationError("--numbered", "not COUNT:a%u.b");
  std::vector<std::string> names;
  const unsigned long count = std::stoul(text.substr(0, colon));
  const auto before = text.substr(colon + 1, mark - colon - 1);
  const auto after = text.substr(mark + 2);
  for (unsigned long i = 0; i < count; ++i) names.push_back(before + std::to_string(i) + after);
  return names;
}

Settings parse_settings(int argc, char** argv) {
  Settings settings;
  std::string server;
  std::string file;
  std::string numbered;
  std::string expected = "address";
  CLI::App app("DNS load generator that checks every answer");
  app.add_option("--server", server, "ADDRESS:PORT")->required();
  app.add_option("--outstanding", settings.outstanding, "queries in flight")->check(CLI::Range(1U, 30000U));
  app.add_option("--rate", settings.rate, "queries per second, open loop");
  app.add_option("--seconds", settings.seconds);
  app.add_flag("--ecs", settings.queries.client_subnet, "a random client subnet in every query");
  app.add_flag("--cookie", settings.queries.cookie, "a client cookie in every query")->excludes("--ecs");
  app.add_option("--name", settings.queries.names);
  app.add_option("--names", file, "one name per line");
  app.add_option("--numbered", numbered, "COUNT:PATTERN with %u");
  app.add_option("--random-under", settings.queries.random_under);
  app.add_option("--expect", expected)->check(CLI::IsMember({"address", "nxdomain", "nothing"}));
  try {
    app.parse(argc, argv);
    if (!file.empty()) settings.queries.names = read_names(file);
    if (!numbered.empty()) settings.queries.names = numbered_names(numbered);
    const auto endpoint = shared::Endpoint::parse(server);
    if (!endpoint) throw CLI::ValidationError("--server", "not ADDRESS:PORT");
    if (settings.queries.names.empty() && settings.queries.random_under.empty()) throw CLI::RequiredError("a name");
    settings.server = *endpoint;
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  settings.expected = expected == "address"    ? Expected::address
                      : expected == "nxdomain" ? Expected::nxdomain
                                               : Expected::nothing;
  return settings;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  const auto settings = bench::parse_settings(argc, argv);
  const auto tally = bench::Generator(settings).run();
  bench::print(tally, settings.seconds);
  return tally.wrong == 0 ? 0 : 1;
}

// A flood against a DNS server, with honest clients beside it: one with a valid cookie in the very network that the
// flood comes from, one without a cookie in another. One thread: a batch of the flood, then the clients' turn.
//   bench_dns_flood --server 127.0.0.1:5300 --zone bench.example --names h%u.bench.example [--flood KIND] [--rate N]
// KIND: none names nxdomain malformed ecs spoofed large (datagrams a second), tcp (connections a second), slow_tcp
// (octets a second on --connections connections). Prints one line of JSON. Exit status 1 if an answer was wrong.
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench/flood_sources.h"
#include "bench/steady_client.h"
#include "shared/core/ip.h"

namespace bench {
namespace {

using Clock = SteadyClient::Clock;

constexpr unsigned kBatch = 32;

struct Settings {
  shared::Endpoint server;
  Flood flood = Flood::none;
  double rate = 50'000;
  double client_rate = 500;
  double seconds = 3;
  double grace = 0.5;  // seconds after the end in which answers still count
  std::size_t connections = 2000;
  std::string names;
  unsigned names_count = 99;
  FloodTargets targets;
};

// Sends datagrams from any address of 127.0.0.0/8 with one socket: each carries its source (ip(7), IP_PKTINFO).
class FloodUdp {
 public:
  explicit FloodUdp(const Settings& settings) : flood_(settings.flood), queries_(settings.flood, settings.targets) {
    fd_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    server_.sin_family = AF_INET;
    server_.sin_port = htons(settings.server.port);
    std::memcpy(&server_.sin_addr, settings.server.address.bytes.data(), 4);
  }
  ~FloodUdp() { close(fd_); }
  FloodUdp(const FloodUdp&) = delete;
  FloodUdp& operator=(const FloodUdp&) = delete;

  // How many the kernel took.
  unsigned send(unsigned count) {
    for (unsigned i = 0; i < count; ++i) prepare(i);
    const int sent = sendmmsg(fd_, messages_.data(), count, 0);
    return sent > 0 ? static_cast<unsigned>(sent) : 0;
  }

  // Reads away what came back; a victim would have to.
  void drain() {
    std::array<std::uint8_t, 1> octet{};
    for (;;) {
      const ssize_t got = recv(fd_, octet.data(), octet.size(), MSG_DONTWAIT | MSG_TRUNC);
      if (got < 0) return;
      ++replies_;
      reply_octets_ += static_cast<std::uint64_t>(got);
    }
  }

  [[nodiscard]] std::uint64_t replies() const { return replies_; }
  [[nodiscard]] std::uint64_t reply_octets() const { return reply_octets_; }
  [[nodiscard]] std::uint64_t query_octets() const { return query_octets_; }

 private:
  struct alignas(cmsghdr) Control {
    std::array<char, CMSG_SPACE(sizeof(in_pktinfo))> bytes;
  };

  void prepare(unsigned i) {
    queries_.write_next(packets_[i]);
    query_octets_ += packets_[i].size();
    pieces_[i] = {packets_[i].data(), packets_[i].size()};
    msghdr& message = messages_[i].msg_hdr;
    message.msg_name = &server_;
    message.msg_namelen = sizeof server_;
    message.msg_iov = &pieces_[i];
    message.msg_iovlen = 1;
    message.msg_control = controls_[i].bytes.data();
    message.msg_controllen = controls_[i].bytes.size();
    cmsghdr* const head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = IPPROTO_IP;
    head->cmsg_type = IP_PKTINFO;
    head->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
    in_pktinfo info{};
    info.ipi_spec_dst = flood_source(flood_, queries_.random());
    std::memcpy(CMSG_DATA(head), &info, sizeof info);
  }

  Flood flood_;
  FloodQueries queries_;
  sockaddr_in server_{};
  int fd_ = -1;
  std::array<std::vector<std::uint8_t>, kBatch> packets_;
  std::array<iovec, kBatch> pieces_{};
  std::array<Control, kBatch> controls_{};
  std::array<mmsghdr, kBatch> messages_{};
  std::uint64_t replies_ = 0;
  std::uint64_t reply_octets_ = 0;
  std::uint64_t query_octets_ = 0;
};

struct Outcome {
  std::uint64_t offered = 0;
  std::uint64_t replies = 0;
  double amplification = 0;  // octets that came back for each that was sent
  std::size_t connections = 0;
};

void raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void wait_for_answers(double seconds, std::array<std::unique_ptr<SteadyClient>, 2>& clients) {
  const auto limit = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  while (Clock::now() < limit && (clients[0]->waiting() > 0 || clients[1]->waiting() > 0)) {
    for (auto& client : clients) client->receive();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

Outcome run(const Settings& settings, std::array<std::unique_ptr<SteadyClient>, 2>& clients) {
  FloodUdp udp(settings);
  FloodTcp tcp(settings.flood, settings.server, settings.connections);
  Outcome outcome;
  if (settings.flood == Flood::slow_tcp) {
    while (tcp.open() < settings.connections && tcp.step()) continue;  // they are there when the window begins
  }
  const auto start = Clock::now();
  const auto end = start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(settings.seconds));
  for (auto& client : clients) client->start(start);
  for (auto now = start; now < end; now = Clock::now()) {
    const double due = settings.rate * std::chrono::duration<double>(now - start).count();
    const auto missing = static_cast<std::uint64_t>(std::max(0.0, due - static_cast<double>(outcome.offered)));
    if (settings.flood == Flood::none || missing == 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    } else if (is_tcp(settings.flood)) {
      for (unsigned i = 0; i < std::min<std::uint64_t>(missing, 8); ++i) outcome.offered += tcp.step() ? 1 : 0;
    } else {
      outcome.offered += udp.send(static_cast<unsigned>(std::min<std::uint64_t>(missing, kBatch)));
      udp.drain();
    }
    for (auto& client : clients) {
      client->send_due(now);
      client->receive();
    }
  }
  wait_for_answers(settings.grace, clients);
  udp.drain();
  outcome.replies = udp.replies();
  if (udp.query_octets() > 0) {
    outcome.amplification = static_cast<double>(udp.reply_octets()) / static_cast<double>(udp.query_octets());
  }
  outcome.connections = tcp.open();
  return outcome;
}

std::uint32_t percentile(std::vector<std::uint32_t> sorted, double share) {
  if (sorted.empty()) return 0;
  std::sort(sorted.begin(), sorted.end());
  return sorted[static_cast<std::size_t>(static_cast<double>(sorted.size() - 1) * share)];
}

void print_client(const char* name, const SteadyClient& client) {
  const auto& tally = client.tally();
  std::printf(
      ", \"%s\": {\"sent\": %llu, \"answered\": %llu, \"truncated\": %llu, \"bad_cookie\": %llu, \"wrong\": %llu, "
      "\"p50_us\": %u, \"p99_us\": %u}",
      name, static_cast<unsigned long long>(tally.sent), static_cast<unsigned long long>(tally.answered),
      static_cast<unsigned long long>(tally.truncated), static_cast<unsigned long long>(tally.bad_cookie),
      static_cast<unsigned long long>(tally.wrong), percentile(tally.latency_us, 0.5),
      percentile(tally.latency_us, 0.99));
}

Settings parse_settings(int argc, char** argv) {
  Settings settings;
  std::string server;
  CLI::App app("A flood against a DNS server, with honest clients beside it");
  app.add_option("--server", server, "IPV4:PORT")->required();
  const std::map<std::string, Flood> kinds = {
      {"none", Flood::none}, {"names", Flood::names},     {"nxdomain", Flood::nxdomain},
      {"ecs", Flood::ecs},   {"spoofed", Flood::spoofed}, {"malformed", Flood::malformed},
      {"tcp", Flood::tcp},   {"large", Flood::large},     {"slow_tcp", Flood::slow_tcp}};
  app.add_option("--flood", settings.flood, "what kind")->transform(CLI::CheckedTransformer(kinds));
  app.add_option("--rate", settings.rate, "offered a second");
  app.add_option("--client-rate", settings.client_rate, "queries a second of each honest client");
  app.add_option("--seconds", settings.seconds);
  app.add_option("--grace", settings.grace, "seconds after the end in which answers still count");
  app.add_option("--connections", settings.connections, "that a TCP flood holds")->check(CLI::Range(1, 15000));
  app.add_option("--names", settings.names, "that the clients ask for, %u is 1 to --names-count")->required();
  app.add_option("--names-count", settings.names_count)->check(CLI::Range(1U, 100000U));
  app.add_option("--zone", settings.targets.zone)->required();
  app.add_option("--wildcard", settings.targets.wildcard, "a name with a wildcard below it");
  app.add_option("--steered", settings.targets.steered, "a name that is answered by client subnet");
  app.add_option("--name", settings.targets.name, "a name with an address");
  app.add_option("--large", settings.targets.large, "a name with a large TXT");
  try {
    app.parse(argc, argv);
    const auto endpoint = shared::Endpoint::parse(server);
    if (!endpoint || endpoint->address.family != shared::Family::ipv4) {
      throw CLI::ValidationError("--server", "not IPV4:PORT");
    }
    settings.server = *endpoint;
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  for (std::string* name :
       {&settings.targets.wildcard, &settings.targets.steered, &settings.targets.name, &settings.targets.large}) {
    if (name->empty()) *name = settings.targets.zone;
  }
  return settings;
}

int flood(const Settings& settings) {
  raise_descriptor_limit();
  std::array<std::unique_ptr<SteadyClient>, 2> clients = {
      std::make_unique<SteadyClient>(settings.server, "127.66.0.9", SteadyClient::Cookie::valid, settings.client_rate),
      std::make_unique<SteadyClient>(settings.server, "127.77.0.9", SteadyClient::Cookie::none, settings.client_rate)};
  for (auto& client : clients) {
    client->use_names(settings.names, settings.names_count);
    client->learn_cookie();
  }
  const Outcome outcome = run(settings, clients);
  std::printf("{\"offered_per_second\": %.0f, \"replies_per_second\": %.0f, \"amplification\": %.2f",
              static_cast<double>(outcome.offered) / settings.seconds,
              static_cast<double>(outcome.replies) / settings.seconds, outcome.amplification);
  std::printf(", \"connections\": %zu, \"cookie_learned\": %s", outcome.connections,
              clients[0]->has_cookie() ? "true" : "false");
  print_client("with_cookie", *clients[0]);
  print_client("without_cookie", *clients[1]);
  std::printf("}\n");
  return clients[0]->tally().wrong + clients[1]->tally().wrong == 0 ? 0 : 1;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::flood(bench::parse_settings(argc, argv)); }

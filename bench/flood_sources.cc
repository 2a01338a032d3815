#include "bench/flood_sources.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace bench {
namespace {

constexpr std::uint16_t kA = 1;
constexpr std::uint16_t kTxt = 16;
constexpr std::uint32_t kNetwork = 0x7F420000;  // 127.66.0.0

constexpr std::array<std::uint8_t, 11> kOpt = {0, 0, 41, 0x04, 0xD0, 0, 0, 0, 0, 0, 0};

void append(std::vector<std::uint8_t>& out, std::span<const std::uint8_t> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace

in_addr flood_source(Flood flood, std::mt19937_64& random) {
  in_addr source{};
  const auto bits = static_cast<std::uint32_t>(random());
  switch (flood) {
    case Flood::spoofed:  // but no .0 and .255
      source.s_addr = htonl(0x7F000000 | (bits & 0x00FFFF00) | (1 + (bits & 0xFF) % 254));
      break;
    case Flood::tcp:
    case Flood::slow_tcp:  // 16 hosts: a port is not used twice in a minute
      source.s_addr = htonl(kNetwork | 0x100 | (1 + bits % 16));
      break;
    default:
      source.s_addr = htonl(kNetwork | 1);
  }
  return source;
}

void append_question(std::vector<std::uint8_t>& out, std::string_view name, std::uint16_t type) {
  while (!name.empty() && name != ".") {
    const auto label = name.substr(0, name.find('.'));
    out.push_back(static_cast<std::uint8_t>(label.size()));
    out.insert(out.end(), label.begin(), label.end());
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  const std::array<std::uint8_t, 5> tail = {0, static_cast<std::uint8_t>(type >> 8), static_cast<std::uint8_t>(type), 0,
                                            1};
  append(out, tail);
}

std::string FloodQueries::random_label() {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz012345";
  std::string label(12, 'x');
  std::uint64_t bits = random_();
  for (char& letter : label) {
    letter = kLetters[bits & 31];
    bits >>= 5;
  }
  return label;
}

void FloodQueries::write_next(std::vector<std::uint8_t>& out) {
  const std::uint64_t id = random_();
  out = {static_cast<std::uint8_t>(id), static_cast<std::uint8_t>(id >> 8), 0, 0, 0, 1, 0, 0, 0, 0, 0, 1};
  switch (flood_) {
    case Flood::names:
      append_question(out, random_label() + "." + targets_.wildcard, kA);
      break;
    case Flood::nxdomain:
      append_question(out, random_label() + "." + targets_.zone, kA);
      break;
    case Flood::ecs:
      append_question(out, targets_.steered, kA);
      return add_subnet(out);
    case Flood::large:
      append_question(out, targets_.large, kTxt);
      break;
    default:
      append_question(out, targets_.name, kA);
  }
  append(out, kOpt);
  if (flood_ == Flood::malformed) damage(out);
}

void FloodQueries::add_subnet(std::vector<std::uint8_t>& out) {
  append(out, kOpt);
  const std::uint64_t bits = random_();
  const std::array<std::uint8_t, 11> option = {0,
                                               8,
                                               0,
                                               7,
                                               0,
                                               1,
                                               24,
                                               0,
                                               static_cast<std::uint8_t>(1 + (bits & 0xFFFF) % 223),
                                               static_cast<std::uint8_t>(bits >> 16),
                                               static_cast<std::uint8_t>(bits >> 24)};
  out.back() = option.size();  // RDLENGTH
  append(out, option);
}

// In one of the ways in which a packet can be wrong; the flag that says "reply" stays clear, else nobody would answer.
void FloodQueries::damage(std::vector<std::uint8_t>& out) {
  const std::uint64_t bits = random_();
  switch (bits % 6) {
    case 0:  // ends early
      out.resize(12 + (bits >> 8) % (out.size() - 12));
      break;
    case 1:  // a pointer to itself as the name
      out[12] = 0xC0;
      out[13] = 12;
      break;
    case 2:  // counts that are not there
      out[4 + (bits >> 8) % 8] = static_cast<std::uint8_t>(bits >> 16);
      break;
    case 3:  // octets behind the end
      out.insert(out.end(), 1 + (bits >> 8) % 400, static_cast<std::uint8_t>(bits >> 16));
      break;
    case 4:  // a label that is too long
      out[12] = static_cast<std::uint8_t>(64 + (bits >> 8) % 128);
      break;
    default:  // noise
      for (std::size_t i = 2; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(random_());
      out[2] &= 0x7F;
  }
}

FloodTcp::FloodTcp(Flood flood, const shared::Endpoint& server, std::size_t most) : flood_(flood), most_(most) {
  server_.sin_family = AF_INET;
  server_.sin_port = htons(server.port);
  std::memcpy(&server_.sin_addr, server.address.bytes.data(), 4);
  query_ = {0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  append_question(query_, "flood.example", kA);
  query_[1] = static_cast<std::uint8_t>(query_.size() - 2);
}

FloodTcp::~FloodTcp() {
  for (const int fd : sockets_) close(fd);
}

int FloodTcp::connect_one() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  const linger reset{1, 0};  // no TIME_WAIT: the ports are needed again
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  sockaddr_in source{};
  source.sin_family = AF_INET;
  source.sin_addr = flood_source(flood_, random_);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&source), sizeof source) != 0) {
    close(fd);
    return -1;
  }
  (void)connect(fd, reinterpret_cast<const sockaddr*>(&server_), sizeof server_);
  return fd;
}

bool FloodTcp::step() {
  if (flood_ == Flood::slow_tcp && sockets_.size() >= most_) {
    const int fd = sockets_.front();
    sockets_.pop_front();
    const std::array<std::uint8_t, 1> octet = {0xFF};  // of the length first: a message of 65,535 octets
    if (send(fd, octet.data(), octet.size(), MSG_DONTWAIT | MSG_NOSIGNAL) == 1) {
      sockets_.push_back(fd);
      return true;
    }
    close(fd);
  }
  while (sockets_.size() >= most_) {
    close(sockets_.front());
    sockets_.pop_front();
  }
  const int fd = connect_one();
  if (fd < 0) return false;
  sockets_.push_back(fd);
  if (flood_ == Flood::tcp) (void)send(fd, query_.data(), query_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return true;
}

}  // namespace bench

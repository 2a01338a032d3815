#include "bench/steady_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "bench/flood_sources.h"

namespace bench {
namespace {

constexpr std::size_t kHeader = 12;
constexpr unsigned kBadCookie = 23;

unsigned read16(const std::uint8_t* at) { return static_cast<unsigned>(at[0] << 8 | at[1]); }

sockaddr_in socket_address(const shared::IpAddress& address, std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  std::memcpy(&out.sin_addr, address.bytes.data(), 4);
  return out;
}

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

}  // namespace

SteadyClient::SteadyClient(const shared::Endpoint& server, const char* source, Cookie cookie, double rate)
    : rate_(rate), random_(std::random_device{}()) {
  fd_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int on = 1;
  const int size = 1 << 20;
  setsockopt(fd_, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  const auto from = socket_address(*shared::IpAddress::parse(source), 0);
  const auto to = socket_address(server.address, server.port);
  if (bind(fd_, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) give_up(source);
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) give_up("connect");
  if (cookie == Cookie::none) return;
  cookie_.resize(8);
  for (auto& octet : cookie_) octet = static_cast<std::uint8_t>(random_());
}

SteadyClient::~SteadyClient() { close(fd_); }

void SteadyClient::use_names(const std::string& pattern, unsigned count) {
  const auto mark = pattern.find("%u");
  for (unsigned i = 1; i <= count; ++i) {
    const bool numbered = mark != std::string::npos;
    const std::string name =
        numbered ? pattern.substr(0, mark) + std::to_string(i) + pattern.substr(mark + 2) : pattern;
    questions_.emplace_back();
    append_question(questions_.back(), name, 1);
  }
}

void SteadyClient::learn_cookie() {
  for (int i = 0; i < 20 && !cookie_.empty() && !has_cookie(); ++i) {
    ask(Clock::now());
    pollfd readable{fd_, POLLIN, 0};
    poll(&readable, 1, 100);
    receive();
  }
  tally_ = {};
  for (Pending& pending : pending_) pending.active = false;
}

void SteadyClient::send_due(Clock::time_point now) {
  const double due = std::chrono::duration<double>(now - start_).count() * rate_;
  while (static_cast<double>(asked_) < due) {
    ask(Clock::now());
    ++asked_;
  }
}

void SteadyClient::ask(Clock::time_point now) {
  const std::uint16_t id = next_id_++;
  const auto name = static_cast<std::uint32_t>(random_() % questions_.size());
  packet_ = {static_cast<std::uint8_t>(id >> 8), static_cast<std::uint8_t>(id), 0, 0, 0, 1, 0, 0, 0, 0, 0, 1};
  packet_.insert(packet_.end(), questions_[name].begin(), questions_[name].end());
  const std::array<std::uint8_t, 10> opt = {0, 0, 41, 0x04, 0xD0, 0, 0, 0, 0, 0};
  packet_.insert(packet_.end(), opt.begin(), opt.end());
  const auto size = static_cast<std::uint8_t>(cookie_.size());
  packet_.push_back(cookie_.empty() ? 0 : static_cast<std::uint8_t>(size + 4));
  if (!cookie_.empty()) {
    const std::array<std::uint8_t, 4> head = {0, 10, 0, size};
    packet_.insert(packet_.end(), head.begin(), head.end());
    packet_.insert(packet_.end(), cookie_.begin(), cookie_.end());
  }
  pending_[id] = {true, now, name};
  ++tally_.sent;
  (void)send(fd_, packet_.data(), packet_.size(), 0);
}

void SteadyClient::receive() {
  for (;;) {
    alignas(cmsghdr) std::array<char, 64> control{};
    iovec piece{reply_.data(), reply_.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t got = recvmsg(fd_, &message, MSG_DONTWAIT);
    if (got < 0) return;
    timespec stamp{};
    if (const cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr && head->cmsg_type == SO_TIMESTAMPNS) {
      std::memcpy(&stamp, CMSG_DATA(head), sizeof stamp);
    }
    account(static_cast<std::size_t>(got),
            Clock::time_point(std::chrono::seconds(stamp.tv_sec) + std::chrono::nanoseconds(stamp.tv_nsec)));
  }
}

std::uint64_t SteadyClient::waiting() const {
  return tally_.sent - tally_.answered - tally_.truncated - tally_.bad_cookie - tally_.wrong;
}

std::size_t SteadyClient::question_size(std::uint32_t name) const { return questions_[name].size(); }

void SteadyClient::account(std::size_t length, Clock::time_point when) {
  if (length < kHeader) return;
  Pending& pending = pending_[read16(reply_.data())];
  if (!pending.active) return;
  pending.active = false;
  const std::size_t question = question_size(pending.name);
  if (length < kHeader + question || std::memcmp(&reply_[kHeader], questions_[pending.name].data(), question) != 0) {
    ++tally_.wrong;
    return;
  }
  take_cookie(length, kHeader + question);
  const unsigned rcode = reply_[3] & 15U;
  const bool truncated = (reply_[2] & 2) != 0;
  if (truncated) {
    ++tally_.truncated;
  } else if (rcode == 0 && read16(&reply_[6]) > 0) {
    ++tally_.answered;
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(when - pending.sent).count();
    tally_.latency_us.push_back(static_cast<std::uint32_t>(std::max<long>(took, 0)));
  } else if (rcode == (kBadCookie & 15U)) {
    ++tally_.bad_cookie;
  } else {
    ++tally_.wrong;
  }
}

// The COOKIE option, wherever the records put it: its code, its length and our client cookie are sign enough.
void SteadyClient::take_cookie(std::size_t length, std::size_t at) {
  if (cookie_.empty()) return;
  for (; at + 4 + 16 <= length; ++at) {
    const std::size_t size = read16(&reply_[at + 2]);
    if (read16(&reply_[at]) != 10 || size < 16 || size > 40 || at + 4 + size > length) continue;
    if (std::memcmp(&reply_[at + 4], cookie_.data(), 8) != 0) continue;
    cookie_.assign(&reply_[at + 4], &reply_[at + 4] + size);
    return;
  }
}

}  // namespace bench

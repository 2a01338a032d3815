#include "shared/serve/process/upgrade.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "shared/serve/os/log.h"
#include "shared/serve/os/pass_descriptors.h"

namespace shared {
namespace {

constexpr std::string_view kHello = "meridian 1";
constexpr std::string_view kReady = "ready";
constexpr std::string_view kFailed = "failed ";
constexpr std::string_view kLock = "lock";
constexpr std::string_view kSockets = "sockets";
constexpr std::string_view kState = "state ";
constexpr std::string_view kEnd = "end";
constexpr std::size_t kStatePart = 32 * 1024;
constexpr timeval kPatience{10, 0};  // with a running server that does not answer

// Through the open directory: the path itself may be longer than a socket's address can be.
sockaddr_un address_in(int directory, std::string_view name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%.*s", directory,
                static_cast<int>(name.size()), name.data());
  return address;
}

const sockaddr* raw(const sockaddr_un& address) { return reinterpret_cast<const sockaddr*>(&address); }

// The new file takes the name at once and whole; one that a killed server left is replaced so, too.
Result<UniqueFd> listen_in(const StateDirectory& state) {
  const auto failed = [&] { return fail("cannot listen on " + state.path() + "/upgrade: " + std::strerror(errno)); };
  UniqueFd listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listener.valid()) return failed();
  const int directory = state.directory();
  ::unlinkat(directory, ".upgrade.new", 0);
  const sockaddr_un address = address_in(directory, ".upgrade.new");
  if (::bind(listener.get(), raw(address), sizeof address) != 0) return failed();
  if (::fchmodat(directory, ".upgrade.new", 0600, 0) != 0 || ::listen(listener.get(), 1) != 0) return failed();
  if (::renameat(directory, ".upgrade.new", directory, "upgrade") != 0) return failed();
  return listener;
}

bool may_ask(int connection) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == 0 || peer.uid == ::geteuid();
}

}  // namespace

Result<std::unique_ptr<UpgradePort>> UpgradePort::open(Loop& loop, const StateDirectory& state, Hooks hooks) {
  auto listener = listen_in(state);
  if (!listener) return tl::unexpected(listener.error());
  std::unique_ptr<UpgradePort> port(new UpgradePort(loop, state, std::move(hooks), listener->release()));
  port->wait_for_successor();
  return port;
}

UpgradePort::UpgradePort(Loop& loop, const StateDirectory& state, Hooks hooks, int listener)
    : state_(state),
      hooks_(std::move(hooks)),
      listener_(loop.get_executor(), listener),
      successor_(loop.get_executor()) {}

void UpgradePort::wait_for_successor() {
  listener_.async_wait(Descriptor::wait_read, [this](error_code error) {
    if (!error) accept();
  });
}

// One at a time: the next waits in the queue until this one has failed.
void UpgradePort::accept() {
  UniqueFd connection(::accept4(listener_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!connection.valid() || !may_ask(connection.get())) return wait_for_successor();
  successor_.assign(connection.release());
  wait_for_message();
}

void UpgradePort::wait_for_message() {
  successor_.async_wait(Descriptor::wait_read, [this](error_code error) {
    if (!error) on_message();
  });
}

void UpgradePort::on_message() {
  const auto message = receive_with_descriptors(successor_.native_handle());
  if (!message && errno == EAGAIN) return wait_for_message();
  const std::string_view text = message ? std::string_view(message->text) : std::string_view();
  if (text == kHello && !offered_) {
    make_offer();
  } else if (text == kReady && offered_) {
    taken_over_ = true;
    log_event(Level::info, "taken_over");
    return hooks_.taken_over();  // the connection stays: its end tells the successor of ours
  } else if (text.starts_with(kFailed)) {
    failed(text.substr(kFailed.size()));
  } else {
    failed(text.empty() ? "it ended before it was ready" : "it speaks another protocol");
  }
}

void UpgradePort::make_offer() {
  offered_ = true;
  log_event(Level::info, "upgrade_begun");
  const auto given = hooks_.offer();
  if (!given) return failed("this server is ending");
  const Offer& offer = *given;
  const int to = successor_.native_handle();
  const int lock = state_.lock();
  bool sent = send_with_descriptors(to, kLock, std::span(&lock, 1));
  std::span<const int> left = offer.sockets;
  while (sent && !left.empty()) {
    const auto some = left.first(std::min(left.size(), kMostDescriptors));
    sent = send_with_descriptors(to, kSockets, some);
    left = left.subspan(some.size());
  }
  for (std::size_t at = 0; sent && at < offer.state.size(); at += kStatePart) {
    sent = send_with_descriptors(to, std::string(kState) + offer.state.substr(at, kStatePart), {});
  }
  sent = sent && send_with_descriptors(to, kEnd, {});
  if (!sent) return failed(std::strerror(errno));
  wait_for_message();
}

void UpgradePort::failed(std::string_view reason) {
  log_event(Level::error, "upgrade_failed", {{"reason", reason}});
  offered_ = false;
  error_code ignored;
  successor_.close(ignored);
  wait_for_successor();
}

Result<std::optional<Predecessor>> Predecessor::ask(const std::string& state_directory) {
  const UniqueFd directory(::open(state_directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return std::optional<Predecessor>();
  Predecessor found;
  found.connection_.reset(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const int fd = found.connection_.get();
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  const sockaddr_un address = address_in(directory.get(), "upgrade");
  if (::connect(fd, raw(address), sizeof address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) return std::optional<Predecessor>();
    return fail("cannot reach the running server at " + state_directory + "/upgrade: " + std::strerror(errno));
  }
  if (auto done = found.receive(); !done) return tl::unexpected(done.error());
  return std::optional<Predecessor>(std::move(found));
}

Result<void> Predecessor::receive() {
  bool going = send_with_descriptors(connection_.get(), kHello, {});
  while (going) {
    auto message = receive_with_descriptors(connection_.get());
    if (!message) break;
    if (message->text == kEnd) return {};
    if (message->text.starts_with(kState)) {
      state_ += message->text.substr(kState.size());
    } else if (message->text == kLock && message->descriptors.size() == 1) {
      lock_ = std::move(message->descriptors.front());
    } else if (message->text == kSockets) {
      for (UniqueFd& fd : message->descriptors) sockets_.push_back(std::move(fd));
    } else {
      return fail("the running server does not give up its sockets: is an upgrade under way, or is it ending?");
    }
  }
  return fail(std::string("the running server does not answer: ") + std::strerror(errno));
}

// It may have died in the meantime: then there is nobody to tell.
void Predecessor::ready() { (void)send_with_descriptors(connection_.get(), kReady, {}); }

void Predecessor::failed(std::string_view reason) {
  (void)send_with_descriptors(connection_.get(), std::string(kFailed) + std::string(reason.substr(0, kStatePart)), {});
  connection_.reset();
}

void Predecessor::on_end(Loop& loop, std::function<void()> call) {
  waiting_ = std::make_unique<Descriptor>(loop.get_executor(), connection_.release());
  waiting_->async_wait(Descriptor::wait_read, [call = std::move(call)](error_code error) {
    if (!error) call();
  });
}

}  // namespace shared

#include "tests/support/backend/loop.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

namespace backend {
namespace {

constexpr std::size_t kReadSize = 64 * 1024;
constexpr std::size_t kOutHigh = 64 * 1024;  // pipelined answers are gathered up to this, then written

std::string hex_digest(EVP_MD_CTX* context) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned length = 0;
  EVP_DigestFinal_ex(context, bytes.data(), &length);
  std::string text;
  constexpr std::string_view digits = "0123456789abcdef";
  for (unsigned i = 0; i < length; ++i) {
    text += digits[bytes[i] >> 4];
    text += digits[bytes[i] & 15];
  }
  return text;
}

void close_with_reset(int fd) {
  const linger hard{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

}  // namespace

Loop::Loop(std::vector<Identity> identities)
    : identities_(std::move(identities)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

Loop::~Loop() { close(epoll_); }

shared::Result<void> Loop::listen_all() {
  for (std::size_t index = 0; index < identities_.size(); ++index) {
    auto listener = open_listener(identities_[index].endpoint);
    if (!listener) return tl::unexpected(listener.error());
    identities_[index].listener = *listener;
    add_listener(index);
  }
  return {};
}

void Loop::add_listener(std::size_t index) {
  const int fd = identities_[index].listener;
  if (listener_of_.size() <= static_cast<std::size_t>(fd)) listener_of_.resize(static_cast<std::size_t>(fd) + 1, -1);
  listener_of_[static_cast<std::size_t>(fd)] = static_cast<int>(index);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
}

void Loop::run() {
  std::array<epoll_event, 256> events{};
  for (;;) {
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), next_timeout());
    for (int i = 0; i < count; ++i) {
      const auto fd = static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.fd);
      if (fd < listener_of_.size() && listener_of_[fd] >= 0) {
        accept_all(static_cast<std::size_t>(listener_of_[fd]));
      } else if (fd < connections_.size() && connections_[fd]) {
        on_event(*connections_[fd], events[static_cast<std::size_t>(i)].events);
      }
    }
    run_timers();
  }
}

void Loop::accept_all(std::size_t index) {
  for (;;) {
    const int fd = accept4(identities_[index].listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connections_.size() <= static_cast<std::size_t>(fd)) connections_.resize(static_cast<std::size_t>(fd) + 1);
    auto connection = std::make_unique<Connection>();
    connection->fd = fd;
    connection->identity = index;
    connection->serial = next_serial_++;
    connection->interest = EPOLLIN;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    connections_[static_cast<std::size_t>(fd)] = std::move(connection);
  }
}

void Loop::close_connection(int fd) {
  close(fd);
  connections_[static_cast<std::size_t>(fd)].reset();
}

void Loop::set_interest(Connection& connection, std::uint32_t events) {
  if (connection.interest == events) return;
  connection.interest = events;
  epoll_event event{};
  event.events = events;
  event.data.fd = connection.fd;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &event);
}

void Loop::on_event(Connection& connection, std::uint32_t events) {
  if ((events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0) return close_connection(connection.fd);
  if ((events & EPOLLOUT) != 0) {
    if (!flush(connection) || connection.state == State::writing) return;
    advance(connection);
  } else if ((events & EPOLLIN) != 0) {
    if (read_more(connection)) advance(connection);
  }
}

bool Loop::read_more(Connection& connection) {
  std::array<char, kReadSize> buffer;
  const auto got = recv(connection.fd, buffer.data(), buffer.size(), 0);
  if (got > 0) {
    connection.in.append(buffer.data(), static_cast<std::size_t>(got));
    return true;
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  close_connection(connection.fd);
  return false;
}

// Runs the connection as far as its bytes go.
bool Loop::advance(Connection& connection) {
  for (;;) {
    switch (connection.state) {
      case State::head:
        if (connection.out.size() > kOutHigh && !flush(connection)) return false;
        if (!connection.out.empty() && connection.interest == EPOLLOUT) return true;
        if (const std::size_t before = connection.in.size(); before > 0) {
          if (!read_request(connection)) return false;
          if (connection.state != State::head || connection.in.size() != before) break;
        }
        return flush(connection);
      case State::body:
        if (!read_body(connection)) return false;
        if (connection.state == State::body) return flush(connection);
        break;
      case State::writing:
        if (!flush(connection)) return false;
        if (connection.state == State::writing) return true;
        break;
      case State::waiting:
      case State::hanging:
        set_interest(connection, EPOLLRDHUP);
        return true;
    }
  }
}

bool Loop::read_request(Connection& connection) {
  const HeadState head = take_head(connection.in, connection.request);
  if (head == HeadState::incomplete) return true;
  if (head == HeadState::bad) {
    close_connection(connection.fd);
    return false;
  }
  if (!connection.request.has_body()) return begin_answer(connection);
  if (connection.request.expects_continue) connection.out += "HTTP/1.1 100 Continue\r\n\r\n";
  connection.body.start(connection.request);
  connection.upload = Upload{};
  connection.digest.reset(EVP_MD_CTX_new());
  EVP_DigestInit_ex(connection.digest.get(), EVP_sha256(), nullptr);
  connection.state = State::body;
  return true;
}

bool Loop::read_body(Connection& connection) {
  Upload& upload = connection.upload;
  const std::size_t before = upload.payload.size();
  const auto state = connection.body.take(connection.in, upload.payload);
  if (state == BodyReader::State::bad) {
    close_connection(connection.fd);
    return false;
  }
  const std::size_t added = upload.payload.size() - before;
  EVP_DigestUpdate(connection.digest.get(), upload.payload.data() + before, added);
  upload.bytes += added;
  if (!connection.request.query("echo")) upload.payload.clear();
  if (state == BodyReader::State::more) return true;
  upload.digest = hex_digest(connection.digest.get());
  connection.digest.reset();
  return begin_answer(connection);
}

bool Loop::begin_answer(Connection& connection) {
  const Identity& self = identities_[connection.identity];
  const Request& request = connection.request;
  const auto path = request.path();
  std::uint64_t delay = path == "/health" || path == "/fail" || path == "/stats" ? 0 : self.delay_ms;
  if (const auto asked = request.query("delay"); asked && path != "/fail")
    delay = parse_milliseconds(*asked).value_or(delay);
  if (delay == 0) return respond(connection);
  connection.state = State::waiting;
  timers_.emplace(Clock::now() + std::chrono::milliseconds(delay), std::pair(connection.fd, connection.serial));
  return flush(connection);
}

bool Loop::respond(Connection& connection) {
  const Request& request = connection.request;
  const auto path = request.path();
  connection.state = State::writing;
  if (path == "/fail") {
    switch_modes(connection);
    queue(connection, answer_stats(request, identities_));
    return true;
  }
  Identity& self = identities_[connection.identity];
  if (self.mode == Mode::reset || self.mode == Mode::off) {
    close_with_reset(connection.fd);
    close_connection(connection.fd);
    return false;
  }
  if (self.mode == Mode::hang) {
    connection.state = State::hanging;
    return true;
  }
  if (path == "/health") {
    queue(connection, answer_health(request, self));
  } else if (path == "/stats") {
    queue(connection, answer_stats(request, identities_));
  } else if (breaks_answers(self.mode)) {
    queue(connection, broken_answer(self.mode));
  } else {
    ++self.served;
    queue(connection, answer_request(request, self, connection.upload));
  }
  return true;
}

// An answer that is queued as a whole is done: the next pipelined request may be read before it is sent. What a body
// with a length begins with goes with the head, as servers do it: in a segment of its own it would have the proxy
// acknowledge each answer by one more.
void Loop::queue(Connection& connection, Answer answer) {
  connection.out += answer.head;
  connection.close_after = answer.close;
  connection.pending = std::move(answer);
  connection.filled = 0;
  if (!connection.pending.chunked) static_cast<void>(refill(connection));
  const bool more = connection.pending.filler > 0 || connection.pending.chunked;
  if (!more && !connection.close_after) connection.state = State::head;
}

// Appends the next piece of the pattern to `out`; false when there is none left.
bool Loop::refill(Connection& connection) {
  Answer& pending = connection.pending;
  const auto piece = filler_at(connection.filled, pending.filler);
  if (piece.empty() && !pending.chunked) return false;
  if (pending.chunked) {
    std::array<char, 20> size{};
    const int length = std::snprintf(size.data(), size.size(), "%zx\r\n", piece.size());
    connection.out.append(size.data(), static_cast<std::size_t>(length));
  }
  connection.out += piece;
  if (pending.chunked && piece.empty() && pending.trailers) connection.out += "X-Backend-Checksum: none\r\n";
  if (pending.chunked) connection.out += "\r\n";
  if (piece.empty()) pending.chunked = false;  // that was the last chunk
  connection.filled += piece.size();
  pending.filler -= piece.size();
  return true;
}

bool Loop::flush(Connection& connection) {
  for (;;) {
    while (connection.out_at < connection.out.size()) {
      const auto sent = send(connection.fd, connection.out.data() + connection.out_at,
                             connection.out.size() - connection.out_at, MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) {
        set_interest(connection, EPOLLOUT);
        return true;
      }
      if (sent < 0) {
        close_connection(connection.fd);
        return false;
      }
      connection.out_at += static_cast<std::size_t>(sent);
    }
    connection.out.clear();
    connection.out_at = 0;
    if (connection.state != State::writing) break;
    if (refill(connection)) continue;
    if (connection.close_after) {
      close_connection(connection.fd);
      return false;
    }
    connection.state = State::head;
    break;
  }
  set_interest(connection, EPOLLIN);
  return true;
}

int Loop::next_timeout() const {
  if (timers_.empty()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first - Clock::now()).count();
  return static_cast<int>(std::max<long>(0, left));
}

void Loop::run_timers() {
  const auto now = Clock::now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const auto [fd, serial] = timers_.begin()->second;
    timers_.erase(timers_.begin());
    Connection* connection = connections_[static_cast<std::size_t>(fd)].get();
    if (connection == nullptr || connection->serial != serial) continue;
    if (respond(*connection)) advance(*connection);
  }
}

// POST /fail?mode=...&name=...|pool=...: on the named servers, else on the one that was asked.
void Loop::switch_modes(const Connection& connection) {
  const auto name = connection.request.query("name");
  const auto pool = connection.request.query("pool");
  for (std::size_t index = 0; index < identities_.size(); ++index) {
    const Identity& one = identities_[index];
    const bool chosen =
        name || pool ? (!name || one.name == *name) && (!pool || one.pool == *pool) : index == connection.identity;
    if (chosen) apply_switch(index, connection.request);
  }
}

void Loop::apply_switch(std::size_t index, const Request& request) {
  Identity& one = identities_[index];
  one.cpu_usage = request.query_number("cpu", one.cpu_usage);
  one.memory_usage = request.query_number("memory", one.memory_usage);
  if (const auto delay = request.query("delay")) one.delay_ms = parse_milliseconds(*delay).value_or(one.delay_ms);
  const auto mode = parse_mode(request.query("mode").value_or(""));
  if (!mode || *mode == one.mode) return;
  if (one.mode == Mode::off) {
    if (const auto listener = open_listener(one.endpoint)) {
      one.listener = *listener;
      add_listener(index);
    }
  }
  if (*mode == Mode::off) {
    listener_of_[static_cast<std::size_t>(one.listener)] = -1;
    close(one.listener);
    one.listener = -1;
    reset_connections(index, request);
  }
  one.mode = *mode;
}

// Every connection of one identity but the one whose request is being answered.
void Loop::reset_connections(std::size_t index, const Request& asking) {
  for (const auto& connection : connections_) {
    if (!connection || connection->identity != index || &connection->request == &asking) continue;
    close_with_reset(connection->fd);
    close_connection(connection->fd);
  }
}

}  // namespace backend

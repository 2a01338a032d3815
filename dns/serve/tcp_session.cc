#include "dns/serve/tcp_session.h"

#include <sys/socket.h>

#include <cerrno>
#include <tuple>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace dns {

namespace asio = shared::asio;

namespace {

constexpr asio::as_tuple_t<asio::use_awaitable_t<shared::LoopExecutor>> kAwait{};

std::uint16_t idle_timeout_in_100_ms(shared::Duration timeout) {
  constexpr std::int64_t kMost = 0xFFFF;
  const auto units = timeout / shared::milliseconds(100);
  return static_cast<std::uint16_t>(units < kMost ? units : kMost);
}

}  // namespace

TcpSession::TcpSession(TcpServer& server, shared::TcpSocket socket, const shared::IpAddress& client,
                       shared::TimePoint now)
    : server_(server), socket_(std::move(socket)), client_(client), last_query_(now) {}

void TcpSession::start() { asio::co_spawn(socket_.get_executor(), run(), asio::detached); }

void TcpSession::close() {
  closed_ = true;
  shared::error_code ignored;
  socket_.close(ignored);
}

void TcpSession::drain() {
  draining_ = true;
  shared::error_code ignored;
  socket_.cancel(ignored);  // wakes read_more(); one that writes goes on when it can
}

asio::awaitable<void, shared::LoopExecutor> TcpSession::run() {
  const auto self = shared_from_this();
  Step step = Step::go_on;
  while (step == Step::go_on) {
    if (!whole_frame_at(0)) step = co_await read_more();
    if (step == Step::go_on) step = answer_frames();
    if (step == Step::go_on) step = tell_held();
    if (step == Step::go_on && writing()) step = co_await write_rest();
  }
  if (closed_) co_return;
  shared::error_code ignored;
  socket_.close(ignored);
  server_.ended(places_);
}

TcpSession::Stepping TcpSession::read_more() {
  if (!draining_) co_await socket_.async_wait(asio::socket_base::wait_read, kAwait);
  if (closed_) co_return Step::close;
  const std::size_t before = input_.size();
  const Step step = read_now();
  // A drained session ends when nothing new is here; the rest of a query that has begun is waited for.
  if (step == Step::go_on && draining_ && input_.size() == before) {
    if (input_.empty()) co_return Step::close;
    auto result = co_await socket_.async_wait(asio::socket_base::wait_read, kAwait);
    if (closed_ || std::get<0>(result)) co_return Step::close;
  }
  co_return step;
}

TcpSession::Step TcpSession::read_now() {
  const ssize_t got = ::recv(socket_.native_handle(), server_.input_.data(), server_.input_.size(), MSG_DONTWAIT);
  if (got > 0) {
    input_.insert(input_.end(), server_.input_.begin(), server_.input_.begin() + got);
    return Step::go_on;
  }
  const bool nothing_yet = got < 0 && (errno == EAGAIN || errno == EINTR);
  return nothing_yet ? Step::go_on : Step::close;
}

// Answers all whole frames, or as many as the client takes. A frame that cannot hold a header ends the connection: what
// sends it does not speak DNS.
TcpSession::Step TcpSession::answer_frames() {
  const std::span<std::uint8_t> out = server_.answers_;
  server_.responder_.tick();
  std::size_t at = 0;
  std::size_t used = 0;
  Step step = Step::go_on;
  while (step == Step::go_on && !writing() && whole_frame_at(at)) {
    const std::size_t length = load_u16(input_.data() + at);
    if (length < kHeaderSize) {
      (void)send_now(out.first(used));
      return Step::close;
    }
    used += answer_one(std::span<const std::uint8_t>(input_).subspan(at + 2, length), out.subspan(used));
    at += 2 + length;
    if (used < kFlushAt && whole_frame_at(at)) continue;
    step = send_now(out.first(used));
    used = 0;
  }
  if (at == 0) return step;
  last_query_ = shared::Clock::now();
  server_.touched(places_);
  drop_answered(at);
  return step;
}

// What is left moves to a block of its size: an idle session holds no memory, and one with half a query no more.
void TcpSession::drop_answered(std::size_t octets) {
  const auto rest = std::span<const std::uint8_t>(input_).subspan(octets);
  input_ = std::vector<std::uint8_t>(rest.begin(), rest.end());
}

TcpSession::Step TcpSession::tell_held() {
  server_.holds(*this, input_.capacity() + unsent_.capacity());
  return closed_ ? Step::close : Step::go_on;
}

// Octets written to `out`, the length in front included.
std::size_t TcpSession::answer_one(std::span<const std::uint8_t> packet, std::span<std::uint8_t> out) {
  const Query query = parse_query(packet);
  const AnswerRequest request{.packet = packet,
                              .client = client_,
                              .transport = Transport::tcp,
                              .entropy = 0,
                              .idle_timeout = idle_timeout_in_100_ms(server_.settings_.idle_timeout),
                              .unix_time = 0};
  const std::size_t length =
      server_.responder_.respond(query, server_.responder_.look_up(query), request, out.subspan(2, kMaxMessageSize));
  if (length == 0) return 0;
  store_u16(out.data(), static_cast<std::uint16_t>(length));
  return 2 + length;
}

TcpSession::Step TcpSession::send_now(std::span<const std::uint8_t> answers) {
  if (answers.empty()) return Step::go_on;
  ssize_t sent = ::send(socket_.native_handle(), answers.data(), answers.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) return Step::close;
  if (sent < 0) sent = 0;
  const auto rest = answers.subspan(static_cast<std::size_t>(sent));
  unsent_.assign(rest.begin(), rest.end());
  return Step::go_on;
}

TcpSession::Stepping TcpSession::write_rest() {
  while (writing()) {
    co_await socket_.async_wait(asio::socket_base::wait_write, kAwait);
    if (closed_) co_return Step::close;
    if (send_rest() == Step::close) co_return Step::close;
  }
  co_return tell_held();
}

TcpSession::Step TcpSession::send_rest() {
  const auto rest = std::span<const std::uint8_t>(unsent_).subspan(sent_);
  const ssize_t sent = ::send(socket_.native_handle(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EINTR ? Step::go_on : Step::close;
  sent_ += static_cast<std::size_t>(sent);
  if (sent_ < unsent_.size()) return Step::go_on;
  unsent_ = std::vector<std::uint8_t>();
  sent_ = 0;
  return Step::go_on;
}

bool TcpSession::whole_frame_at(std::size_t at) const {
  if (input_.size() < at + 2) return false;
  return input_.size() - at - 2 >= load_u16(input_.data() + at);
}

}  // namespace dns

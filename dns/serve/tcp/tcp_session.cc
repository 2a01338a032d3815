#include "dns/serve/tcp/tcp_session.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace dns {

namespace {

std::uint16_t idle_timeout_in_100_ms(shared::Duration timeout) {
  constexpr std::int64_t kMost = 0xFFFF;
  const auto units = timeout / shared::milliseconds(100);
  return static_cast<std::uint16_t>(units < kMost ? units : kMost);
}

}  // namespace

TcpSession::TcpSession(TcpServer& server, shared::UniqueFd connected, const shared::IpAddress& client,
                       shared::TimePoint now)
    : server_(server),
      socket_(std::move(connected)),
      watch_{.handler = [](void* self, std::uint32_t) { static_cast<TcpSession*>(self)->turn(); }, .owner = this},
      client_(client),
      last_query_(now) {}

void TcpSession::start() {
  waits_for_ = EPOLLIN;
  if (server_.loop_.watch(socket_.get(), waits_for_, watch_)) return;
  close();
  server_.ended(places_);
}

void TcpSession::close() {
  server_.loop_.forget(watch_);
  socket_.reset();
}

void TcpSession::drain() {
  if (!socket_.valid()) return;
  draining_ = true;
  turn();
}

void TcpSession::turn() {
  const auto self = shared_from_this();
  const Step step = advance();
  if (step == Step::go_on) server_.holds(*this, input_.capacity() + unsent_.capacity());
  if (!socket_.valid()) return;  // closed by its owner: it held too much
  if (step == Step::go_on) return wait_for(writing() ? EPOLLOUT : EPOLLIN);
  close();
  server_.ended(places_);
}

// Either what waits is sent or something is read, then all that is here and can be answered is.
TcpSession::Step TcpSession::advance() {
  Step step = writing() ? send_rest() : read_now();
  if (step == Step::go_on) step = answer_frames();
  const bool finished = draining_ && !writing() && input_.empty() && !more_has_come();
  return finished ? Step::close : step;
}

// Level-triggered: what one turn leaves is told again.
void TcpSession::wait_for(std::uint32_t events) {
  if (std::exchange(waits_for_, events) != events) server_.loop_.rewatch(socket_.get(), events, watch_);
}

bool TcpSession::more_has_come() const {
  std::uint8_t octet = 0;
  return ::recv(socket_.get(), &octet, sizeof octet, MSG_DONTWAIT | MSG_PEEK) > 0;
}

TcpSession::Step TcpSession::read_now() {
  const ssize_t got = ::recv(socket_.get(), server_.input_.data(), server_.input_.size(), MSG_DONTWAIT);
  if (got > 0) {
    input_.insert(input_.end(), server_.input_.begin(), server_.input_.begin() + got);
    return Step::go_on;
  }
  const bool nothing_yet = got < 0 && (errno == EAGAIN || errno == EINTR);
  return nothing_yet ? Step::go_on : Step::close;
}

// Answers all whole frames, or as many as the client takes.
TcpSession::Step TcpSession::answer_frames() {
  const std::span<const std::uint8_t> answers = server_.answers_;
  std::size_t at = 0;
  Step step = Step::go_on;
  while (step == Step::go_on && !writing() && whole_frame_at(at)) {
    const Answered answered = answer_some(at);
    at += answered.frames;
    step = send_now(answers.first(answered.answers));
    if (!answered.sound) step = Step::close;
  }
  if (at == 0) return step;
  last_query_ = server_.loop_.now();
  server_.touched(places_);
  drop_answered(at);
  return step;
}

// A frame that cannot hold a header ends the connection: what sends it does not speak DNS.
TcpSession::Answered TcpSession::answer_some(std::size_t at) {
  const std::span<const std::uint8_t> input = input_;
  const std::span<std::uint8_t> out = server_.answers_;
  const Responder::Turn turn(server_.responder_);
  Answered done;
  while (done.answers < kFlushAt && whole_frame_at(at + done.frames)) {
    const std::size_t begin = at + done.frames;
    const std::size_t length = load_u16(input.data() + begin);
    done.sound = length >= kHeaderSize;
    if (!done.sound) break;
    done.answers += answer_one(input.subspan(begin + 2, length), out.subspan(done.answers));
    done.frames += 2 + length;
  }
  return done;
}

// What is left moves to a block of its size: an idle session holds no memory, and one with half a query no more.
void TcpSession::drop_answered(std::size_t octets) {
  const auto rest = std::span<const std::uint8_t>(input_).subspan(octets);
  input_ = std::vector<std::uint8_t>(rest.begin(), rest.end());
}

// Octets written to `out`, the length in front included.
std::size_t TcpSession::answer_one(std::span<const std::uint8_t> packet, std::span<std::uint8_t> out) {
  const Query query = parse_query(packet);
  const Found found = server_.responder_.look_up(query);
  const AnswerRequest request{.query = query,
                              .found = found,
                              .client = client_,
                              .transport = Transport::tcp,
                              .idle_timeout = idle_timeout_in_100_ms(server_.settings_.idle_timeout)};
  const std::size_t length = server_.responder_.respond(request, out.subspan(2, kMaxMessageSize));
  if (length == 0) return 0;
  store_u16(out.data(), static_cast<std::uint16_t>(length));
  return 2 + length;
}

TcpSession::Step TcpSession::send_now(std::span<const std::uint8_t> answers) {
  if (answers.empty()) return Step::go_on;
  ssize_t sent = ::send(socket_.get(), answers.data(), answers.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) return Step::close;
  if (sent < 0) sent = 0;
  const auto rest = answers.subspan(static_cast<std::size_t>(sent));
  unsent_.assign(rest.begin(), rest.end());
  return Step::go_on;
}

TcpSession::Step TcpSession::send_rest() {
  const auto rest = std::span<const std::uint8_t>(unsent_).subspan(sent_);
  const ssize_t sent = ::send(socket_.get(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
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

#include "dns/serve/tcp/tcp_session.h"

#include <sys/epoll.h>

#include <utility>

namespace dns {

namespace {

constexpr int kMostTurns = 16;  // without an event; then others have theirs

std::uint16_t idle_timeout_in_100_ms(shared::Duration timeout) {
  constexpr std::int64_t kMost = 0xFFFF;
  const auto units = timeout / shared::milliseconds(100);
  return static_cast<std::uint16_t>(units < kMost ? units : kMost);
}

}  // namespace

TcpSession::TcpSession(TcpServer& server, Client client, shared::TimePoint now)
    : server_(server),
      stream_(std::move(client.connected), std::move(client.tls), server.responder_.counters()),
      watch_{.handler = [](void* self, std::uint32_t) { static_cast<TcpSession*>(self)->turn(); }, .owner = this},
      client_(client.address),
      last_query_(now) {}

void TcpSession::start() {
  waits_for_ = EPOLLIN;
  if (server_.loop_.watch(stream_.fd(), waits_for_, watch_)) return;
  close();
  server_.ended(places_);
}

void TcpSession::close() {
  server_.loop_.forget(watch_);
  stream_.close();
}

void TcpSession::drain() {
  if (!stream_.open()) return;
  draining_ = true;
  turn();
}

void TcpSession::turn() {
  const auto self = shared_from_this();
  Step step = advance();
  for (int more = 0; more < kMostTurns && step == Step::go_on && !writing() && stream_.pending(); ++more) {
    step = advance();
  }
  if (step == Step::go_on) server_.holds(*this, input_.capacity() + unsent_.capacity());
  if (!stream_.open()) return;  // closed by its owner: it held too much
  if (step == Step::go_on) return wait();
  close();
  server_.ended(places_);
}

// Either what waits is sent or something is read, then all that is here and can be answered is.
TcpSession::Step TcpSession::advance() {
  Step step = writing() ? send_rest() : read_now();
  if (step == Step::go_on) step = answer_frames();
  const bool finished = draining_ && !writing() && input_.empty() && !stream_.more_has_come();
  return finished ? Step::close : step;
}

// Level-triggered: what one turn leaves is told again; but of what TLS has deciphered already no event tells.
void TcpSession::wait() {
  const std::uint32_t events = stream_.events(writing());
  if (std::exchange(waits_for_, events) != events) server_.loop_.rewatch(stream_.fd(), events, watch_);
  if (writing() || !stream_.pending()) return;
  server_.loop_.post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self && self->stream_.open()) self->turn();
  });
}

TcpSession::Step TcpSession::read_now() {
  const TcpStream::Result got = stream_.receive(server_.input_);
  input_.insert(input_.end(), server_.input_.begin(), server_.input_.begin() + static_cast<std::ptrdiff_t>(got.octets));
  return got.status == TcpStream::Status::closed ? Step::close : Step::go_on;
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
                              .transport = stream_.layered() ? Transport::tls : Transport::tcp,
                              .idle_timeout = idle_timeout_in_100_ms(server_.settings_.idle_timeout)};
  const std::size_t length = server_.responder_.respond(request, out.subspan(2, kMaxMessageSize));
  if (length == 0) return 0;
  store_u16(out.data(), static_cast<std::uint16_t>(length));
  return 2 + length;
}

TcpSession::Step TcpSession::send_now(std::span<const std::uint8_t> answers) {
  if (answers.empty()) return Step::go_on;
  const TcpStream::Result sent = stream_.send(answers);
  if (sent.status == TcpStream::Status::closed) return Step::close;
  const auto rest = answers.subspan(sent.octets);
  unsent_.assign(rest.begin(), rest.end());
  return Step::go_on;
}

TcpSession::Step TcpSession::send_rest() {
  const auto rest = std::span<const std::uint8_t>(unsent_).subspan(sent_);
  const TcpStream::Result sent = stream_.send(rest);
  if (sent.status == TcpStream::Status::closed) return Step::close;
  sent_ += sent.octets;
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

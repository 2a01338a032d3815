#include "edge/serve/redis/redis_connection.h"

#include <chrono>
#include <string_view>
#include <utility>

#include <boost/asio/post.hpp>

#include "shared/serve/client/error_words.h"

namespace edge {

void RedisConnection::open(const shared::Endpoint& endpoint, Events events) {
  events_ = std::move(events);
  opened_ = shared::Clock::now();
  watch();
  transport_->connect(endpoint, [self = shared_from_this()](shared::error_code error) {
    if (self->closed_) return;
    if (error) return self->end(shared::words_of(error));
    self->connected_ = true;
    self->read();
    const auto connected = self->events_.connected;
    connected();
  });
}

void RedisConnection::ask(std::span<const std::string> command, RedisReply reply) {
  if (closed_ || questions_.size() >= kMostQuestions) {
    shared::asio::post(loop_, [reply = std::move(reply)] { reply(shared::fail("too many questions at once")); });
    return;
  }
  questions_.push_back({std::move(reply), shared::Clock::now() + timeout_});
  waiting_ += redis_command(command);
  if (questions_.size() == 1) watch();
  write();
}

// One write at a time; what comes up meanwhile goes with the next.
void RedisConnection::write() {
  if (writing_ || closed_ || waiting_.empty()) return;
  writing_ = true;
  out_ = std::exchange(waiting_, {});
  transport_->write(out_, [self = shared_from_this()](shared::error_code error) {
    self->writing_ = false;
    if (self->closed_) return;
    if (error) return self->end(shared::words_of(error));
    self->write();
  });
}

void RedisConnection::read() {
  transport_->read_some(in_, [self = shared_from_this()](shared::error_code error, std::size_t n) {
    if (self->closed_) return;
    if (error) return self->end(shared::words_of(error));
    self->take({self->in_.data(), n});
    if (!self->closed_) self->read();
  });
}

void RedisConnection::take(std::string_view octets) {
  if (!replies_.feed(octets)) return end("it does not speak as Redis does");
  while (!closed_) {
    auto value = replies_.next();
    if (!value) break;
    if (questions_.empty()) return end("it answers what nobody has asked");
    const RedisReply reply = std::move(questions_.front().reply);
    questions_.pop_front();
    reply(shared::Result<RedisValue>(std::move(*value)));
  }
  if (!closed_ && replies_.bad()) return end("it does not speak as Redis does");
  if (!closed_) watch();
}

// Of the connection, then of the oldest question.
void RedisConnection::watch() {
  if (connected_ && questions_.empty()) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(connected_ ? questions_.front().deadline : opened_ + timeout_);
  timer_.async_wait([weak = weak_from_this()](shared::error_code error) {
    const auto self = weak.lock();
    if (error || self == nullptr || self->closed_) return;
    // Behind what is there already: the loop itself may have been late.
    shared::asio::post(self->loop_, [self] { self->look_at_deadline(); });
  });
}

void RedisConnection::look_at_deadline() {
  if (closed_ || (connected_ && questions_.empty())) return;
  const shared::TimePoint deadline = connected_ ? questions_.front().deadline : opened_ + timeout_;
  if (shared::Clock::now() < deadline) return watch();
  const auto ms = std::chrono::duration_cast<shared::milliseconds>(timeout_).count();
  end((connected_ ? "no reply within " : "no connection within ") + std::to_string(ms) + "ms");
}

void RedisConnection::end(const std::string& why) {
  const Events events = std::exchange(events_, {});
  const std::deque<Question> questions = std::exchange(questions_, {});
  close();
  for (const Question& question : questions) question.reply(shared::fail(why));
  events.ended(why);
}

void RedisConnection::close() {
  transport_->close();
  timer_.cancel();
  events_ = {};
  questions_.clear();
  closed_ = true;
}

}  // namespace edge

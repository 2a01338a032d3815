#pragma once
// H1Connection: one client's HTTP/1 connection and, one after another, its exchanges. Reads heads with an absolute
// deadline, keeps alive, answers what it refuses itself and closes so that an answer is not lost. While idle it holds
// no buffers. Owned by a Worker; its thread only.

#include <cstdint>
#include <memory>
#include <optional>

#include "edge/serve/exchange.h"
#include "edge/serve/task.h"
#include "edge/serve/worker.h"

namespace edge {

class H1Connection final : public Exchange {
 public:
  H1Connection(Worker& worker, shared::UniqueFd fd, const shared::Endpoint& peer);
  ~H1Connection() override;
  H1Connection(const H1Connection&) = delete;
  H1Connection& operator=(const H1Connection&) = delete;

  void start();
  // Between two requests, with nothing received.
  [[nodiscard]] bool idle() const { return work_ == nullptr; }
  // REQUIRES: idle().
  void close_idle();

  std::size_t index = 0;  // the worker's: where it keeps this connection

  const RequestHead& head() const override { return work_->request; }
  const RequestFraming& framing() const override { return framing_; }
  const shared::IpAddress& peer() const override { return peer_.address; }
  std::string_view scheme() const override { return "http"; }
  shared::TimePoint began() const override { return began_; }
  shared::TimePoint head_read() const override { return head_read_; }
  BodyPiece peek() override { return reader_.peek(); }
  void consume(std::size_t n) override { reader_.consume(n); }
  BodyFailure body_failure() const override { return reader_.failure(); }
  std::uint64_t body_octets() const override { return reader_.consumed(); }
  std::string_view trailers() const override { return reader_.trailers(); }
  void invite_body() override;
  void queue_interim(const ResponseHead& head) override;
  void start_response(const ResponseHead& head, const ResponseFraming& framing, const HeaderRules& rules) override;
  void begin_tunnel() override;
  void respond(OwnResponse response) override;
  std::size_t write(std::string_view data) override { return writer_.write(data); }
  void end(std::string_view trailers) override { writer_.end(takes_trailers_ ? trailers : std::string_view{}); }
  Sent flush() override { return writer_.flush(); }
  Socket* direct() override { return writer_.direct(); }
  void bypassed(std::uint64_t n) override { writer_.bypassed(n); }
  bool failed() const override { return writer_.failed(); }
  bool blocked() const override { return writer_.blocked(); }
  std::uint64_t octets_sent() const override { return writer_.octets_sent(); }
  void cut() override { cut_ = true; }
  Waiter& waiter() override { return waiter_; }
  Work& work() override { return *work_; }
  bool abandoned() const override { return socket_.broken(); }

 private:
  enum class Read : std::uint8_t { wait, request, closed, refused };

  Task<> run();
  Task<Read> read_head();
  Task<> close_gently();
  Read try_read_head();
  Read parse_head();
  Read take_head();
  Read refuse(const Refusal& refusal);
  Read head_expired();
  [[nodiscard]] Persistence persistence() const;
  // True when the connection waits for another request.
  bool finish_exchange();
  void drop_work();
  bool discard_input();

  Worker& worker_;
  Socket socket_;
  shared::Endpoint peer_;
  Waiter waiter_;
  std::unique_ptr<Work> work_;
  HeadParser parser_;
  RequestFraming framing_;
  BodyReader reader_;
  MessageWriter writer_;
  Body response_body_;
  shared::TimePoint began_;
  shared::TimePoint head_read_;
  shared::TimePoint deadline_;
  std::size_t discarded_ = 0;
  bool first_ = true;  // no request yet
  bool keep_ = true;   // another request may follow
  bool invited_ = false;
  bool refused_ = false;
  bool takes_trailers_ = false;
  bool cut_ = false;
  bool closing_ = false;
  std::optional<Task<>> root_;
};

}  // namespace edge

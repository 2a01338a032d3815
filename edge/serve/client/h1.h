#pragma once
// H1Connection: one client's HTTP/1 connection and, one after another, its exchanges. Reads heads with an absolute
// deadline, keeps alive, answers what it refuses itself and closes so that an answer is not lost. All that only a
// running exchange needs is in its Turn: an idle connection is this object and one small coroutine frame. Owned by
// Clients; its worker's thread.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "edge/core/message/linger.h"
#include "edge/serve/client/client_connection.h"
#include "edge/serve/client/clients.h"
#include "edge/serve/io/frame_pool.h"
#include "edge/serve/io/task.h"
#include "edge/serve/request/exchange.h"

namespace edge {

class H1Connection final : public ClientConnection, public RequestSource, public ResponseSink, public Pooled {
 public:
  // `layer` may be null: plain. `introduction` likewise: nobody but the socket says who `peer` is.
  H1Connection(WorkerContext& context, Clients& clients, shared::UniqueFd fd, const shared::Endpoint& peer,
               std::unique_ptr<StreamLayer> layer, const Introduction* introduction = nullptr,
               std::uint16_t https_port = 0);
  ~H1Connection() override;
  H1Connection(const H1Connection&) = delete;
  H1Connection& operator=(const H1Connection&) = delete;

  void start() override;
  [[nodiscard]] bool idle() const override { return turn_ == nullptr; }
  void close() override;
  void drain() override;
  [[nodiscard]] std::optional<double> waiting_rate() override;

  const RequestFacts& facts() const override { return turn_->facts; }
  BodyPiece peek() override { return turn_->reader.peek(); }
  void consume(std::size_t n) override { turn_->reader.consume(n); }
  BodyFailure failure() const override { return turn_->reader.failure(); }
  std::string_view trailers() const override { return turn_->reader.trailers(); }
  void invite() override;
  void interim(const http::ResponseHead& head) override;
  void start(const http::ResponseHead& head, const http::ResponseFraming& framing, const HeaderRules& rules) override;
  void start(const OwnHead& head) override;
  std::size_t write(std::string_view data) override { return turn_->writer.write(data); }
  void end(std::string_view trailers) override {
    turn_->writer.end(turn_->takes_trailers ? trailers : std::string_view{});
  }
  Sent flush() override { return turn_->writer.flush(); }
  Socket* direct() override { return turn_->writer.direct(); }
  void bypassed(std::uint64_t n) override { turn_->writer.bypassed(n); }
  bool failed() const override { return turn_->writer.failed(); }
  bool blocked() const override { return turn_->writer.blocked(); }
  std::uint64_t octets_sent() const override { return turn_->writer.octets_sent(); }
  void cut() override { cut_ = true; }
  shared::ProxyHeader introduction() const override;
  bool leaving() const override { return clients_.hastening(); }
  bool abandoned() const override {
    return stream_.broken() || (turn_->leaves_by_fin && stream_.peer_closed() && turn_->reader.finished());
  }

 private:
  enum class Read : std::uint8_t { wait, request, closed, refused, http2 };

  // From the first octet of a request until its response is out.
  struct Turn : Pooled {
    // Null, both: a part of the head is parked and waits for more, or the connection lingers.
    std::unique_ptr<ClientBuffers> buffers;
    std::unique_ptr<Work> work;
    Octets parked;
    http::HeadParser parser;
    RequestFacts facts;
    BodyReader reader;
    MessageWriter writer;
    http::Body response_body;
    shared::TimePoint window_began{};  // of waiting_rate()
    std::uint64_t window_octets = 0;
    Linger linger;  // once the answer is out and the connection only waits to be closed
    bool tunnel = false;
    bool invited = false;
    bool takes_trailers = false;
    bool via = false;            // in answers
    bool leaves_by_fin = false;  // a FIN behind the whole request says that nobody waits for the answer
  };

  Task<> run();
  Task<> serve();
  Task<> close_gently();
  Read try_read_head();
  Read parse_head();
  Read take_head();
  Read refuse(const http::Refusal& refusal);
  Read head_expired();
  [[nodiscard]] Read look_for_http2() const;
  void become_http2();
  [[nodiscard]] http::Persistence persistence() const;
  void begin_tunnel();
  void begin_window(std::uint64_t octets);
  // True when the connection waits for another request.
  bool finish_exchange();
  void begin_turn();
  void end_turn();
  void park();
  void unpark();
  void give_back();
  bool last_words();
  Task<> linger();
  bool discard_input();

  WorkerContext& context_;
  Clients& clients_;
  Stream stream_;
  shared::Endpoint peer_;
  std::unique_ptr<const Introduction> introduction_;  // its own, so that an idle connection is not a step larger
  Waiter waiter_;
  std::unique_ptr<Turn> turn_;
  shared::TimePoint deadline_;
  std::uint16_t https_port_;  // see Listener
  std::uint8_t served_ = 0;   // requests, since this has last waited for one
  bool first_ = true;         // no request yet
  bool keep_ = true;          // another request may follow
  bool refused_ = false;
  bool cut_ = false;
  bool closing_ = false;
  bool closed_ = false;
  std::optional<Task<>> root_;
};

}  // namespace edge

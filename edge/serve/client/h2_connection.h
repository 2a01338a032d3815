#pragma once
// H2Connection: one client's HTTP/2 connection (RFC 9113): the streams on it, each with a request of its own, one
// reader and one writer. What has come is given to the session (h2::Session), whose events make streams and serve them;
// what streams have to say goes out once a turn, for all of them together. Judges what its client does beside requests
// (AbuseScore), and ends in two steps, so that no request is lost (RFC 9113 6.8). Owned by Clients; its worker's
// thread.
//
//   receive --session--> begin_request, take_field, take_head, take_data --> H2Stream --> serve_one
//   send <--out-- heads and small frames, as they are written            <-- H2Stream
//        <--out-- put_data, in the session's order                       <-- H2Stream::offer

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "edge/core/h2/frame.h"
#include "edge/core/h2/session.h"
#include "edge/core/protect/abuse_score.h"
#include "edge/serve/client/client_connection.h"
#include "edge/serve/client/client_header.h"
#include "edge/serve/client/clients.h"
#include "edge/serve/client/h2_output.h"
#include "edge/serve/client/h2_stream.h"
#include "edge/serve/io/buffers.h"
#include "edge/serve/io/frame_pool.h"
#include "edge/serve/io/stream.h"
#include "edge/serve/io/task.h"

namespace edge {

class H2Connection final : public ClientConnection, public Pooled {
 public:
  struct Begun {
    shared::UniqueFd fd;
    shared::Endpoint peer;
    std::unique_ptr<StreamLayer> layer;                // null: plain
    std::unique_ptr<const Introduction> introduction;  // null: nobody but the socket says who `peer` is
    Octets early;                                      // received already, from the preface on
    std::uint16_t https_port = 0;                      // see Listener
  };
  H2Connection(WorkerContext& context, Clients& clients, Begun begun);
  ~H2Connection() override;
  H2Connection(const H2Connection&) = delete;
  H2Connection& operator=(const H2Connection&) = delete;

  void start() override;
  [[nodiscard]] bool idle() const override { return count_ == 0; }
  void close() override;
  void drain() override;
  [[nodiscard]] std::optional<double> waiting_rate() override;

  // The streams'.
  [[nodiscard]] h2::Session& session() { return session_; }
  // Where frames are queued, in the order in which they go.
  [[nodiscard]] OutBuffer& out();
  // What all requests of the connection have in common.
  void tell(RequestFacts& facts) const;
  [[nodiscard]] shared::ProxyHeader introduction() const { return client_header(introduction_.get(), stream_, peer_); }
  [[nodiscard]] bool out_of_memory() { return clients_.out_of_memory(); }
  [[nodiscard]] bool hastening() const { return clients_.hastening(); }
  // The client takes no more now.
  [[nodiscard]] bool stalled() const { return buffers_ != nullptr && !buffers_->out.empty() && !stream_.writable(); }
  // Octets that one stream may have waiting.
  [[nodiscard]] std::size_t queue_share() const;
  void queued(std::size_t n) { queued_ += n; }
  void want_write();
  void wants_to_send(H2Stream& stream);
  void consumed(H2Stream& stream, std::size_t n);
  void reset(H2Stream& stream, h2::Error error);
  // Its request is over; it is destroyed at the end of the turn.
  void finished(H2Stream& stream);

 private:
  enum class Stop : std::uint8_t { no, told, now };  // GOAWAY goes out first; or nothing does

  Task<> run();
  [[nodiscard]] bool go_on(Wake wake);
  [[nodiscard]] bool serve(Wake wake);
  [[nodiscard]] bool turn(Wake wake);
  [[nodiscard]] bool read_input();
  [[nodiscard]] bool feed(std::string_view octets);
  [[nodiscard]] bool write_output();
  [[nodiscard]] bool crowded() const;
  void announce();
  void fill(H2Output& out);
  [[nodiscard]] bool put_data(H2Output& out, H2Stream& stream);
  [[nodiscard]] Sent send(H2Output& out);
  [[nodiscard]] bool send_rest();
  [[nodiscard]] bool run_ready();
  void ready(H2Stream& stream);
  void wake_blocked();
  void give_back();
  void end_streams();
  Task<> say_goodbye();
  [[nodiscard]] bool discard_input();
  [[nodiscard]] shared::TimePoint deadline() const;
  void expire();
  void begin_shutdown();
  void finish_shutdown();
  void stop(Stop how, h2::Error error);
  void say(std::string_view frame);
  void say_reset(std::int32_t id, h2::Error error);
  void say_goaway(std::int32_t last, h2::Error error);
  void reply(std::string_view frame);
  void tell_window();
  void judge(Oddity oddity);
  void take(const h2::Event& event);
  [[nodiscard]] std::uint32_t most_streams();
  void begin_request(std::int32_t id);
  void take_field(H2Stream& stream, const h2::Event& event);
  void take_head(H2Stream& stream, bool ends);
  void take_data(H2Stream* stream, const h2::Event& event);
  void take_reset(H2Stream* stream);
  void let_go(H2Stream& stream);
  void stand();
  void bury(H2Stream& stream);
  void unlist(H2Stream& stream);
  void destroy(H2Stream& stream);
  [[nodiscard]] const Settings& settings() const { return *context_.snapshots.current().settings; }

  WorkerContext& context_;
  Clients& clients_;
  Stream stream_;
  shared::Endpoint peer_;
  std::unique_ptr<const Introduction> introduction_;
  Waiter waiter_;
  Octets early_;
  h2::Session session_;
  std::unique_ptr<ClientBuffers> buffers_;  // null: nothing to read or to say
  H2Stream* streams_ = nullptr;             // the newest of all of them
  H2Stream* ready_ = nullptr;               // the first of those that have something to do in this turn
  H2Stream* last_ready_ = nullptr;
  AbuseScore abuse_;
  std::size_t queued_ = 0;  // octets in the streams' queues
  shared::TimePoint idle_since_{};
  shared::TimePoint head_began_{};  // of the one whose end has not come; none: the beginning of time
  shared::TimePoint out_progress_{};
  shared::TimePoint shutdown_due_ = shared::TimePoint::max();  // of the second step
  shared::TimePoint window_began_{};                           // of waiting_rate()
  shared::TimePoint told_at_{};                                // our last SETTINGS
  std::uint64_t moved_ = 0;                                    // octets, both ways
  std::uint64_t window_octets_ = 0;
  std::size_t held_ = 0;            // octets of the heads of requests
  std::uint32_t count_ = 0;         // streams
  std::uint32_t running_ = 0;       // of them, those whose head is whole
  std::uint32_t told_streams_ = 0;  // at once, as SETTINGS have said
  std::uint32_t old_streams_ = 0;   // as those before have, until the client knows better
  Stop stop_ = Stop::no;
  bool first_ = true;  // no request yet
  bool in_turn_ = false;
  bool announced_ = false;  // our SETTINGS are queued
  bool held_back_ = false;  // input is left unread as long as the connection is crowded()
  bool silent_ = false;     // nothing more is said
  bool shutting_down_ = false;
  bool told_last_ = false;  // which stream is the last
  bool checker_ = false;    // the last request was a DNS node's
  bool closed_ = false;
  bool ending_ = false;        // nobody is served any more
  std::uint16_t replies_ = 0;  // queued since nothing was
  std::uint16_t https_port_;   // see Listener
  std::optional<Task<>> root_;
};

}  // namespace edge

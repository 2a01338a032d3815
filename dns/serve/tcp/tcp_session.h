#pragma once
// TcpSession: one connection that asks over TCP; tcp_server.h owns it. Each event is one turn: read what is there,
// answer all whole frames, write length and answers at once; while a client does not take its answers nothing more of
// it is read, so that it holds at most one turn's input and answers. An idle one holds no buffer. On the worker's
// thread only.

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <vector>

#include "dns/serve/tcp/tcp_server.h"
#include "dns/serve/tcp/tcp_stream.h"

namespace dns {

class TcpSession : public std::enable_shared_from_this<TcpSession> {
 public:
  static constexpr std::size_t kMaxFrame = 2 + kMaxMessageSize;
  static constexpr std::size_t kFlushAt = 64 * 1024;  // answers are written when there are so many octets of them

  struct Client {
    shared::UniqueFd connected;
    std::unique_ptr<shared::TlsSession> tls;  // null: plain
    shared::IpAddress address;
  };
  TcpSession(TcpServer& server, Client client, shared::TimePoint now);
  TcpSession(const TcpSession&) = delete;
  TcpSession& operator=(const TcpSession&) = delete;

  // May end at once, when the kernel does not let it be waited for.
  void start();
  // For the owner, which has taken it out of its list.
  void close();
  // Answers what has arrived and ends as soon as nothing of a query is here and no answer waits.
  void drain();

  [[nodiscard]] shared::TimePoint last_query() const { return last_query_; }
  [[nodiscard]] bool writing() const { return !unsent_.empty(); }
  [[nodiscard]] TcpServer::Places& places() { return places_; }

 private:
  enum class Step : std::uint8_t { go_on, close };

  void turn();
  [[nodiscard]] Step advance();
  void wait();
  [[nodiscard]] Step read_now();
  [[nodiscard]] Step answer_frames();
  struct Answered {
    std::size_t frames = 0;   // octets of input_
    std::size_t answers = 0;  // octets of the server's answers_
    bool sound = true;        // false: what comes next is no message
  };
  [[nodiscard]] Answered answer_some(std::size_t at);
  [[nodiscard]] std::size_t answer_one(std::span<const std::uint8_t> packet, std::span<std::uint8_t> out);
  [[nodiscard]] Step send_now(std::span<const std::uint8_t> answers);
  [[nodiscard]] Step send_rest();
  void drop_answered(std::size_t octets);
  [[nodiscard]] bool whole_frame_at(std::size_t at) const;

  TcpServer& server_;
  TcpStream stream_;
  shared::Watch watch_;
  std::uint32_t waits_for_ = 0;  // events
  shared::IpAddress client_;
  TcpServer::Places places_;
  shared::TimePoint last_query_;
  std::vector<std::uint8_t> input_;   // frames that wait, the last one perhaps in part
  std::vector<std::uint8_t> unsent_;  // answers that the client does not take yet
  std::size_t sent_ = 0;              // octets of them that it has taken
  bool draining_ = false;
};

}  // namespace dns

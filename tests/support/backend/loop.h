#pragma once
// Loop: the test backend's one thread: epoll, level-triggered, over the listeners and connections of all its
// identities. It reads a request, waits out the delay, writes the answer, and only then looks at the next request of
// the connection. Owned by main.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <openssl/evp.h>

#include "shared/core/result.h"
#include "tests/support/backend/answer.h"

namespace backend {

class Loop {
 public:
  explicit Loop(std::vector<Identity> identities);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  [[nodiscard]] shared::Result<void> listen_all();  // afterwards each endpoint carries the port that it got
  [[nodiscard]] const std::vector<Identity>& identities() const { return identities_; }
  [[noreturn]] void run();

 private:
  enum class State : std::uint8_t { head, body, waiting, writing, hanging };
  using Clock = std::chrono::steady_clock;
  using DigestContext = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

  struct Connection {
    int fd = -1;
    std::size_t identity = 0;
    std::uint64_t serial = 0;  // tells a timer that its connection is gone and the descriptor is another's
    State state = State::head;
    std::uint32_t interest = 0;
    std::string in;
    std::string out;
    std::size_t out_at = 0;
    Request request;
    BodyReader body;
    Upload upload;
    DigestContext digest{nullptr, &EVP_MD_CTX_free};
    Answer pending;            // what follows when `out` is written
    std::uint64_t filled = 0;  // bytes of the pattern written so far
    bool close_after = false;
  };

  void add_listener(std::size_t index);
  void accept_all(std::size_t index);
  void close_connection(int fd);
  void on_event(Connection& connection, std::uint32_t events);
  // Each returns false when the connection is gone.
  bool read_more(Connection& connection);
  bool advance(Connection& connection);
  bool read_request(Connection& connection);
  bool read_body(Connection& connection);
  bool begin_answer(Connection& connection);
  bool respond(Connection& connection);
  bool flush(Connection& connection);

  void queue(Connection& connection, Answer answer);
  bool refill(Connection& connection);
  void set_interest(Connection& connection, std::uint32_t events);
  void switch_modes(const Connection& connection);
  void apply_switch(std::size_t index, const Request& request);
  void reset_connections(std::size_t index, const Request& asking);
  [[nodiscard]] int next_timeout() const;
  void run_timers();

  std::vector<Identity> identities_;
  int epoll_ = -1;
  std::uint64_t next_serial_ = 1;
  std::vector<std::unique_ptr<Connection>> connections_;  // by descriptor
  std::vector<int> listener_of_;                          // by descriptor: index of the identity, or -1
  std::multimap<Clock::time_point, std::pair<int, std::uint64_t>> timers_;  // (descriptor, serial)
};

// A bound, listening, non-blocking socket; the endpoint's port is filled in when it was 0.
[[nodiscard]] shared::Result<int> open_listener(shared::Endpoint& endpoint);

}  // namespace backend

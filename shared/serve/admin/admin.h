#pragma once
// Admin: the small HTTP/1.1 server for operators and scrapers, on the control loop. A Unix socket is for whoever the
// file system lets open it; loopback TCP is for any user of the machine, so it shows, and changes nothing without the
// key. A browser's page must not reach it: the Host header has to be an IP literal or localhost (no DNS rebinding), a
// foreign Origin is refused, and changes are POST. A metrics listener may be reached from elsewhere and shows /metrics
// alone. Handlers run on the control loop and must not block it; one that has to wait (for the Builder) takes an
// AdminReply and answers later. Nobody can lock the door: at the limit, or when the process is out of descriptors, the
// connection that has been idle longest makes room.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "shared/core/ip.h"
#include "shared/core/result.h"
#include "shared/core/time.h"
#include "shared/serve/loop/loop_name.h"
#include "shared/serve/os/unique_fd.h"

namespace shared {

enum class AdminMethod : std::uint8_t { get, post };

struct AdminRequest {
  AdminMethod method{};
  std::string path;                                        // decoded, without the query
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  [[nodiscard]] std::optional<std::string_view> param(std::string_view name) const;   // the first of this name
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;  // case does not matter
};

struct AdminResponse {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::string allow = "GET, HEAD, POST";  // the Allow header of a 405

  [[nodiscard]] static AdminResponse text(unsigned status, std::string body);
  [[nodiscard]] static AdminResponse json(unsigned status, std::string body);
};

// Answers a request later, once, from any thread. Copies share the one answer; if the last goes unanswered, the client
// gets 500.
class AdminReply {
 public:
  void operator()(AdminResponse response) const;

 private:
  friend class AdminSession;
  struct State;
  explicit AdminReply(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

// "127.0.0.1:9053", "[::1]:9053", "unix:/run/meridian/dns.sock"; of a metrics listener any address.
struct AdminAddress {
  std::variant<Endpoint, std::string> where;  // the string is the path of a Unix socket

  [[nodiscard]] static Result<AdminAddress> parse(std::string_view text);  // not loopback: an error that says why
  [[nodiscard]] std::string to_string() const;
};

// What may be done at a listener. Of a Unix socket only `metrics_only` counts.
struct AdminAccess {
  bool metrics_only = false;  // GET /metrics, under any Host
  std::vector<Prefix> allow;  // who may connect; empty: everybody who can
  std::string key;            // `Authorization: Bearer KEY` of a POST over TCP; empty: none is taken
};

struct AdminLimits {
  std::size_t head = std::size_t{16} * 1024;
  std::size_t body = std::size_t{64} * 1024;
  std::size_t connections = 64;
  Duration read_timeout = seconds(10);              // for a whole request
  Duration answer_timeout = std::chrono::hours(1);  // for a handler that waits: a reload may build for minutes
  Duration idle_timeout = seconds(60);              // between requests
  Duration write_timeout = seconds(30);
};

class Admin {
 public:
  using Handler = std::function<AdminResponse(const AdminRequest&)>;
  using DeferredHandler = std::function<void(const AdminRequest&, AdminReply)>;

  static Result<std::unique_ptr<Admin>> listen(Loop& loop, const AdminAddress& address, AdminLimits limits = {});
  // The same on a socket that listens there already.
  static std::unique_ptr<Admin> adopt(Loop& loop, const AdminAddress& address, UniqueFd listening);
  // For requests from now on. At first: everything but POST over TCP.
  void set_access(AdminAccess access);
  [[nodiscard]] const AdminAccess& access() const;
  ~Admin();  // closes all connections
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  // REQUIRES: each (method, path) once. HEAD is answered as GET without its body.
  void route(AdminMethod method, std::string path, Handler handler);
  void route_deferred(AdminMethod method, std::string path, DeferredHandler handler);

  // Another process listens on the same socket now: accepts no more, and leaves its file in place.
  void hand_over();
  [[nodiscard]] int descriptor() const;  // that is listened on

  [[nodiscard]] std::string address() const;  // with the real port
  [[nodiscard]] Endpoint endpoint() const;    // REQUIRES: it listens on TCP

 private:
  friend class AdminSession;
  class Impl;
  explicit Admin(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace shared

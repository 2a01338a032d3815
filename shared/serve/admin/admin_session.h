#pragma once
// AdminSession: one connection to the admin port: read a request, have it answered, write the answer, again. Held by
// its own operations and by the Admin, which closes it. Control loop.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "shared/http/request_reader.h"
#include "shared/serve/admin/admin.h"
#include "shared/serve/loop/loop.h"

namespace shared {

// Connections of either kind: TCP or Unix.
using AdminSocket = asio::basic_stream_socket<asio::generic::stream_protocol, LoopExecutor>;

class AdminSession;

enum class AdminTransport : std::uint8_t { tcp, unix_socket };

// What a session needs of the Admin.
struct AdminService {
  Loop& loop;
  AdminLimits limits;
  AdminTransport transport;
  AdminAccess access;
  std::function<void(const AdminRequest&, AdminReply)> dispatch;
  std::function<void(const AdminSession*)> gone;
};

class AdminSession : public std::enable_shared_from_this<AdminSession> {
 public:
  AdminSession(AdminSocket socket, std::shared_ptr<AdminService> service);
  AdminSession(const AdminSession&) = delete;
  AdminSession& operator=(const AdminSession&) = delete;

  void start();
  void close();

  // Since when nothing was asked: the connection's begin, or the end of its last answer. Octets of a request that is
  // not whole do not count.
  [[nodiscard]] TimePoint idle_since() const { return idle_since_; }
  [[nodiscard]] bool answering() const { return answering_; }

 private:
  friend class AdminReply;

  void wait_for_request();
  void read_more();
  void take(std::string_view bytes);
  void on_request();
  void on_bad_request();
  void respond(std::uint64_t request, const AdminResponse& response);
  void set_deadline(Duration timeout);

  AdminSocket socket_;
  std::shared_ptr<AdminService> service_;
  Timer deadline_;
  http::RequestReader reader_;
  std::array<char, 4096> in_{};
  std::string out_;
  TimePoint idle_since_ = Clock::now();
  bool answering_ = false;
  std::uint64_t requests_ = 0;  // a late reply names its own
  bool head_only_ = false;
  bool keep_alive_ = false;
};

}  // namespace shared

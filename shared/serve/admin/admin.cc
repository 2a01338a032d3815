#include "shared/serve/admin/admin.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <map>
#include <tuple>
#include <unordered_map>

#include "shared/core/ascii.h"
#include "shared/serve/admin/admin_session.h"
#include "shared/serve/os/log.h"
#include "shared/serve/os/socket.h"
#include "shared/serve/os/unix_address.h"

namespace shared {
namespace {

constexpr milliseconds kAcceptPause{100};  // when the process is out of descriptors

using AdminAcceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol, LoopExecutor>;

bool is_loopback(const IpAddress& address) {
  if (address.family == Family::ipv4) return address.bytes[0] == 127;
  return address == *IpAddress::parse("::1");
}

// Whether a server still answers on the socket file; one that is left over from a crash refuses.
bool somebody_listens(const UnixAddress& address) {
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return fd.valid() && ::connect(fd.get(), address.raw(), address.size()) == 0;
}

Result<UniqueFd> listen_unix(const std::string& path) {
  const auto failed = [&] { return fail("cannot listen on unix:" + path + ": " + std::strerror(errno)); };
  const auto address = UnixAddress::of(path);
  if (!address) return failed();
  struct stat present{};
  if (::lstat(path.c_str(), &present) == 0) {
    if (!S_ISSOCK(present.st_mode)) return fail("cannot listen on unix:" + path + ": the file is not a socket");
    if (somebody_listens(*address)) return fail("cannot listen on unix:" + path + ": another process does");
    ::unlink(path.c_str());
  }
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return failed();
  // The file is made with the socket's own mode, less the umask: never open for others, not even for a moment.
  if (::fchmod(fd.get(), 0660) != 0 || ::bind(fd.get(), address->raw(), address->size()) != 0) return failed();
  if (::chmod(path.c_str(), 0660) != 0 || ::listen(fd.get(), 128) != 0) return failed();
  return fd;
}

Result<UniqueFd> listen_on(const AdminAddress& address) {
  if (const auto* path = std::get_if<std::string>(&address.where)) return listen_unix(*path);
  Result<std::vector<UniqueFd>> sockets = listen_tcp(std::get<Endpoint>(address.where), 1);
  if (!sockets) return tl::unexpected(sockets.error());
  return std::move(sockets->front());
}

std::string_view to_string(AdminMethod method) { return method == AdminMethod::post ? "POST" : "GET, HEAD"; }

}  // namespace

std::optional<std::string_view> AdminRequest::param(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> AdminRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (equals_ignoring_case(key, name)) return value;
  }
  return std::nullopt;
}

AdminResponse AdminResponse::text(unsigned status, std::string body) {
  AdminResponse out;
  out.status = status;
  out.body = std::move(body);
  return out;
}

AdminResponse AdminResponse::json(unsigned status, std::string body) {
  AdminResponse out = text(status, std::move(body));
  out.content_type = "application/json";
  return out;
}

Result<AdminAddress> AdminAddress::parse(std::string_view text) {
  if (text.starts_with("unix:")) {
    const std::string path(text.substr(5));
    if (!path.starts_with('/')) return fail("admin address " + std::string(text) + ": the path must be absolute");
    if (!UnixAddress::fits(path)) {
      return fail("admin address " + std::string(text) + ": a Unix socket's name has at most " +
                  std::to_string(UnixAddress::kLongestName) + " bytes");
    }
    return AdminAddress{path};
  }
  const auto endpoint = Endpoint::parse(text);
  if (!endpoint) {
    return fail("admin address " + std::string(text) + ": write 127.0.0.1:PORT, [::1]:PORT or unix:/PATH");
  }
  if (!is_loopback(endpoint->address)) {
    return fail("admin address " + std::string(text) +
                ": the admin port has no authentication, so it listens on loopback or a Unix socket only");
  }
  return AdminAddress{*endpoint};
}

std::string AdminAddress::to_string() const {
  if (const auto* path = std::get_if<std::string>(&where)) return "unix:" + *path;
  return std::get<Endpoint>(where).to_string();
}

class Admin::Impl : public std::enable_shared_from_this<Admin::Impl> {
 public:
  Impl(Loop& loop, AdminAddress address, AdminLimits limits)
      : address_(std::move(address)),
        acceptor_(loop),
        pause_(loop),
        service_(std::make_shared<AdminService>(AdminService{loop, limits, transport_of(address_), {}, {}, {}})) {
    service_->dispatch = [this](const AdminRequest& request, AdminReply reply) { dispatch(request, std::move(reply)); };
    service_->gone = [this](const AdminSession* session) {
      sessions_.erase(session);
      if (!reserve_.valid()) reserve_ = spare_descriptor();
    };
  }

  void open(UniqueFd fd) {
    const bool ipv6 = address_.where.index() == 0 && std::get<Endpoint>(address_.where).address.family == Family::ipv6;
    if (auto* endpoint = std::get_if<Endpoint>(&address_.where)) *endpoint = local_endpoint(fd.get());
    const int family = service_->transport == AdminTransport::unix_socket ? AF_UNIX : ipv6 ? AF_INET6 : AF_INET;
    acceptor_.assign(asio::generic::stream_protocol(family, 0), fd.release());
    acceptor_.non_blocking(true);
    accept();
  }

  void close() {
    service_->gone = nullptr;
    service_->dispatch = nullptr;
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    for (const auto& [key, session] : sessions_) session->close();
    sessions_.clear();
    const auto* path = std::get_if<std::string>(&address_.where);
    if (path != nullptr && !handed_over_) ::unlink(path->c_str());
  }

  // release() and not close(): the socket lives on in another process, so that the kernel would not take it out of our
  // epoll set by itself.
  void hand_over() {
    handed_over_ = true;
    pause_.cancel();
    error_code ignored;
    if (acceptor_.is_open()) ::close(acceptor_.release(ignored));
  }

  [[nodiscard]] int descriptor() { return acceptor_.native_handle(); }

  void add(AdminMethod method, std::string path, DeferredHandler handler) {
    [[maybe_unused]] const bool fresh = routes_[std::move(path)].emplace(method, std::move(handler)).second;
    assert(fresh && "each method and path once");
  }

  [[nodiscard]] const AdminAddress& address() const { return address_; }
  [[nodiscard]] const AdminAccess& access() const { return service_->access; }
  void set_access(AdminAccess access) { service_->access = std::move(access); }

 private:
  static UniqueFd spare_descriptor() { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

  static AdminTransport transport_of(const AdminAddress& address) {
    return std::holds_alternative<std::string>(address.where) ? AdminTransport::unix_socket : AdminTransport::tcp;
  }

  // Without a descriptor left accept(2) fails though nobody knocks: it is called when somebody does.
  void accept() {
    acceptor_.async_wait(AdminAcceptor::wait_read, [weak = weak_from_this()](error_code waited) {
      const auto self = weak.lock();
      if (waited || !self || !self->acceptor_.is_open()) return;
      error_code error;
      AdminSocket socket = self->acceptor_.accept(error);
      if (error == asio::error::would_block) return self->accept();
      self->on_accept(error, std::move(socket));
    });
  }

  void on_accept(error_code error, AdminSocket socket) {
    if (error) {
      const bool full = error == error_code(EMFILE, boost::system::system_category()) ||
                        error == error_code(ENFILE, boost::system::system_category());
      if (full && make_room()) return accept();
      log_event(Level::warn, "admin_accept_failed", {{"reason", error.message()}});
      return accept_later();
    }
    if (allowed(socket)) {
      if (sessions_.size() >= service_->limits.connections) close_longest_idle();
      const auto session = std::make_shared<AdminSession>(std::move(socket), service_);
      sessions_.emplace(session.get(), session);
      session->start();
    }
    accept();
  }

  // So that the newcomer, who may be the operator, is heard however many there are.
  void close_longest_idle() {
    const auto longest = std::ranges::min_element(sessions_, {}, [](const auto& entry) {
      return std::tuple(entry.second->answering(), entry.second->idle_since());
    });
    if (longest == sessions_.end()) return;
    const std::shared_ptr<AdminSession> session = longest->second;
    session->close();
  }

  // Of descriptors, of which the process has none left.
  bool make_room() {
    if (!sessions_.empty()) {
      close_longest_idle();
      return true;
    }
    if (!reserve_.valid()) return false;
    reserve_.reset();
    return true;
  }

  [[nodiscard]] bool allowed(const AdminSocket& socket) const {
    const std::vector<Prefix>& allow = service_->access.allow;
    if (allow.empty() || service_->transport == AdminTransport::unix_socket) return true;
    error_code error;
    const auto peer = socket.remote_endpoint(error);
    if (error) return false;
    const IpAddress from = from_socket_address(peer.data()).address;
    return std::ranges::any_of(allow, [&](const Prefix& prefix) { return prefix.contains(from); });
  }

  void accept_later() {
    pause_.expires_after(kAcceptPause);
    pause_.async_wait([weak = weak_from_this()](error_code error) {
      const auto self = weak.lock();
      if (!error && self && self->acceptor_.is_open()) self->accept();
    });
  }

  void dispatch(const AdminRequest& request, AdminReply reply) {
    log_event(Level::debug, "admin_request",
              {{"method", request.method == AdminMethod::post ? "POST" : "GET"}, {"path", request.path}});
    const auto found = routes_.find(request.path);
    const bool hidden = service_->access.metrics_only && request.path != "/metrics";
    if (found == routes_.end() || hidden) return reply(AdminResponse::text(404, "no such page\n"));
    const auto handler = found->second.find(request.method);
    if (handler == found->second.end()) {
      AdminResponse wrong = AdminResponse::text(405, "this page takes another method\n");
      wrong.allow = to_string(found->second.begin()->first);
      return reply(std::move(wrong));
    }
    handler->second(request, std::move(reply));
  }

  AdminAddress address_;
  UniqueFd reserve_ = spare_descriptor();  // for a connection when there is no other
  bool handed_over_ = false;
  AdminAcceptor acceptor_;
  Timer pause_;
  std::shared_ptr<AdminService> service_;
  std::map<std::string, std::map<AdminMethod, DeferredHandler>, std::less<>> routes_;
  std::unordered_map<const AdminSession*, std::shared_ptr<AdminSession>> sessions_;
};

Result<std::unique_ptr<Admin>> Admin::listen(Loop& loop, const AdminAddress& address, AdminLimits limits) {
  Result<UniqueFd> fd = listen_on(address);
  if (!fd) return tl::unexpected(fd.error());
  auto impl = std::make_shared<Impl>(loop, address, limits);
  impl->open(std::move(*fd));
  return std::unique_ptr<Admin>(new Admin(std::move(impl)));
}

std::unique_ptr<Admin> Admin::adopt(Loop& loop, const AdminAddress& address, UniqueFd listening) {
  auto impl = std::make_shared<Impl>(loop, address, AdminLimits{});
  impl->open(std::move(listening));
  return std::unique_ptr<Admin>(new Admin(std::move(impl)));
}

Admin::Admin(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Admin::~Admin() { impl_->close(); }

void Admin::route(AdminMethod method, std::string path, Handler handler) {
  impl_->add(method, std::move(path),
             [handler = std::move(handler)](const AdminRequest& request, const AdminReply& reply) {
               reply(handler(request));
             });
}

void Admin::route_deferred(AdminMethod method, std::string path, DeferredHandler handler) {
  impl_->add(method, std::move(path), std::move(handler));
}

void Admin::set_access(AdminAccess access) { impl_->set_access(std::move(access)); }

const AdminAccess& Admin::access() const { return impl_->access(); }

void Admin::hand_over() { impl_->hand_over(); }

int Admin::descriptor() const { return impl_->descriptor(); }

std::string Admin::address() const { return impl_->address().to_string(); }

Endpoint Admin::endpoint() const { return std::get<Endpoint>(impl_->address().where); }

}  // namespace shared

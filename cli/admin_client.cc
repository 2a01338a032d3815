#include "cli/admin_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include "shared/http/origin_form.h"
#include "shared/http/response_reader.h"
#include "shared/http/small_request.h"
#include "shared/load/values.h"
#include "shared/serve/os/socket.h"
#include "shared/serve/os/unique_fd.h"
#include "shared/serve/os/unix_address.h"

namespace cli {
namespace {

constexpr std::size_t kLargestResponse = std::size_t{64} << 20;

// A connected socket and the time until which everything must be done.
class Connection {
 public:
  Connection(const AdminCall& call, std::string address)
      : call_(call), address_(std::move(address)), deadline_(shared::Clock::now() + call.timeout) {}

  shared::Result<void> open(const shared::AdminAddress& address) {
    if (const auto* path = std::get_if<std::string>(&address.where)) {
      const auto to = shared::UnixAddress::of(*path);
      return to ? connect(to->raw(), to->size()) : shared::fail(std::strerror(errno));
    }
    const shared::SocketAddress to = shared::to_socket_address(std::get<shared::Endpoint>(address.where));
    return connect(reinterpret_cast<const sockaddr*>(to.bytes), to.length);
  }

  shared::Result<void> connect(const sockaddr* where, socklen_t size_of_it) {
    socket_ = shared::UniqueFd(::socket(where->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_.valid()) return failed("socket");
    if (::connect(socket_.get(), where, size_of_it) == 0) return {};
    if (errno == EAGAIN) return shared::fail("too many wait for it already: it does not answer");
    if (errno != EINPROGRESS) return shared::fail(std::strerror(errno));
    if (auto waited = wait(POLLOUT); !waited) return waited;
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return shared::fail(std::strerror(error));
    return {};
  }

  shared::Result<void> send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN) {
        if (auto waited = wait(POLLOUT); !waited) return waited;
      } else if (errno != EINTR) {
        return failed("send");
      }
    }
    return {};
  }

  // Some bytes; none: the server has closed.
  shared::Result<std::size_t> receive(std::span<char> into) {
    for (;;) {
      const ssize_t got = ::recv(socket_.get(), into.data(), into.size(), 0);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return shared::fail(std::strerror(errno));
      if (auto waited = wait(POLLIN); !waited) return tl::unexpected(waited.error());
    }
  }

 private:
  static shared::Result<void> failed(const char* call) {
    return shared::fail(std::string(call) + ": " + std::strerror(errno));
  }

  shared::Result<void> wait(short events) {
    do {
      const auto left = std::chrono::ceil<shared::milliseconds>(deadline_ - shared::Clock::now());
      pollfd poll{socket_.get(), events, 0};
      if (left.count() > 0 && ::poll(&poll, 1, static_cast<int>(left.count())) != 0) return {};
    } while (is_patient());
    return shared::fail("no answer within " + shared::load::print_duration(call_.timeout) + ": it hangs, or is frozen");
  }

  bool is_patient() {
    if (!call_.while_building || !is_building(address_)) return false;
    deadline_ = shared::Clock::now() + call_.timeout;
    return true;
  }

  const AdminCall& call_;
  std::string address_;
  shared::TimePoint deadline_;
  shared::UniqueFd socket_;
};

std::string request_text(const AdminCall& call) {
  http::SmallRequest request;
  request.method = call.method == shared::AdminMethod::post ? http::Method::post : http::Method::get;
  request.target = http::write_origin_form({call.path, call.query});
  request.host = "localhost";
  if (!call.key.empty()) request.fields.emplace_back("Authorization", "Bearer " + call.key);
  request.fields.emplace_back("Connection", "close");
  return write(request);
}

shared::Error what_is_wrong(const http::ResponseReader& reader) {
  if (reader.status() == 0) return {"what answers there does not speak HTTP/1.1: " + std::string(reader.error())};
  return {"a bad answer: " + std::string(reader.error())};
}

shared::Result<shared::AdminResponse> exchange(Connection& connection, const AdminCall& call) {
  if (auto sent = connection.send(request_text(call)); !sent) return tl::unexpected(sent.error());
  http::ResponseReader reader({.body = kLargestResponse, .kept = kLargestResponse});
  std::array<char, 16384> block{};
  while (!reader.done()) {
    const auto got = connection.receive(block);
    if (!got) return tl::unexpected(got.error());
    if (*got == 0) {
      reader.feed_end();
    } else {
      reader.feed({block.data(), *got});
    }
    if (reader.bad()) return tl::unexpected(what_is_wrong(reader));
  }
  shared::AdminResponse response = shared::AdminResponse::text(reader.status(), std::string(reader.body()));
  response.content_type = reader.field("Content-Type").value_or(std::string_view());
  return response;
}

}  // namespace

shared::Result<shared::AdminResponse> call_admin(const std::string& address, const AdminCall& call) {
  const auto parsed = shared::AdminAddress::parse(address);
  if (!parsed) return tl::unexpected(parsed.error());
  Connection connection(call, address);
  if (auto opened = connection.open(*parsed); !opened) {
    return shared::fail("cannot reach " + address + ": " + opened.error().message +
                        "; is the server running, and is this the address of its admin port?");
  }
  auto response = exchange(connection, call);
  if (!response) return shared::fail(address + ": " + response.error().message);
  return response;
}

bool is_building(const std::string& address) {
  AdminCall call;
  call.path = "/building";
  call.timeout = shared::seconds(3);
  const auto says = fetch(address, call);
  return says && says->starts_with("building");
}

shared::Result<std::string> fetch(const std::string& address, const AdminCall& call) {
  auto response = call_admin(address, call);
  if (!response) return tl::unexpected(response.error());
  if (response->status == 200) return std::move(response->body);
  std::string words = response->body;
  while (!words.empty() && words.back() == '\n') words.pop_back();
  return shared::fail(address + " says " + std::to_string(response->status) + (words.empty() ? "" : ": " + words));
}

}  // namespace cli

#include "cli/admin_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <span>

#include "shared/load/values.h"
#include "shared/serve/os/socket.h"
#include "shared/serve/os/unique_fd.h"
#include "shared/serve/os/unix_address.h"

namespace cli {
namespace {

constexpr std::size_t kLargestResponse = std::size_t{64} << 20;

std::string escaped(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~:/").find(c) != std::string_view::npos;
    const auto byte = static_cast<unsigned char>(c);
    if (plain) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

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
  const bool post = call.method == shared::AdminMethod::post;
  return std::string(post ? "POST " : "GET ") + target_of(call) + " HTTP/1.1\r\nHost: localhost\r\n" +
         (post ? "Content-Length: 0\r\n" : "") +
         (call.key.empty() ? std::string() : "Authorization: Bearer " + call.key + "\r\n") +
         "Connection: close\r\n\r\n";
}

shared::Result<shared::AdminResponse> exchange(Connection& connection, const AdminCall& call) {
  if (auto sent = connection.send(request_text(call)); !sent) return tl::unexpected(sent.error());
  std::string received;
  std::array<char, 16384> block{};
  for (;;) {
    const auto got = connection.receive(block);
    if (!got) return tl::unexpected(got.error());
    received.append(block.data(), *got);
    auto parsed = parse_response(received, *got == 0 ? StreamState::ended : StreamState::open);
    if (parsed.state == ParsedResponse::State::complete) return std::move(parsed.response);
    if (parsed.state == ParsedResponse::State::malformed || *got == 0) {
      return shared::fail("what answers there does not speak HTTP/1.1");
    }
    if (received.size() > kLargestResponse) return shared::fail("the answer is larger than 64 MiB");
  }
}

template <class Number>
std::optional<Number> whole(std::string_view text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The value of a header, or nothing; `head` ends with the line end of its last line.
std::optional<std::string> header(std::string_view head, std::string_view name) {
  for (std::size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at + 2)) {
    const std::string_view line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
    const bool same =
        line.size() > name.size() && line[name.size()] == ':' &&
        std::equal(name.begin(), name.end(), line.begin(), [](char a, char b) {
          return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
        });
    if (!same) continue;
    std::string_view value = line.substr(name.size() + 1);
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    while (!value.empty() && value.back() == ' ') value.remove_suffix(1);
    return std::string(value);
  }
  return std::nullopt;
}

}  // namespace

std::string target_of(const AdminCall& call) {
  std::string out = call.path;
  char separator = '?';
  for (const auto& [key, value] : call.query) {
    out += separator + escaped(key) + "=" + escaped(value);
    separator = '&';
  }
  return out;
}

ParsedResponse parse_response(std::string_view bytes, StreamState stream) {
  ParsedResponse out;
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return out;
  const std::string_view head = bytes.substr(0, end + 2);
  const std::string_view body = bytes.substr(end + 4);
  const auto status =
      head.size() >= 12 && head.starts_with("HTTP/1.") ? whole<unsigned>(head.substr(9, 3)) : std::nullopt;
  const auto length_text = header(head, "content-length");
  const auto length = length_text ? whole<std::size_t>(*length_text) : std::nullopt;
  if (!status || (length_text && !length) || header(head, "transfer-encoding")) {
    out.state = ParsedResponse::State::malformed;
    return out;
  }
  const bool complete = length ? body.size() >= *length : stream == StreamState::ended;
  if (!complete) return out;
  out.state = ParsedResponse::State::complete;
  out.response.status = *status;
  out.response.content_type = header(head, "content-type").value_or("");
  out.response.body = std::string(length ? body.substr(0, *length) : body);
  return out;
}

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

#include "shared/serve/admin/admin_session.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "shared/core/ascii.h"
#include "shared/http/authorization.h"
#include "shared/http/origin_form.h"
#include "shared/http/status.h"

namespace shared {
namespace {

using http::FieldId;

// The host of `Host: host[:port]`, brackets off.
std::string_view host_of(std::string_view value) {
  if (value.starts_with('[')) {
    const auto end = value.find(']');
    return end == std::string_view::npos ? std::string_view() : value.substr(1, end - 1);
  }
  return value.substr(0, value.find(':'));
}

bool is_local_name(std::string_view value) {
  const std::string_view host = host_of(value);
  return host == "localhost" || IpAddress::parse(host).has_value();
}

std::string_view value_of(const http::FieldList& fields, FieldId id) {
  const http::Field* const field = fields.find(id);
  return field == nullptr ? std::string_view() : field->value;
}

// Why nothing may be changed, or nothing.
std::optional<AdminResponse> without_key(const http::RequestHead& head, const std::string& key) {
  if (head.method != http::Method::post) return std::nullopt;
  if (key.empty()) {
    return AdminResponse::text(403,
                               "over TCP nothing is changed, as any user of this machine can reach it: use the Unix "
                               "socket in the state directory, or name a key file in admin.key\n");
  }
  const std::string_view given = http::bearer_token(value_of(head.fields, FieldId::authorization));
  if (http::equals_in_constant_time(given, key)) return std::nullopt;
  return AdminResponse::text(403, "changes over TCP need the key of admin.key: Authorization: Bearer KEY\n");
}

bool is_of_another_origin(const http::FieldList& fields, std::string_view host) {
  const std::string own = "http://" + std::string(host);
  return std::ranges::any_of(fields, [&](const http::Field& field) {
    return equals_ignoring_case(field.name, "Origin") && field.value != own;
  });
}

// Why this may not be done, or nothing. A Unix socket is out of a browser's reach.
std::optional<AdminResponse> refusal(const http::RequestHead& head, const AdminService& service) {
  const auto refuse = [](std::string text) { return AdminResponse::text(403, std::move(text)); };
  if (service.transport == AdminTransport::unix_socket) return std::nullopt;
  if (head.fields.count(FieldId::host) != 1) return refuse("exactly one Host header is needed\n");
  const std::string_view host = value_of(head.fields, FieldId::host);
  if (service.access.metrics_only) {
    if (head.method == http::Method::post) return refuse("this listener shows /metrics and changes nothing\n");
    return std::nullopt;
  }
  if (!is_local_name(host)) return refuse("the Host header must be an IP address or localhost\n");
  if (is_of_another_origin(head.fields, host)) return refuse("requests of other origins are refused\n");
  return without_key(head, service.access.key);
}

std::optional<AdminRequest> to_admin_request(const http::RequestHead& head, std::string_view body) {
  auto target = http::parse_origin_form(head.target);
  if (!target) return std::nullopt;
  AdminRequest out;
  out.method = head.method == http::Method::post ? AdminMethod::post : AdminMethod::get;
  out.path = std::move(target->path);
  out.query = std::move(target->query);
  for (const http::Field& field : head.fields) out.headers.emplace_back(field.name, field.value);
  out.body = body;
  return out;
}

bool known_method(http::Method method) {
  return method == http::Method::get || method == http::Method::head || method == http::Method::post;
}

}  // namespace

struct AdminReply::State {
  std::weak_ptr<AdminSession> session;
  Loop& loop;
  std::uint64_t request;
  std::atomic<bool> answered{false};

  State(std::weak_ptr<AdminSession> s, Loop& l, std::uint64_t r) : session(std::move(s)), loop(l), request(r) {}
  ~State() {
    if (!answered) answer(AdminResponse::text(500, "no answer\n"));
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // Through the loop, so that a reply may come from any thread and never runs inside its handler.
  void answer(AdminResponse response) {
    if (answered.exchange(true)) return;
    asio::post(loop, [weak = session, number = request, response = std::move(response)] {
      if (const auto live = weak.lock()) live->respond(number, response);
    });
  }
};

void AdminReply::operator()(AdminResponse response) const { state_->answer(std::move(response)); }

AdminSession::AdminSession(AdminSocket socket, std::shared_ptr<AdminService> service)
    : socket_(std::move(socket)),
      service_(std::move(service)),
      deadline_(service_->loop),
      reader_({.head = static_cast<std::uint32_t>(service_->limits.head), .body = service_->limits.body}) {}

void AdminSession::start() { wait_for_request(); }

void AdminSession::close() {
  deadline_.cancel();
  error_code ignored;
  socket_.close(ignored);
  if (service_->gone) service_->gone(this);
}

void AdminSession::set_deadline(Duration timeout) {
  deadline_.expires_after(timeout);
  deadline_.async_wait([weak = weak_from_this()](error_code error) {
    const auto self = weak.lock();
    if (!error && self && Clock::now() >= self->deadline_.expiry()) self->close();
  });
}

void AdminSession::wait_for_request() {
  if (reader_.begun()) {  // it came behind the last one
    set_deadline(service_->limits.read_timeout);
    return take({});
  }
  set_deadline(service_->limits.idle_timeout);
  socket_.async_wait(AdminSocket::wait_read, [self = shared_from_this()](error_code error) {
    if (!self->socket_.is_open()) return;
    if (error) return self->close();
    self->set_deadline(self->service_->limits.read_timeout);
    self->read_more();
  });
}

void AdminSession::read_more() {
  socket_.async_read_some(asio::buffer(in_), [self = shared_from_this()](error_code error, std::size_t n) {
    if (!self->socket_.is_open()) return;
    if (error) return self->close();
    self->take({self->in_.data(), n});
  });
}

void AdminSession::take(std::string_view bytes) {
  switch (reader_.feed(bytes)) {
    case http::RequestReader::State::incomplete:
      return read_more();
    case http::RequestReader::State::complete:
      return on_request();
    case http::RequestReader::State::refused:
      return on_bad_request();
  }
}

void AdminSession::on_bad_request() {
  keep_alive_ = false;
  head_only_ = false;
  const http::Refusal& refused = reader_.refusal();
  respond(++requests_, AdminResponse::text(refused.status, "bad request: " + std::string(refused.reason) + "\n"));
}

void AdminSession::on_request() {
  const http::RequestHead& head = reader_.head();
  const std::uint64_t number = ++requests_;
  answering_ = true;
  keep_alive_ = reader_.framing().persistence == http::Persistence::keep;
  head_only_ = head.method == http::Method::head;
  set_deadline(service_->limits.answer_timeout);
  if (const auto refused = refusal(head, *service_)) return respond(number, *refused);
  if (!known_method(head.method)) return respond(number, AdminResponse::text(405, "GET, HEAD or POST only\n"));
  const auto admin_request = to_admin_request(head, reader_.body());
  if (!admin_request) return respond(number, AdminResponse::text(400, "bad request target\n"));
  const AdminReply reply(std::make_shared<AdminReply::State>(weak_from_this(), service_->loop, number));
  service_->dispatch(*admin_request, reply);
}

void AdminSession::respond(std::uint64_t request, const AdminResponse& response) {
  if (request != requests_ || !socket_.is_open()) return;
  out_ = "HTTP/1.1 " + std::to_string(response.status) + ' ';
  out_ += http::reason_phrase(static_cast<std::uint16_t>(response.status));
  out_ += "\r\nContent-Type: " + response.content_type;
  out_ += "\r\nContent-Length: " + std::to_string(response.body.size());
  if (response.status == 405) out_ += "\r\nAllow: " + response.allow;
  out_ += "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
  out_ += keep_alive_ ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  if (!head_only_) out_ += response.body;
  set_deadline(service_->limits.write_timeout);
  asio::async_write(socket_, asio::buffer(out_), [self = shared_from_this()](error_code error, std::size_t) {
    if (!self->socket_.is_open()) return;
    if (error || !self->keep_alive_) return self->close();
    self->answering_ = false;
    self->idle_since_ = Clock::now();
    self->reader_.next();
    self->wait_for_request();
  });
}

}  // namespace shared

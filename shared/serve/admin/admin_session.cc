#include "shared/serve/admin/admin_session.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace shared {
namespace {

namespace http = boost::beast::http;

using ParsedRequest = http::request<http::string_body>;

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

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

// In a time that does not tell how much of it was right.
bool same_key(std::string_view a, std::string_view b) {
  unsigned different = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) different |= static_cast<unsigned char>(a[i] ^ b[i]);
  return different == 0;
}

// Why nothing may be changed, or nothing.
std::optional<AdminResponse> without_key(const ParsedRequest& request, const std::string& key) {
  if (request.method() != http::verb::post) return std::nullopt;
  if (key.empty()) {
    return AdminResponse::text(403,
                               "over TCP nothing is changed, as any user of this machine can reach it: use the Unix "
                               "socket in the state directory, or name a key file in admin.key\n");
  }
  constexpr std::string_view kScheme = "Bearer ";
  const std::string_view given = view(request[http::field::authorization]);
  if (given.starts_with(kScheme) && same_key(given.substr(kScheme.size()), key)) return std::nullopt;
  return AdminResponse::text(403, "changes over TCP need the key of admin.key: Authorization: Bearer KEY\n");
}

// Why this may not be done, or nothing. A Unix socket is out of a browser's reach.
std::optional<AdminResponse> refusal(const ParsedRequest& request, const AdminService& service) {
  const auto refuse = [](std::string text) { return AdminResponse::text(403, std::move(text)); };
  if (service.transport == AdminTransport::unix_socket) return std::nullopt;
  if (request.count(http::field::host) != 1) return refuse("exactly one Host header is needed\n");
  const std::string_view host = view(request[http::field::host]);
  if (service.access.metrics_only) {
    if (request.method() == http::verb::post) return refuse("this listener shows /metrics and changes nothing\n");
    return std::nullopt;
  }
  if (!is_local_name(host)) return refuse("the Host header must be an IP address or localhost\n");
  const auto origin = request.find(http::field::origin);
  if (origin != request.end() && view(origin->value()) != "http://" + std::string(host)) {
    return refuse("requests of other origins are refused\n");
  }
  return without_key(request, service.access.key);
}

std::optional<AdminRequest> to_admin_request(const ParsedRequest& request) {
  const auto target = boost::urls::parse_origin_form(request.target());
  if (!target) return std::nullopt;
  AdminRequest out;
  out.method = request.method() == http::verb::post ? AdminMethod::post : AdminMethod::get;
  out.path = target->path();
  for (const auto& param : target->params()) out.query.emplace_back(param.key, param.value);
  for (const auto& field : request) out.headers.emplace_back(view(field.name_string()), view(field.value()));
  out.body = request.body();
  return out;
}

unsigned status_of(error_code error) {
  if (error == http::error::header_limit) return 431;
  if (error == http::error::body_limit) return 413;
  return 400;
}

bool known_method(http::verb method) {
  return method == http::verb::get || method == http::verb::head || method == http::verb::post;
}

}  // namespace

struct AdminSession::Incoming {
  boost::beast::flat_buffer buffer;
  std::optional<http::request_parser<http::string_body>> parser;
};

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
      incoming_(std::make_unique<Incoming>()) {}

AdminSession::~AdminSession() = default;

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
  if (incoming_->buffer.size() > 0) return read_request();
  set_deadline(service_->limits.idle_timeout);
  socket_.async_wait(AdminSocket::wait_read, [self = shared_from_this()](error_code error) {
    if (!self->socket_.is_open()) return;
    if (error) return self->close();
    self->read_request();
  });
}

void AdminSession::read_request() {
  set_deadline(service_->limits.read_timeout);
  auto& parser = incoming_->parser.emplace();
  parser.header_limit(static_cast<std::uint32_t>(service_->limits.head));
  parser.body_limit(service_->limits.body);
  http::async_read(socket_, incoming_->buffer, parser, [self = shared_from_this()](error_code error, std::size_t) {
    if (!self->socket_.is_open()) return;
    if (error) return self->on_bad_request(error);
    self->on_request();
  });
}

void AdminSession::on_bad_request(error_code error) {
  const bool spoke = error.category() == http::make_error_code(http::error::bad_method).category() &&
                     error != http::error::end_of_stream && error != http::error::partial_message;
  if (!spoke) return close();
  keep_alive_ = false;
  head_only_ = false;
  respond(++requests_, AdminResponse::text(status_of(error), "bad request: " + error.message() + "\n"));
}

void AdminSession::on_request() {
  const ParsedRequest request = incoming_->parser->release();
  const std::uint64_t number = ++requests_;
  answering_ = true;
  keep_alive_ = request.keep_alive();
  head_only_ = request.method() == http::verb::head;
  set_deadline(service_->limits.answer_timeout);
  if (const auto refused = refusal(request, *service_)) return respond(number, *refused);
  if (!known_method(request.method())) return respond(number, AdminResponse::text(405, "GET, HEAD or POST only\n"));
  const auto admin_request = to_admin_request(request);
  if (!admin_request) return respond(number, AdminResponse::text(400, "bad request target\n"));
  const AdminReply reply(std::make_shared<AdminReply::State>(weak_from_this(), service_->loop, number));
  service_->dispatch(*admin_request, reply);
}

void AdminSession::respond(std::uint64_t request, const AdminResponse& response) {
  if (request != requests_ || !socket_.is_open()) return;
  out_ = "HTTP/1.1 " + std::to_string(response.status) + ' ';
  out_ += view(http::obsolete_reason(http::int_to_status(response.status)));
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
    self->wait_for_request();
  });
}

}  // namespace shared

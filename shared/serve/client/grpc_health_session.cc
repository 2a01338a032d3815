#include "shared/serve/client/grpc_health_session.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "shared/core/grpc_health.h"

namespace shared {
namespace {

nghttp2_nv field(std::string_view name, std::string_view value) {
  const auto octets = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));  // the library only reads and copies it
  };
  return {.name = octets(name),
          .value = octets(value),
          .namelen = name.size(),
          .valuelen = value.size(),
          .flags = NGHTTP2_NV_FLAG_NONE};
}

bool is_status(std::string_view text) {
  return !text.empty() && text.size() <= 3 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

struct GrpcHealthSession::Callbacks {
  static GrpcHealthSession& of(void* user) { return *static_cast<GrpcHealthSession*>(user); }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                    const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
    if (frame->hd.stream_id != of(user).id_) return 0;
    of(user).take_field({reinterpret_cast<const char*>(name), name_size},
                        {reinterpret_cast<const char*>(value), value_size});
    return 0;
  }
  static int data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* octets, std::size_t size,
                  void* user) {
    std::string& answer = of(user).answer_;
    if (id == of(user).id_ && answer.size() + size <= kMostOctets) {
      answer.append(reinterpret_cast<const char*>(octets), size);
    }
    return 0;
  }
  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY) of(user).leaving_ = true;
    return 0;
  }
  static int close(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) {
    if (id != of(user).id_) return 0;
    of(user).code_ = code;
    of(user).done_ = true;
    return 0;
  }
  static ssize_t read(nghttp2_session*, std::int32_t, std::uint8_t* out, std::size_t most, std::uint32_t* flags,
                      nghttp2_data_source*, void* user) {
    GrpcHealthSession& self = of(user);
    const std::size_t n = std::min(most, self.request_.size() - self.sent_);
    std::memcpy(out, self.request_.data() + self.sent_, n);
    self.sent_ += n;
    if (self.sent_ == self.request_.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(n);
  }

  Callbacks() {
    nghttp2_session_callbacks_new(&all);
    nghttp2_session_callbacks_set_on_header_callback(all, header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(all, frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(all, close);
  }
  ~Callbacks() { nghttp2_session_callbacks_del(all); }
  Callbacks(const Callbacks&) = delete;
  Callbacks& operator=(const Callbacks&) = delete;

  nghttp2_session_callbacks* all = nullptr;
};

GrpcHealthSession::GrpcHealthSession() {
  static const Callbacks callbacks;
  nghttp2_session* session = nullptr;
  if (nghttp2_session_client_new(&session, callbacks.all, this) != 0) return;
  session_.reset(session);
  const nghttp2_settings_entry no_push{NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
  static_cast<void>(nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, &no_push, 1));
}

void GrpcHealthSession::ask(std::string_view host, std::string_view service, std::string_view scheme) {
  request_ = write_grpc_health_request(service);
  sent_ = 0;
  status_.clear();
  grpc_status_.clear();
  answer_.clear();
  code_ = 0;
  done_ = false;
  const std::array<nghttp2_nv, 7> head{field(":method", "POST"),
                                       field(":scheme", scheme),
                                       field(":authority", host),
                                       field(":path", "/grpc.health.v1.Health/Check"),
                                       field("content-type", "application/grpc"),
                                       field("te", "trailers"),
                                       field("user-agent", "meridian-health")};
  const nghttp2_data_provider body{.source = {}, .read_callback = Callbacks::read};
  id_ = session_ == nullptr ? -1
                            : nghttp2_submit_request(session_.get(), nullptr, head.data(), head.size(), &body, nullptr);
  done_ = id_ < 0;
}

void GrpcHealthSession::gather() {
  const std::uint8_t* octets = nullptr;
  while (session_ != nullptr) {
    const ssize_t size = nghttp2_session_mem_send(session_.get(), &octets);
    if (size <= 0) return;
    out_.append(reinterpret_cast<const char*>(octets), static_cast<std::size_t>(size));
  }
}

std::string GrpcHealthSession::take_output() {
  gather();
  return std::exchange(out_, {});
}

bool GrpcHealthSession::feed(std::string_view octets) {
  if (session_ == nullptr) return false;
  const auto* const data = reinterpret_cast<const std::uint8_t*>(octets.data());
  if (nghttp2_session_mem_recv(session_.get(), data, octets.size()) < 0) return false;
  // Of what breaks its rules the library tells only the server, by a GOAWAY, behind which it reads nothing.
  gather();
  return leaving_ || nghttp2_session_want_read(session_.get()) != 0;
}

void GrpcHealthSession::take_field(std::string_view name, std::string_view value) {
  if (!is_status(value)) return;
  if (name == ":status") status_ = value;
  if (name == "grpc-status") grpc_status_ = value;
}

std::string GrpcHealthSession::verdict() const {
  if (code_ != NGHTTP2_NO_ERROR) return "the call was reset: " + std::string(nghttp2_http2_strerror(code_));
  if (status_ != "200") return "status " + (status_.empty() ? "missing" : status_);
  if (grpc_status_ != "0") return "grpc-status " + (grpc_status_.empty() ? "missing" : grpc_status_);
  const auto serving = read_grpc_health_response(answer_);
  if (!serving) return "malformed answer of grpc.health.v1";
  return *serving == ServingStatus::serving ? std::string() : std::string(name_of(*serving));
}

}  // namespace shared

#include "edge/serve/upstream/h2_client_session.h"

#include <array>
#include <cstdint>

#include "edge/serve/upstream/h2_upstream.h"

namespace edge {
namespace {

// What is on its way on all streams together. It is taken off as it comes, so it costs no memory.
constexpr std::int32_t kConnectionWindow = 4 * 1024 * 1024;

H2Upstream& of(void* user) { return *static_cast<H2Upstream*>(user); }

int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  of(user).begin_head(frame->hd.stream_id);
  return 0;
}

int on_header(nghttp2_session*, const nghttp2_frame* frame, nghttp2_rcbuf* name, nghttp2_rcbuf* value, std::uint8_t,
              void* user) {
  return of(user).take_field(frame->hd.stream_id, h2_text(name), h2_text(value));
}

// What the library would only leave out makes the whole answer malformed (RFC 9113 8.2.1).
int on_invalid_header(nghttp2_session*, const nghttp2_frame*, nghttp2_rcbuf*, nghttp2_rcbuf*, std::uint8_t, void*) {
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* user) { return of(user).begin_frame(*head); }

int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) { return of(user).take_frame(*frame); }

int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size, void* user) {
  of(user).take_data(id, {reinterpret_cast<const char*>(data), size});
  return 0;
}

int on_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  of(user).sent_frame(*frame);
  return 0;
}

int on_not_sent(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
  of(user).not_sent(*frame);
  return 0;
}

int on_close(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) {
  of(user).closed_stream(id, code);
  return 0;
}

int send_data(nghttp2_session*, nghttp2_frame* frame, const std::uint8_t* head, std::size_t size, nghttp2_data_source*,
              void* user) {
  return of(user).put_data({reinterpret_cast<const char*>(head), kH2FrameHead}, size, *frame);
}

struct Callbacks {
  Callbacks() {
    nghttp2_session_callbacks_new(&all);
    nghttp2_session_callbacks_set_on_begin_headers_callback(all, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(all, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback2(all, on_invalid_header);
    nghttp2_session_callbacks_set_on_begin_frame_callback(all, on_begin_frame);
    nghttp2_session_callbacks_set_on_frame_recv_callback(all, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, on_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(all, on_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(all, on_not_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(all, on_close);
    nghttp2_session_callbacks_set_send_data_callback(all, send_data);
    nghttp2_option_new(&options);
    nghttp2_option_set_no_auto_window_update(options, 1);
    nghttp2_option_set_no_closed_streams(options, 1);
  }
  ~Callbacks() {
    nghttp2_session_callbacks_del(all);
    nghttp2_option_del(options);
  }
  Callbacks(const Callbacks&) = delete;
  Callbacks& operator=(const Callbacks&) = delete;

  nghttp2_session_callbacks* all = nullptr;
  nghttp2_option* options = nullptr;
};

}  // namespace

H2Session make_h2_client_session(H2Upstream& connection, const ServerHttp2& settings, const http::HeadLimits& limits) {
  static const Callbacks callbacks;
  nghttp2_mem memory = h2_memory();
  nghttp2_session* session = nullptr;
  if (nghttp2_session_client_new3(&session, callbacks.all, &connection, callbacks.options, &memory) != 0) return {};
  H2Session made(session);
  const std::array<nghttp2_settings_entry, 3> ours{
      nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings.stream_buffer},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.max_head},
  };
  if (nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, ours.data(), ours.size()) != 0) return {};
  if (nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, kConnectionWindow) != 0) return {};
  return made;
}

}  // namespace edge

#include "edge/serve/client/h2_session.h"

#include <array>
#include <string_view>

#include "edge/serve/client/h2_connection.h"

namespace edge {
namespace {

constexpr std::uint32_t kNoLimit = 0x7FFFFFFF;  // see announcement()

H2Connection& of(void* user) { return *static_cast<H2Connection*>(user); }

int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  of(user).begin_head(frame->hd.stream_id, frame->headers.cat == NGHTTP2_HCAT_REQUEST);
  return 0;
}

int on_header(nghttp2_session*, const nghttp2_frame* frame, nghttp2_rcbuf* name, nghttp2_rcbuf* value, std::uint8_t,
              void* user) {
  return of(user).take_field(frame->hd.stream_id, h2_text(name), h2_text(value));
}

// What the library would only leave out makes the whole request malformed (RFC 9113 8.2.1).
int on_invalid_header(nghttp2_session*, const nghttp2_frame*, nghttp2_rcbuf*, nghttp2_rcbuf*, std::uint8_t, void*) {
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* user) { return of(user).begin_frame(*head); }

int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) { return of(user).take_frame(*frame); }

int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size, void* user) {
  of(user).take_data(id, {reinterpret_cast<const char*>(data), size});
  return 0;
}

int on_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) { return of(user).sent_frame(*frame); }

int on_close(nghttp2_session*, std::int32_t id, std::uint32_t, void* user) {
  of(user).closed_stream(id);
  return 0;
}

int send_data(nghttp2_session*, nghttp2_frame* frame, const std::uint8_t* head, std::size_t size,
              nghttp2_data_source* source, void* user) {
  return of(user).put_data({reinterpret_cast<const char*>(head), kH2FrameHead}, size,
                           *static_cast<H2Stream*>(source->ptr), *frame);
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
    nghttp2_session_callbacks_set_on_stream_close_callback(all, on_close);
    nghttp2_session_callbacks_set_send_data_callback(all, send_data);
    nghttp2_option_new(&options);
    nghttp2_option_set_no_auto_window_update(options, 1);
    nghttp2_option_set_no_closed_streams(options, 1);
    nghttp2_option_set_builtin_recv_extension_type(options, NGHTTP2_PRIORITY_UPDATE);
    // Counted with everything else that is odd (abuse_score.h).
    nghttp2_option_set_stream_reset_rate_limit(options, 1'000'000, 1'000'000);
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

H2Session make_h2_session(H2Connection& connection, const Settings& settings) {
  static const Callbacks callbacks;
  H2FrameBuffer::Lent lent(H2FrameBuffer::of_this_thread());  // H2Connection::fill() copies each frame at once
  nghttp2_mem memory = lent.memory();
  nghttp2_session* session = nullptr;
  if (nghttp2_session_server_new3(&session, callbacks.all, &connection, callbacks.options, &memory) != 0) return {};
  H2Session made(session);
  const std::uint32_t window = h2_window(settings.http2);
  const std::array<nghttp2_settings_entry, 5> ours{
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kNoLimit},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window / 2},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings.head_limits.max_head},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  if (nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, ours.data(), ours.size()) != 0) return {};
  if (nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, static_cast<std::int32_t>(window)) != 0) {
    return {};
  }
  return made;
}

std::string announcement(std::string_view frame, const Settings& settings) {
  constexpr std::size_t kHead = 9;
  constexpr std::size_t kEntry = 6;  // RFC 9113 6.5.1: two octets say which, four say how much
  std::string octets(frame);
  for (std::size_t at = kHead; at + kEntry <= octets.size(); at += kEntry) {
    if (octets[at] != 0 || octets[at + 1] != NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS) continue;
    for (std::size_t i = 0; i < 4; ++i)
      octets[at + 2 + i] = static_cast<char>(settings.http2.max_streams >> (24 - 8 * i));
  }
  return octets;
}

}  // namespace edge

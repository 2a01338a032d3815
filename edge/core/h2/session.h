#pragma once
// Session: the server's side of one HTTP/2 connection (RFC 9113) as far as the protocol goes, without any I/O: octets
// that have come go in, and what they mean comes out, event by event. Frames are read and judged here, field blocks
// decoded, windows and the order of sending kept; what is to be said is written by its owner with frame.h and
// encoder(), and told to the session. An idle one holds the two tables of HPACK and little else. Owned by a connection;
// one thread.
//
//   while ((event = session.next(octets)).what != What::more)   what an event points to is valid until the next call
//   What::request  --> accept(stream), or RST_STREAM             head_end follows when its fields have come
//   wants_to_send(stream) --> next_to_send() --> sent_data()     DATA, in its order

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <string_view>

#include "edge/core/h2/field_decoder.h"
#include "edge/core/h2/field_encoder.h"
#include "edge/core/h2/frame.h"
#include "edge/core/h2/frame_reader.h"
#include "edge/core/h2/open_streams.h"
#include "edge/core/h2/past_streams.h"
#include "edge/core/h2/send_order.h"
#include "edge/core/h2/stream.h"

namespace edge::h2 {

enum class What : std::uint8_t {
  more,          // nothing is left to read
  error,         // the connection's end, with GOAWAY (5.4.1)
  stream_error,  // RST_STREAM (5.4.2)
  request,       // a head begins on a new stream
  trailers,      // one begins that ends a stream
  continuation,  // another fragment of a head
  field,         // of the stream's head or trailers
  head_end,      // they are whole
  data,
  reset,  // the peer's; the stream is closed
  settings,
  settings_ack,
  ping,
  ping_ack,
  goaway,
  priority,
  window_update,
};

struct Event {
  What what = What::more;
  Error error = Error::none;
  bool ends = false;       // the peer's side of the stream, with this: head_end, data
  bool empty = false;      // DATA that has none and ends nothing
  std::uint8_t known = 0;  // of a field: see FieldDecoder::Got
  std::int32_t id = 0;
  Stream* stream = nullptr;  // null: not accepted, or over
  FieldPair field{};
  std::string_view octets{};  // of DATA or PING
};

class Session {
 public:
  // `window`: octets that may come and not be consumed; a stream may use a half of them.
  Session(std::pmr::memory_resource& memory, std::uint32_t window);

  [[nodiscard]] Event next(std::string_view& octets);
  // A field block has begun and its end has not come.
  [[nodiscard]] bool in_block() const { return reader_.in_block(); }

  // REQUIRES: next() has just said `request`, of this id.
  void accept(Stream& stream);
  // It is reset, or nobody's any more.
  void close(Stream& stream);
  // The Priority field of its request (RFC 9218 5).
  void take_priority_field(Stream& stream, std::string_view value);
  [[nodiscard]] std::int32_t last_accepted() const { return last_accepted_; }

  // No stream more is let in: GOAWAY has been sent with the last one's number.
  void refuse_more() { no_more_ = true; }
  // Nothing is left to come or to be sent.
  [[nodiscard]] bool over() const { return (no_more_ || goaway_came_) && streams_.empty(); }

  // Nothing of ours is on its way: what the peer goes by is what it was told last (6.5.3).
  [[nodiscard]] bool settings_known() const { return !unanswered_; }
  // SETTINGS go out once more. REQUIRES: settings_known().
  void tell_settings() { unanswered_ = true; }

  [[nodiscard]] FieldEncoder& encoder() { return encoder_; }

  void wants_to_send(Stream& stream);
  [[nodiscard]] Stream* next_to_send() const { return order_.first(); }
  // Octets of DATA that may be sent on it at once.
  [[nodiscard]] std::size_t room(const Stream& stream) const;
  // Its turn has come in vain: it has nothing to send now; or its window, not the connection's, has no room.
  void pause(Stream& stream) { order_.remove(stream); }
  [[nodiscard]] bool starve(Stream& stream);
  void sent_data(Stream& stream, std::size_t n, bool ends);
  void sent_end(Stream& stream);

  // Octets of DATA that have come may come again, on the connection or on a stream as well. Both of the second kind
  // give what a WINDOW_UPDATE is due for; 0: none yet.
  void consumed(std::size_t n) { consumed_ += static_cast<std::int64_t>(n); }
  [[nodiscard]] std::uint32_t take_increment();
  [[nodiscard]] std::uint32_t consumed(Stream& stream, std::size_t n);

  // Octets that are held beside this object.
  [[nodiscard]] std::size_t memory() const;

 private:
  // Priorities of streams to come, the last few of them.
  struct Updates {
    struct Update {
      std::int32_t id = 0;
      Priority priority;
    };
    std::array<Update, 4> of{};
    std::uint8_t at = 0;
  };
  [[nodiscard]] static Event fail(Error error) { return {.what = What::error, .error = error}; }
  [[nodiscard]] static Event fail(std::int32_t id, Stream* stream, Error error) {
    return {.what = What::stream_error, .error = error, .id = id, .stream = stream};
  }
  [[nodiscard]] bool next_field(Event& event);
  [[nodiscard]] bool take(const FrameReader::Frame& frame, Event& event);
  [[nodiscard]] Event begin_head(const FrameReader::Frame& frame);
  [[nodiscard]] Event begin_request(std::int32_t id);
  [[nodiscard]] Event begin_data(const FrameReader::Frame& frame);
  [[nodiscard]] Event take_data(const FrameReader::Frame& frame);
  [[nodiscard]] Event take_reset(const FrameReader::Frame& frame);
  [[nodiscard]] Event take_settings(const FrameReader::Frame& frame);
  [[nodiscard]] Error take_setting(std::uint32_t setting, std::uint32_t value);
  [[nodiscard]] Error set_initial_window(std::uint32_t value);
  [[nodiscard]] Event take_window_update(const FrameReader::Frame& frame);
  [[nodiscard]] Event take_priority_update(const FrameReader::Frame& frame);
  void prioritize(Stream& stream, Priority priority);
  void take_updates(Stream& stream);
  [[nodiscard]] Error look_back(std::int32_t id) const;
  [[nodiscard]] bool idle(std::int32_t id) const { return id % 2 == 0 || id > newest_; }

  FrameReader reader_;
  FieldDecoder decoder_;
  FieldEncoder encoder_;
  SendOrder order_;
  PastStreams past_;
  OpenStreams streams_;
  std::unique_ptr<Updates> updates_;  // null: there were none
  Stream* head_ = nullptr;            // whose block is read; null: nobody's
  Stream* data_ = nullptr;            // likewise
  std::int64_t consumed_ = 0;         // of what has come on the connection, not told yet
  std::int32_t window_;               // of the connection, when nothing waits
  std::int32_t receive_window_;
  std::int32_t send_window_ = kFirstWindow;
  std::int32_t first_send_window_ = kFirstWindow;
  std::int32_t head_id_ = 0;
  std::int32_t newest_ = 0;  // stream of the peer's
  std::int32_t last_accepted_ = 0;
  bool fields_ = false;        // next_field() has something to read
  bool head_ends_ = false;     // END_STREAM
  bool acknowledged_ = false;  // our first SETTINGS
  bool unanswered_ = true;     // the last of them
  bool no_more_ = false;
  bool goaway_came_ = false;
  bool priorities_known_ = false;  // SETTINGS_NO_RFC7540_PRIORITIES has come, which may not change
  bool no_priorities_ = false;
  bool connects_ = false;  // SETTINGS_ENABLE_CONNECT_PROTOCOL, likewise
};

}  // namespace edge::h2

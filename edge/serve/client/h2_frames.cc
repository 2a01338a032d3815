// What an H2Connection makes of the events that its session tells of, and what it says itself.

#include <algorithm>
#include <array>
#include <utility>

#include "edge/serve/client/h2_connection.h"

namespace edge {
namespace {

constexpr std::uint32_t kMostReplies = 1000;  // to who sends PING or SETTINGS and takes nothing

}  // namespace

void H2Connection::take(const h2::Event& event) {
  auto* const stream = static_cast<H2Stream*>(event.stream);
  switch (event.what) {
    case h2::What::error:
      return stop(Stop::told, event.error);
    case h2::What::stream_error:
      return reset(*stream, event.error);
    case h2::What::request:
      return begin_request(event.id);
    case h2::What::field:
      return take_field(*stream, event);
    case h2::What::head_end:
      head_began_ = {};
      if (stream != nullptr) take_head(*stream, event.ends);
      return;
    case h2::What::data:
      return take_data(stream, event);
    case h2::What::reset:
      return take_reset(stream);
    case h2::What::settings:
      reply(h2::octets_of(h2::settings_ack()));
      return judge(Oddity::settings);
    case h2::What::ping:
      reply(h2::octets_of(h2::ping(event.octets, h2::kAck)));
      return judge(Oddity::ping);
    case h2::What::ping_ack:
      if (shutting_down_) finish_shutdown();
      return;
    case h2::What::continuation:
      return judge(Oddity::continuation);
    case h2::What::priority:
      return judge(Oddity::priority);
    case h2::What::window_update:
      return judge(Oddity::window_update);
    case h2::What::settings_ack:
      old_streams_ = 0;
      return;
    case h2::What::more:
    case h2::What::trailers:
    case h2::What::goaway:
      return;
  }
}

// A limit that a reload has changed is told when it matters, and the one before it counts, if it is higher, until the
// client says that it has heard: what it opens until then is no fault of its own (RFC 9113 5.1.2, 6.5.3). Who never
// says so has the time that a head has; then the limit is what it is.
std::uint32_t H2Connection::most_streams() {
  const Settings& now = settings();
  const std::uint32_t most = now.http2.max_streams;
  if (most != told_streams_ && session_.settings_known()) {
    old_streams_ = std::exchange(told_streams_, most);
    told_at_ = context_.now();
    const std::array ours{h2::SettingValue{h2::Setting::max_concurrent_streams, most}};
    say(h2::octets_of(h2::settings(ours)));
    session_.tell_settings();
  }
  if (!session_.settings_known() && told_at_ + now.timeouts.head <= context_.now()) return most;
  return std::max(told_streams_, old_streams_);
}

// A stream that its client has reset counts until its request's work here is over.
void H2Connection::begin_request(std::int32_t id) {
  const Settings& now = settings();
  if (count_ >= most_streams() || held_ > now.http2.max_buffer) {
    say_reset(id, h2::Error::refused_stream);
    context_.counters.h2_refused_streams.add();
    return judge(Oddity::refused_stream);
  }
  if (streams_ == nullptr) {
    window_began_ = context_.now();
    window_octets_ = moved_;
  }
  H2Stream& stream = *new H2Stream(*this, context_, id);  // until destroy()
  stream.after = std::exchange(streams_, &stream);
  if (stream.after != nullptr) stream.after->before = &stream;
  ++count_;
  held_ += stream.held();
  session_.accept(stream);
  context_.counters.h2_streams.add();
  context_.counters.h2_streams_open.add();
}

void H2Connection::take_field(H2Stream& stream, const h2::Event& event) {
  const h2::FieldPair& field = event.field;
  if (stream.head_read()) {
    if (!stream.take_trailer(field.name, field.value)) reset(stream, h2::Error::protocol);
    return;
  }
  const std::size_t before = stream.held();
  const http::HeadLimits& limits = settings().head_limits;
  const http::FieldId id = h2::field_id_at(event.known);
  const H2Request::Taken taken = id != http::FieldId::other
                                     ? stream.request().add(http::Field{field.name, field.value, id}, limits)
                                     : stream.request().add(field.name, field.value, limits);
  held_ += stream.held() - before;
  if (taken == H2Request::Taken::malformed) return reset(stream, h2::Error::protocol);
  if (taken == H2Request::Taken::too_much) return stop(Stop::told, h2::Error::enhance_your_calm);
  if (field.name == "priority") session_.take_priority_field(stream, field.value);
}

void H2Connection::take_head(H2Stream& stream, bool ends) {
  if (stream.head_read()) {
    if (ends) stream.end_request();
    return ready(stream);
  }
  if (!stream.request().well_formed(ends)) return reset(stream, h2::Error::protocol);
  if (const auto length = stream.request().content_length()) stream.expect(*length);
  const std::size_t before = stream.held();
  stream.take_head(ends);
  first_ = false;
  held_ += stream.held() - before;
  ++running_;
  stand();
  ready(stream);
}

void H2Connection::take_data(H2Stream* stream, const h2::Event& event) {
  if (event.empty) judge(Oddity::empty_frame);
  if (!event.octets.empty()) abuse_.moved();
  if (stream == nullptr) return session_.consumed(event.octets.size());
  if (!event.octets.empty()) stream->take_data(event.octets);
  if (event.ends) stream->end_request();
  if (!event.octets.empty() || event.ends) ready(*stream);
}

void H2Connection::take_reset(H2Stream* stream) {
  context_.counters.h2_resets_received.add();
  if (stream != nullptr) let_go(*stream);
  judge(Oddity::peer_reset);
}

void H2Connection::reset(H2Stream& stream, h2::Error error) {
  say_reset(stream.id(), error);
  session_.close(stream);
  let_go(stream);
}

// One whose head never came whole has nobody to serve it.
void H2Connection::let_go(H2Stream& stream) {
  if (stream.head_read()) {
    ready(stream);
  } else {
    finished(stream);
  }
}

// At the soft limit no stream more is taken; those that run are served. At the hard one it is over.
void H2Connection::judge(Oddity oddity) {
  const AbuseScore::Level level = abuse_.add(oddity, context_.now());
  if (level == AbuseScore::Level::fine || stop_ == Stop::now) return;
  if (level == AbuseScore::Level::hard) {
    context_.counters.h2_abusers.add();
    return stop(Stop::now, h2::Error::enhance_your_calm);
  }
  if (std::exchange(told_last_, true)) return;
  shutting_down_ = true;
  shutdown_due_ = shared::TimePoint::max();
  session_.refuse_more();
  say_goaway(session_.last_accepted(), h2::Error::enhance_your_calm);
}

void H2Connection::say(std::string_view frame) {
  if (silent_) return;
  out().append(frame);
  want_write();
}

void H2Connection::reply(std::string_view frame) {
  if (out().empty()) replies_ = 0;
  if (++replies_ > kMostReplies) return stop(Stop::told, h2::Error::enhance_your_calm);
  say(frame);
}

// What was not the client's doing does not count against it, nor what has been counted.
void H2Connection::say_reset(std::int32_t id, h2::Error error) {
  say(h2::octets_of(h2::rst_stream(id, error)));
  context_.counters.h2_resets_sent.add();
  const bool ours = error == h2::Error::none || error == h2::Error::internal || error == h2::Error::refused_stream ||
                    error == h2::Error::connect;
  if (!ours) judge(Oddity::caused_reset);
}

// The first step of a shutdown is none yet.
void H2Connection::say_goaway(std::int32_t last, h2::Error error) {
  say(h2::octets_of(h2::goaway(last, error)));
  Counters& counters = context_.counters;
  if (error == h2::Error::enhance_your_calm) {
    counters.h2_goaways_calm.add();
  } else if (error != h2::Error::none) {
    counters.h2_goaways_error.add();
  } else {
    counters.h2_goaways_graceful.add();
  }
}

}  // namespace edge

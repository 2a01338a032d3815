#include "edge/serve/upstream/h2_upstream_stream.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "edge/core/message/grpc.h"
#include "edge/core/message/h2_field.h"
#include "edge/core/message/h2_response.h"
#include "edge/serve/upstream/h2_upstream.h"
#include "shared/http/chunked.h"

namespace edge {
namespace {

// The stream is asked for by its number: it may be gone before the library is.
ssize_t read_data(nghttp2_session*, std::int32_t id, std::uint8_t*, std::size_t most, std::uint32_t* flags,
                  nghttp2_data_source* source, void*) {
  return static_cast<H2Upstream*>(source->ptr)->offer(id, most, *flags);
}

}  // namespace

H2UpstreamStream::H2UpstreamStream(H2Upstream& connection, Waiter& waiter)
    : connection_(&connection), waiter_(waiter), reused_(connection.stands()) {
  if (connection.over()) {
    lose(connection.error());
  } else {
    connection.attach(*this);
  }
}

H2UpstreamStream::~H2UpstreamStream() {
  if (connection_ == nullptr) return;
  H2Upstream& connection = *std::exchange(connection_, nullptr);
  connection.detach(*this);
}

H2UpstreamStream::State H2UpstreamStream::state() const {
  if (connection_ == nullptr || closed_) return State::failed;
  if (!connection_->stands()) return State::waiting;
  return connection_->admits() ? State::ready : State::crowded;
}

void H2UpstreamStream::begin(std::span<char> head, bool bare, Trailers trailers) {
  trailers_wanted_ = trailers;
  ending_ = bare;
  submit(head);
}

bool H2UpstreamStream::may_tunnel() const { return connection_->takes_tunnels(); }

void H2UpstreamStream::begin_tunnel(std::span<char> head, std::string_view accept) {
  tunnel_ = Tunnel::asked;
  accept_ = accept;
  submit(head);
}

// HTTP/2 needs no key (RFC 8441 5): the answer to the one in the head is ours. Nor has a tunnel a length, be it none:
// its first octet would make the request malformed (RFC 9113 8.1.1).
void H2UpstreamStream::submit(std::span<char> head) {
  const bool tunnels = tunnel_ != Tunnel::none;
  const H2RequestHead split = split_request(head);
  H2Fields fields;
  fields.push(":method", tunnels ? std::string_view("CONNECT") : split.method);
  if (tunnels) fields.push(":protocol", "websocket");
  fields.push(":scheme", connection_->scheme());
  fields.push(":authority", split.authority);
  fields.push(":path", split.path);
  for_each_h2_field(split.lines, [&](std::string_view name, std::string_view value) {
    if (!tunnels || (name != "sec-websocket-key" && name != "content-length")) fields.push(name, value);
  });
  const nghttp2_data_provider body{.source = {.ptr = connection_}, .read_callback = read_data};
  id_ = nghttp2_submit_request(connection_->session(), nullptr, fields.all.data(), fields.count,
                               ending_ ? nullptr : &body, this);
  if (id_ < 0) {  // the numbers are used up, or there is no memory
    id_ = 0;
    unprocessed_ = closed_ = true;
    return fail(ErrorKind::upstream_reset, "no stream left on the upstream connection");
  }
  connection_->begun();
  connection_->want_write();
}

void H2UpstreamStream::doubt() {
  if (connection_ != nullptr && !answered_) connection_->doubt();
}

void H2UpstreamStream::fail(ErrorKind kind, std::string_view detail) {
  if (error_.detail.empty()) error_ = {.kind = kind, .side = Side::upstream, .detail = detail};
}

std::size_t H2UpstreamStream::write(std::string_view data) {
  if (failed() || data.empty() || ending_) return 0;
  const std::size_t n = std::min(data.size(), room());
  wish_ = n < data.size();
  if (n == 0) return 0;
  out_.append(data.substr(0, n));
  if (std::exchange(deferred_, false)) static_cast<void>(nghttp2_session_resume_data(connection_->session(), id_));
  connection_->want_write();
  return n;
}

// Whoever is told to wait for the last octets wants to hear that they are out: his time for the answer begins then.
void H2UpstreamStream::end(std::string_view trailers) {
  wish_ = !out_.empty();
  if (ending_ || tunnel_ == Tunnel::asked) return;
  ending_ = true;
  if (closed_ || connection_ == nullptr) return;
  trailers_out_ = trailers;
  if (std::exchange(deferred_, false)) static_cast<void>(nghttp2_session_resume_data(connection_->session(), id_));
  connection_->want_write();
}

// What the connection has taken over counts as sent, but for what the server's window still holds back.
Sent H2UpstreamStream::flush() const {
  if (failed()) return Sent::failed;
  return ending_ && !out_.empty() ? Sent::blocked : Sent::all;
}

bool H2UpstreamStream::take_head(http::ResponseHead& head) {
  taken_ = std::move(heads_.front());
  heads_.pop_front();
  head_octets_ -= taken_.octets();
  if (tunnel_ == Tunnel::asked && taken_.success()) {
    tunnel_ = Tunnel::open;
    taken_.switch_protocols(accept_);
  }
  return taken_.finish(head);
}

bool H2UpstreamStream::ends_well() const { return tunnel_ != Tunnel::none && ended_in_ && out_.empty(); }

BodyPiece H2UpstreamStream::peek() {
  if (!in_.empty()) return {.state = BodyState::data, .data = in_.view()};
  if (ended_in_) return {.state = BodyState::end, .data = {}};
  return {.state = closed_ ? BodyState::failed : BodyState::wait, .data = {}};
}

void H2UpstreamStream::consume(std::size_t n) {
  if (n == 0) return;
  in_.consume(n);
  if (in_.empty()) in_.clear();
  if (closed_ || ended_in_ || connection_ == nullptr) return;
  static_cast<void>(nghttp2_session_consume_stream(connection_->session(), id_, n));
  connection_->want_write();
}

void H2UpstreamStream::begin_head() {
  answered_ = true;
  if (!final_) growing_ = H2Answer();
}

int H2UpstreamStream::take_field(std::string_view name, std::string_view value, const http::HeadLimits& limits) {
  if (final_) {
    const bool fits = trailers_in_.size() + name.size() + value.size() <= http::ChunkDecoder::kMaxTrailers;
    if (!fits || !is_h2_name(name) || !is_h2_value(value)) {
      fail(ErrorKind::bad_response, "bad trailers from the upstream");
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    const bool of_a_call = trailers_wanted_ == Trailers::of_a_call && grpc_trailer_allowed(name);
    if (of_a_call || http::trailer_allowed(name)) trailers_in_.append(name).append(": ").append(value).append("\r\n");
    return 0;
  }
  if (tunnel_ == Tunnel::asked && name == "content-length") {
    // That it is a number the library has seen.
    std::from_chars(value.data(), value.data() + value.size(), length_.emplace());
  }
  switch (growing_.add(name, value, limits)) {
    case H2Answer::Taken::yes:
      return 0;
    case H2Answer::Taken::too_much:
      fail(ErrorKind::bad_response, "response head over the limit");
      break;
    case H2Answer::Taken::malformed:
      fail(ErrorKind::bad_response, "malformed response head");
      break;
  }
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

bool H2UpstreamStream::take_head_end() {
  if (final_) return true;
  final_ = !growing_.interim();
  if (growing_.success() || growing_.status() == 304) length_.reset();
  head_octets_ += growing_.octets();
  heads_.push_back(std::exchange(growing_, H2Answer()));
  if (heads_.size() <= kMostHeads && head_octets_ <= kMostHeadOctets + heads_.back().octets()) return true;
  fail(ErrorKind::bad_response, "too many interim answers");
  return false;
}

// Behind a body of another length than the head has told a client of HTTP/1 would look for the next answer in the wrong
// place.
bool H2UpstreamStream::misfit() {
  misfit_ = true;
  fail(ErrorKind::bad_response, "response body of another length than announced");
  return false;
}

bool H2UpstreamStream::take_data(std::string_view data) {
  if (misfit_) return true;
  received_ += data.size();
  if (length_ && received_ > *length_) return misfit();
  in_.append(data);
  return true;
}

bool H2UpstreamStream::end_answer() {
  if (misfit_) return true;
  if (length_ && received_ != *length_) return misfit();
  ended_in_ = true;
  return true;
}

void H2UpstreamStream::sent(std::size_t octets, bool ended) {
  octets_sent_ += octets;
  head_sent_ = true;
  ended_out_ = ended_out_ || ended;
}

// With the library's code REFUSED_STREAM stand both the server's and what a GOAWAY has left out.
void H2UpstreamStream::close(std::uint32_t code) {
  closed_ = true;
  if (ended_in_) return;
  if (code == NGHTTP2_REFUSED_STREAM && !final_) {
    unprocessed_ = true;
    return fail(ErrorKind::upstream_reset, "upstream did not process the request");
  }
  if (reset_) return fail(ErrorKind::upstream_reset, "upstream reset the stream");
  fail(ErrorKind::bad_response, "upstream broke the protocol of HTTP/2");
}

void H2UpstreamStream::not_sent() {
  closed_ = unprocessed_ = true;
  fail(ErrorKind::upstream_reset, "upstream connection took no more requests");
}

void H2UpstreamStream::lose(const Error& why) {
  connection_ = nullptr;
  if (closed_) return;
  closed_ = true;
  unprocessed_ = !head_sent_;
  if (error_.detail.empty()) error_ = why;
}

ssize_t H2UpstreamStream::offer(std::size_t most, std::uint32_t& flags) {
  const std::size_t n = std::min(most, out_.size());
  if (n == 0 && !ending_) {
    deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (n < out_.size() || !ending_) return static_cast<ssize_t>(n);
  flags |= NGHTTP2_DATA_FLAG_EOF;
  if (!trailers_out_.empty()) {
    flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    submit_trailers();
  }
  return static_cast<ssize_t>(n);
}

void H2UpstreamStream::submit_trailers() {
  H2Fields fields;
  for_each_h2_field(std::span(trailers_out_),
                    [&](std::string_view name, std::string_view value) { fields.push(name, value); });
  static_cast<void>(nghttp2_submit_trailer(connection_->session(), id_, fields.all.data(), fields.count));
}

}  // namespace edge

#include "edge/serve/request/compressing_sink.h"

#include <algorithm>
#include <optional>

#include "shared/core/ascii.h"

namespace edge {
namespace {

constexpr std::string_view kVaries = "Accept-Encoding";

bool lists(std::string_view list, std::string_view name) {
  bool found = false;
  http::for_each_element(list, [&](std::string_view element) {
    found = found || element == "*" || shared::equals_ignoring_case(element, name);
  });
  return found;
}

bool already_varies(const http::FieldList& fields) {
  return std::ranges::any_of(
      fields, [](const http::Field& field) { return field.id == http::FieldId::vary && lists(field.value, kVaries); });
}

bool push_field(http::FieldList& fields, http::FieldId id, std::string_view value) {
  return fields.push({.name = http::canonical_name(id), .value = value, .id = id});
}

}  // namespace

CompressingSink::~CompressingSink() { close_encoder(); }

void CompressingSink::close_encoder() {
  if (encoder_ != nullptr) counters_.encoding_open.subtract();
  encoder_.reset();
}

void CompressingSink::start(const http::ResponseHead& head, const http::ResponseFraming& framing,
                            const HeaderRules& rules) {
  CompressionRuling ruling = rule_compression(settings_, request_, head, framing);
  if (!ruling.varies && !ruling.weakens) return below_.start(head, framing, rules);
  http::ResponseFraming changed = framing;
  if (ruling.coding != Coding::identity && !begin(framing, ruling)) {
    ruling.coding = Coding::identity;
    ruling.weakens = false;
  }
  if (!change(head, ruling)) {
    // A head with as many fields as fit: nothing can be said of a coding.
    close_encoder();
    return below_.start(head, framing, rules);
  }
  if (encoder_ != nullptr) changed.body = {.kind = http::BodyKind::chunked, .length = 0};
  below_.start(*head_, changed, rules);
}

// True: the answer is encoded; to HEAD there is nothing to encode, and the head is the same.
bool CompressingSink::begin(const http::ResponseFraming& framing, const CompressionRuling& ruling) {
  if (framing.body.kind == http::BodyKind::none) return true;
  if (counters_.encoding_open.read() >= kMaxOpen) {
    counters_.encoding_refused.add();
    return false;
  }
  const bool sized = framing.body.kind == http::BodyKind::length;
  encoder_ = encoders_.make(ruling.coding, settings_.levels, sized ? std::optional(framing.body.length) : std::nullopt);
  if (encoder_ == nullptr) return false;
  counters_.encoding_open.add();
  counters_.encoded[static_cast<std::size_t>(ruling.coding)].add();
  return true;
}

// Into head_: without what is true of the octets as they were. False: there is no room.
bool CompressingSink::change(const http::ResponseHead& head, const CompressionRuling& ruling) {
  head_ = std::make_unique<http::ResponseHead>();
  head_->status = head.status;
  head_->version = head.version;
  head_->reason = head.reason;
  const bool encoded = ruling.coding != Coding::identity;
  bool fits = true;
  for (const http::Field& field : head.fields) {
    http::Field copy = field;
    if (encoded && (field.id == http::FieldId::content_length || field.id == http::FieldId::content_encoding)) continue;
    if (encoded && shared::equals_ignoring_case(field.name, "Accept-Ranges")) continue;
    if (ruling.weakens && field.id == http::FieldId::etag && field.value.starts_with('"')) {
      etag_ = "W/" + std::string(field.value);
      copy.value = etag_;
    }
    fits = fits && head_->fields.push(copy);
  }
  if (encoded) fits = fits && push_field(head_->fields, http::FieldId::content_encoding, coding_name(ruling.coding));
  if (ruling.varies && !already_varies(head.fields)) {
    fits = fits && push_field(head_->fields, http::FieldId::vary, kVaries);
  }
  return fits;
}

// Enough for this turn of the worker.
bool CompressingSink::rests() {
  const shared::TimePoint now = waiter_.loop().now();
  if (now != turn_) {
    turn_ = now;
    taken_ = 0;
  }
  resting_ = taken_ >= kShare;
  if (resting_) waiter_.wake_soon();
  return resting_;
}

void CompressingSink::encode(std::string_view data, Encoder::Then then) {
  const std::size_t before = pending_.size();
  if (!encoder_->encode(data, then, pending_)) {
    failed_ = true;
    below_.cut();
  }
  unflushed_ = then == Encoder::Then::more;
  taken_ += data.size();
  counters_.encoding_in.add(data.size());
  counters_.encoding_out.add(pending_.size() - before);
}

// True: nothing is pending.
bool CompressingSink::push() {
  const std::string_view rest = std::string_view(pending_).substr(pending_begin_);
  if (rest.empty()) return true;
  pending_begin_ += below_.write(rest);
  if (pending_begin_ < pending_.size()) return false;
  pending_.clear();
  pending_begin_ = 0;
  return true;
}

std::size_t CompressingSink::write(std::string_view data) {
  if (encoder_ == nullptr) return below_.write(data);
  std::size_t taken = 0;
  while (taken < data.size() && !failed() && push() && !rests()) {
    const std::string_view slice = data.substr(taken, kSlice);
    encode(slice, Encoder::Then::more);
    taken += slice.size();
  }
  return taken;
}

void CompressingSink::end(std::string_view trailers) {
  if (encoder_ == nullptr) return below_.end(trailers);
  if (ending_) return;
  ending_ = true;
  trailers_ = trailers;
  if (!failed()) encode({}, Encoder::Then::end);
}

Sent CompressingSink::flush() {
  if (encoder_ == nullptr) return below_.flush();
  if (unflushed_ && !ending_ && !failed()) encode({}, Encoder::Then::flush);
  while (!failed() && !push()) {
    const std::size_t before = pending_begin_;
    const Sent sent = below_.flush();
    if (sent != Sent::all) return sent;
    if (!push() && pending_begin_ == before) return Sent::blocked;
  }
  if (failed()) return Sent::failed;
  if (ending_ && !ended_) {
    ended_ = true;
    below_.end(trailers_);
  }
  return below_.flush();
}

}  // namespace edge

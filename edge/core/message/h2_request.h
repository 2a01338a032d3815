#pragma once
// H2Request: a request's head as HTTP/2 sends it, field by field, made into the RequestHead that HTTP/1 has, under the
// same limits: routing, lists and the log see one shape. What RFC 9113 8.1.1 to 8.3.1 call malformed is found here:
// what goes on towards HTTP/1 servers must not hold a line's end. Cookie crumbs are joined (8.2.3). A CONNECT for a
// WebSocket (RFC 8441) becomes the GET with Upgrade that it is in HTTP/1. Owned by a stream; one thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "shared/http/framing.h"
#include "shared/http/head.h"

namespace edge {

class H2Request {
 public:
  enum class Taken : std::uint8_t {
    yes,
    malformed,  // a stream error, PROTOCOL_ERROR
    too_much,   // far over the limits: no honest client's
  };

  // What is over a limit is counted and not kept.
  [[nodiscard]] Taken add(std::string_view name, std::string_view value, const http::HeadLimits& limits);
  // A field whose name is known to be one, and `field.id` its own.
  [[nodiscard]] Taken add(const http::Field& field, const http::HeadLimits& limits);

  // A CONNECT with :protocol, whatever that is.
  [[nodiscard]] bool extended_connect() const { return protocol_.size != 0; }

  // After the last field: it has the pseudo-fields that a request has (8.3.1), and its length is none if it has
  // `ended`.
  [[nodiscard]] bool well_formed(bool ended) const;
  // What the octets of its content must come to; a tunnel's are not counted (8.5).
  [[nodiscard]] std::optional<std::uint64_t> content_length() const;

  // After the last field; `key` is the Sec-WebSocket-Key of an extended_connect() and else not looked at. Views of
  // `head` point into this, and stay as long as it does. A refusal has the status to answer with.
  [[nodiscard]] http::Checked<http::RequestFraming> finish(const http::HeadLimits& limits, std::uint64_t max_body,
                                                           bool ended, std::string_view key, http::RequestHead& head);

  // That it holds beside itself, and in itself of text.
  [[nodiscard]] std::size_t octets() const { return capacity_ + cookies_.capacity(); }
  // Known before the end: whether an answer has a body.
  [[nodiscard]] http::Method method() const { return http::method_of(view(method_)); }

 private:
  static constexpr std::size_t kOverhead = 32;  // octets of a field in the list's size (RFC 9113 6.5.2)
  static constexpr std::size_t kFar = 4;        // times a limit

  static constexpr std::size_t kFirst = 512;  // octets of text, which most heads have room in

  // Before a field's name and value in the text.
  struct Line {
    std::uint32_t name = 0;
    std::uint32_t value = 0;
    http::FieldId id = http::FieldId::other;
  };
  struct Piece {
    std::uint32_t at = 0;
    std::uint32_t size = 0;
  };

  [[nodiscard]] std::string_view view(Piece piece) const { return {text() + piece.at, piece.size}; }
  [[nodiscard]] const char* text() const { return more_ ? more_.get() : first_.data(); }
  [[nodiscard]] char* grow(std::size_t n);
  Piece keep(std::string_view octets);
  [[nodiscard]] bool counts(std::string_view name, std::string_view value, const http::HeadLimits& limits);
  Taken add_pseudo(std::string_view name, std::string_view value);
  [[nodiscard]] Piece* place_of(std::string_view pseudo);
  Taken add_field(const http::Field& field);
  [[nodiscard]] bool takes(const http::Field& field);
  void add_cookie(std::string_view value);
  void add_line(std::string_view name, std::string_view value, http::FieldId id);
  void settle_host();
  [[nodiscard]] std::optional<http::Refusal> read_start(const http::HeadLimits& limits, http::RequestHead& head) const;
  [[nodiscard]] std::optional<http::Refusal> read_lines(const http::HeadLimits& limits, http::RequestHead& head) const;
  [[nodiscard]] std::optional<http::Refusal> check_extended(const http::RequestHead& head) const;
  void add_upgrade(std::string_view key);

  // Pseudo-fields' values, then the others as lines.
  std::array<char, kFirst> first_;
  std::unique_ptr<char[]> more_;  // in place of the former
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = kFirst;
  std::string cookies_;  // "a=1; b=2"
  Piece method_, scheme_, authority_, path_, protocol_, host_;
  std::uint32_t lines_ = 0;  // where they begin
  std::uint32_t lines_end_ = 0;
  std::size_t list_size_ = 0;
  std::size_t fields_ = 0;
  std::int64_t length_ = -1;  // Content-Length; -1: none
  bool others_ = false;       // a field that is no pseudo-field has come
  bool cookie_ = false;
  bool host_seen_ = false;
  bool authority_seen_ = false;
  bool over_ = false;
  bool twin_ = false;  // a name that others may read as that of a framing field
};

}  // namespace edge

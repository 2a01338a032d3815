#pragma once
// Request and BodyReader: as much HTTP/1.1 as the test backend needs to read what a proxy sends it: a head that is
// complete in one piece, then a body by Content-Length or in chunks, in any pieces. It trusts its peer: it is a test
// tool, and no example of strict framing. Owned by one connection, one thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace backend {

struct Field {
  std::string_view name;
  std::string_view value;
};

// The views point into `head`, so a Request is neither copied nor moved once it is parsed.
struct Request {
  std::string head;  // request line and fields with the empty line
  std::string_view method;
  std::string_view target;
  std::vector<Field> fields;
  std::uint64_t length = 0;
  bool chunked = false;
  bool keep_alive = true;
  bool expects_continue = false;

  [[nodiscard]] std::string_view path() const;
  [[nodiscard]] std::string_view field(std::string_view name) const;  // first of that name, empty if none
  [[nodiscard]] std::optional<std::string_view> query(std::string_view name) const;
  [[nodiscard]] std::uint64_t query_number(std::string_view name, std::uint64_t absent) const;
  [[nodiscard]] bool has_body() const { return chunked || length > 0; }
};

enum class HeadState { incomplete, complete, bad };

// Takes the head off the front of `input` into `request`.
[[nodiscard]] HeadState take_head(std::string& input, Request& request);

// Cuts a body out of a stream of bytes.
class BodyReader {
 public:
  enum class State { more, done, bad };

  void start(const Request& request);
  // Removes from the front of `input` what belongs to the body and appends the payload to `payload`.
  [[nodiscard]] State take(std::string& input, std::string& payload);

 private:
  enum class Part { size_line, data, data_end, trailers };

  [[nodiscard]] State take_chunked(std::string& input, std::string& payload);
  [[nodiscard]] std::optional<State> take_line(std::string_view line);

  bool chunked_ = false;
  Part part_ = Part::size_line;
  std::uint64_t left_ = 0;  // bytes of the body, or of the present chunk, that are still to come
};

[[nodiscard]] bool same_name(std::string_view one, std::string_view other);  // field names: without case
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text, int base = 10);
[[nodiscard]] std::optional<std::uint64_t> parse_milliseconds(std::string_view text);  // "20ms", "2s", "20"

}  // namespace backend

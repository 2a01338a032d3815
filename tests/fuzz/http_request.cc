// Whatever comes to the admin port: reading requests is safe and bounded, what they come to does not depend on how the
// octets were cut, and a target that is taken is written as one that reads the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "shared/http/origin_form.h"
#include "shared/http/request_reader.h"

namespace {

using State = http::RequestReader::State;

constexpr http::RequestLimits kLimits{.head = 512, .body = 256};

void require(bool condition) {
  if (!condition) std::abort();
}

void check_target(std::string_view target) {
  const auto read = http::parse_origin_form(target);
  if (read) require(http::parse_origin_form(http::write_origin_form(*read)) == read);
}

// The requests that were taken, and how it ended.
std::string read_all(std::string_view bytes, std::size_t piece) {
  http::RequestReader reader(kLimits);
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    State state = reader.feed(bytes.substr(at, piece));
    for (; state == State::complete; state = reader.feed({})) {
      require(reader.body().size() <= kLimits.body && reader.head().size <= kLimits.head);
      check_target(reader.head().target);
      out.append(reader.head().method_text).append(" ").append(reader.head().target).append("\n");
      out.append(reader.body()).append("\n");
      reader.next();
    }
    if (state == State::refused) {
      require(reader.refusal().status >= 400 && !reader.refusal().reason.empty());
      return out;
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::string whole = read_all(bytes, std::max<std::size_t>(bytes.size(), 1));
  require(whole == read_all(bytes, 1 + data[0] % 16));
  return 0;
}

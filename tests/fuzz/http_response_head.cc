// Responses' heads: what is accepted from an upstream goes to the client as a head that reads as the same message
// again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "edge/core/message/rewrite.h"
#include "shared/http/framing.h"
#include "shared/http/head.h"

namespace {

using http::ParseState;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_sending(const http::ResponseHead& head, http::AskedFor asked) {
  const auto framing = http::frame_response(head, asked);
  if (!framing) return require(framing.error().status == 502);
  const edge::HeaderRules rules;
  const http::Body body = http::client_body(framing->body, http::Version::http_1_1);
  const edge::ClientResponse response{head,  *framing, body, http::Persistence::keep, http::Version::http_1_1,
                                      rules, "now"};
  std::string out(edge::client_response_bound(response), '\0');
  const auto size = edge::write_client_response(out, response);
  require(size.has_value());
  out.resize(*size);
  http::HeadParser parser;
  http::ResponseHead again;
  const http::HeadLimits wide{1 << 20, 1 << 20, http::FieldList::kCapacity};
  const ParseState state = parser.parse_response(out, wide, again);
  require(state == ParseState::complete && again.size == out.size() && again.status == head.status);
  const auto framing_again = http::frame_response(again, asked);
  require(framing_again && framing_again->body == body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  http::HeadParser parser;
  http::ResponseHead head;
  const ParseState state = parser.parse_response(text, {}, head);
  if (state == ParseState::error) require(parser.refusal().status == 502);
  if (state != ParseState::complete) return 0;
  require(head.size <= text.size() && head.status >= 100 && head.status <= 999);
  check_sending(head, {(data[0] & 1) != 0 ? http::Method::head : http::Method::get, (data[0] & 2) != 0});
  return 0;
}

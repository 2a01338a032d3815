// Requests' heads: however the octets arrive, the outcome is one; what is accepted is forwarded as a head that reads as
// the same message again, so that no upstream can see other borders than we do.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "edge/core/message/rewrite.h"
#include "edge/core/message/target.h"
#include "shared/http/framing.h"
#include "shared/http/head.h"

namespace {

using http::ParseState;

void require(bool holds) {
  if (!holds) std::abort();
}

void same_in_pieces(std::string_view text, std::size_t cut, ParseState whole, const http::RequestHead& expected) {
  http::HeadParser parser;
  http::RequestHead head;
  const std::string first(text.substr(0, cut));
  const ParseState early = parser.parse_request(first, {}, head);
  if (early == ParseState::error) return require(whole == ParseState::error);
  if (early == ParseState::complete) return require(whole == ParseState::complete && head.size == expected.size);
  const ParseState late = parser.parse_request(text, {}, head);
  // A head that is wrong inside a line is found at that line's end, at the latest.
  require(late == whole || (late == ParseState::incomplete && whole == ParseState::error));
  if (late == ParseState::complete) require(head.size == expected.size && head.fields.size() == expected.fields.size());
}

void check_fields(std::string_view text, const http::RequestHead& head) {
  require(head.size <= text.size() && text.substr(0, head.size).ends_with("\r\n\r\n"));
  for (const http::Field& field : head.fields) {
    require(http::is_token(field.name));
    require(field.name.data() >= text.data() && field.value.data() + field.value.size() <= text.data() + head.size);
    require(field.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
  }
}

void check_forwarding(const http::RequestHead& head, bool trusted) {
  edge::TargetScratch scratch;
  const auto target = edge::resolve_target(head, scratch);
  const auto framing = http::frame_request(head, http::kNoBodyLimit);
  if (!target || !framing) return;
  const edge::Tiers tiers;
  const edge::HeaderRules rules;
  edge::Client client;
  client.trusted = trusted;
  const edge::UpstreamRequest request{head, *target, *framing, client, tiers, {}, rules, "http", "id"};
  std::string out(edge::upstream_request_bound(request), '\0');
  const auto size = edge::write_upstream_request(out, request);
  require(size.has_value());
  out.resize(*size);
  http::HeadParser parser;
  http::RequestHead again;
  const http::HeadLimits wide{1 << 20, 1 << 20, http::FieldList::kCapacity};
  const ParseState state = parser.parse_request(out, wide, again);
  require(state == ParseState::complete && again.size == out.size() && again.method_text == head.method_text);
  const auto framing_again = http::frame_request(again, http::kNoBodyLimit);
  require(framing_again && framing_again->body == framing->body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  http::HeadParser parser;
  http::RequestHead head;
  const ParseState state = parser.parse_request(text, {}, head);
  if (state == ParseState::error) require(parser.refusal().status >= 400 && !parser.refusal().reason.empty());
  if (!text.empty()) same_in_pieces(text, data[0] * text.size() / 256, state, head);
  if (state != ParseState::complete) return 0;
  check_fields(text, head);
  check_forwarding(head, (data[0] & 1) != 0);
  return 0;
}

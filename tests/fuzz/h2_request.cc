// Whatever fields an HTTP/2 client sends: what is taken is a head as HTTP/1 has it, and written for a server and read
// again it is the same: no field can hide a line of HTTP/1 in itself.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "edge/core/message/h2_request.h"
#include "edge/core/message/target.h"

namespace {

constexpr http::HeadLimits kLimits{.max_head = 4096, .max_target = 512, .max_fields = 20};

void require(bool condition) {
  if (!condition) std::abort();
}

std::string_view take(std::string_view& rest) {
  if (rest.empty()) return {};
  const std::size_t size = std::min<std::size_t>(static_cast<unsigned char>(rest.front()), rest.size() - 1);
  const std::string_view taken = rest.substr(1, size);
  rest.remove_prefix(1 + size);
  return taken;
}

void check_lines(const http::RequestHead& head) {
  std::string text;
  text.append(head.method_text).append(" ").append(head.target).append(" HTTP/1.1\r\n");
  for (const http::Field& field : head.fields) text.append(field.name).append(": ").append(field.value).append("\r\n");
  text.append("\r\n");
  http::HeadParser parser;
  http::RequestHead again;
  require(parser.parse_request(text, {}, again) == http::ParseState::complete);
  require(again.size == text.size() && again.fields.size() == head.fields.size());
  require(again.method_text == head.method_text && again.target == head.target);
  for (std::size_t i = 0; i < head.fields.size(); ++i) {
    require(again.fields.all()[i].name == head.fields.all()[i].name);
    require(again.fields.all()[i].value == head.fields.all()[i].value);
    require(again.fields.all()[i].id == head.fields.all()[i].id);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  edge::H2Request request;
  while (!rest.empty()) {
    const std::string_view name = take(rest);
    if (request.add(name, take(rest), kLimits) != edge::H2Request::Taken::yes) return 0;
  }
  http::RequestHead head;
  const auto framing = request.finish(kLimits, 1000, size % 2 == 0, "a2V5", head);
  require(request.octets() <= 4 * kLimits.max_head);
  if (!framing) {
    require(framing.error().status >= 400 && !framing.error().reason.empty());
    return 0;
  }
  check_lines(head);
  edge::TargetScratch scratch;
  static_cast<void>(edge::resolve_target(head, scratch));
  return 0;
}

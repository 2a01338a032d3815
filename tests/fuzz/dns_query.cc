// Packets: parse and answer over a small world with wildcards, aliases, a DNAME, delegations and policy names. A reply
// is always sound, keeps ID and question, and never exceeds its limit or the buffer.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <source_location>
#include <span>

#include "dns/core/answer/answer.h"
#include "dns/core/answer/rate_limit.h"
#include "tests/support/dns_ask.h"
#include "tests/support/dns_message.h"
#include "tests/support/dns_world.h"

namespace {

void require(bool condition, std::source_location at = std::source_location::current()) {
  if (condition) return;
  std::fprintf(stderr, "%s:%u: requirement broken\n", at.file_name(), at.line());
  std::abort();
}

[[nodiscard]] std::size_t limit_of(const dns::Query& query, dns::Transport transport, const dns::Snapshot& snapshot) {
  if (transport != dns::Transport::udp) return dns::kMaxMessageSize;
  if (!query.edns) return dns::kMinUdpSize;
  return std::min(query.edns->udp_size, snapshot.udp_payload_size);
}

void check_reply(const dns::Query& query, const dns::AnswerInfo& info, std::span<const std::uint8_t> packet) {
  const test::ParsedReply reply = test::parse_reply(packet);
  require(reply.sound);
  require(reply.id == query.id);
  require(std::ranges::equal(reply.question, query.question));
  require((reply.flags & dns::kFlagQr) != 0);
  require((reply.flags & (dns::kOpcodeMask | dns::kFlagRd)) == (query.flags & (dns::kOpcodeMask | dns::kFlagRd)));
  require(reply.has_opt == query.edns.has_value());
  require(reply.rcode() == static_cast<unsigned>(info.rcode));
  require(reply.tc() == info.truncated);
  require(info.kind != dns::AnswerKind::none);
}

void check(std::span<const std::uint8_t> packet, dns::Transport transport) {
  static const dns::Snapshot snapshot = [] {
    dns::Snapshot with_cookies = test::example_world();
    with_cookies.cookies.count = 1;
    return with_cookies;
  }();
  const dns::Query query = dns::parse_query(packet);
  const std::size_t limit = limit_of(query, transport, snapshot);
  const auto out = std::make_unique<std::uint8_t[]>(limit);  // the address sanitizer watches its end
  const dns::Found found = dns::look_up(snapshot, query);
  const test::Asker asker{.client = shared::IpAddress::v4(0xC0000201), .transport = transport};
  const dns::AnswerRequest request = test::request_of(query, found, asker);
  dns::RecordingTrace trace;
  const dns::AnswerInfo info = dns::answer(snapshot, request, {out.get(), limit}, trace);
  require(info.length <= limit);
  require((info.length == 0) == (query.verdict == dns::Verdict::drop));
  if (info.length == 0) return;
  check_reply(query, info, {out.get(), info.length});
  if (transport == dns::Transport::tls) {
    constexpr std::size_t kBlock = 468;  // RFC 8467; the longest messages have no room for it
    require(!query.edns || info.length % kBlock == 0 || info.length > dns::kMaxMessageSize - kBlock);
    return;  // only replies over UDP are declined
  }
  for (const dns::Ruling ruling : {dns::Ruling::truncate, dns::Ruling::bad_cookie}) {
    if (ruling == dns::Ruling::bad_cookie && info.cookie == dns::CookieState::none) continue;  // BADCOOKIE needs an OPT
    const dns::AnswerInfo declined = dns::decline(snapshot, request, {out.get(), limit}, ruling);
    require(declined.length <= packet.size() + dns::kOptFixedSize + 4 + dns::kCookieSize);  // amplifies nothing
    check_reply(query, declined, {out.get(), declined.length});
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check({data, size}, dns::Transport::udp);
  check({data, size}, dns::Transport::tcp);
  check({data, size}, dns::Transport::tls);
  return 0;
}

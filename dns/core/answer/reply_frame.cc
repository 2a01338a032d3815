#include "dns/core/answer/reply_frame.h"

#include <cstring>

#include "dns/core/wire/name.h"

namespace dns {

namespace {

constexpr std::size_t kEdeSize = 6;

[[nodiscard]] std::size_t size_limit(const Snapshot& snapshot, const AnswerRequest& request) {
  if (request.transport == Transport::tcp) return kMaxMessageSize;
  const auto& edns = request.query.edns;
  return edns ? std::min(edns->udp_size, snapshot.udp_payload_size) : kMinUdpSize;
}

}  // namespace

ReplyFrame::ReplyFrame(const Snapshot& snapshot, const AnswerRequest& request, std::span<std::uint8_t> out)
    : reply(out, std::min(size_limit(snapshot, request), out.size())), query_(request.query) {
  reply.begin(query_);
  if (query_.edns) begin_opt(snapshot, request, *query_.edns);
}

void ReplyFrame::begin_opt(const Snapshot& snapshot, const AnswerRequest& request, const Edns& edns) {
  opt.udp_payload_size = snapshot.udp_payload_size;
  opt.dnssec_ok = edns.dnssec_ok;
  opt.subnet = edns.subnet;
  info.with_subnet = !edns.subnet.empty();
  if (edns.wants_keepalive && request.transport == Transport::tcp) opt.keepalive = request.idle_timeout;
  cookie_ = check_cookie(snapshot.cookies, edns.cookie, request.client, request.unix_time);
  if (cookie_.state != CookieState::none) opt.cookie = cookie_.reply;
  info.cookie = cookie_.state;
  if (edns.wants_nsid) opt.nsid = snapshot.identity.nsid;
  if (opt_size(opt) > reply.room()) opt.nsid = {};
  reply.reserve(opt_size(opt));
}

AnswerInfo ReplyFrame::finish() {
  std::size_t opt_octets = 0;
  const auto rcode = static_cast<std::uint16_t>(info.rcode);
  if (query_.edns) {
    if (reply.room() < kEdeSize) opt.ede.reset();  // the first to go
    if (!query_.subnet || query_.subnet->source == 0) opt.scope = 0;
    opt.extended_rcode = static_cast<std::uint8_t>(rcode >> 4);
    opt_octets = write_opt(reply.tail(), opt);
  }
  std::uint16_t flags = static_cast<std::uint16_t>(kFlagQr | (query_.flags & (kOpcodeMask | kFlagRd)) | (rcode & 0xF));
  if (authoritative) flags |= kFlagAa;
  if (info.truncated) flags |= kFlagTc;
  info.length = reply.finish(flags, opt_octets);
  return info;
}

std::size_t truncate(std::span<std::uint8_t> message) {
  store_u16(&message[2], static_cast<std::uint16_t>(load_u16(&message[2]) | kFlagTc));
  const bool asked = load_u16(&message[4]) != 0;
  std::memset(&message[6], 0, 6);
  return kHeaderSize + (asked ? name_length(message.subspan(kHeaderSize)) + 4 : 0);
}

}  // namespace dns

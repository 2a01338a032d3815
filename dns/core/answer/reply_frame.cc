#include "dns/core/answer/reply_frame.h"

#include <algorithm>
#include <cstring>

#include "dns/core/wire/name.h"

namespace dns {

namespace {

constexpr std::size_t kEdeSize = 6;
constexpr std::size_t kPaddingBlock = 468;  // octets (RFC 8467 section 4.1)
constexpr std::size_t kPaddingHead = 4;

}  // namespace

void ReplyFrame::begin_opt(const Snapshot& snapshot, const AnswerRequest& request, const Edns& edns) {
  opt.udp_payload_size = snapshot.udp_payload_size;
  opt.dnssec_ok = edns.dnssec_ok;
  opt.subnet = edns.subnet;
  info.with_subnet = !edns.subnet.empty();
  if (edns.wants_keepalive && request.transport != Transport::udp) opt.keepalive = request.idle_timeout;
  cookie_ = check_cookie(snapshot.cookies, edns.cookie, request.client, request.unix_time);
  if (cookie_.state != CookieState::none) opt.cookie = cookie_.reply;
  info.cookie = cookie_.state;
  if (edns.wants_nsid) opt.nsid = snapshot.identity.nsid;
  pads_ = request.transport == Transport::tls;
  if (opt_size(opt) > reply.room()) opt.nsid = {};
  reply.reserve(opt_size(opt));
}

// Of what the whole reply takes up to the next multiple of a block, or as much as still fits. REQUIRES: it fits at all.
std::uint16_t ReplyFrame::padding() const {
  const std::size_t size = reply.size() + opt_size(opt) + kPaddingHead;
  const std::size_t wanted = (kPaddingBlock - size % kPaddingBlock) % kPaddingBlock;
  return static_cast<std::uint16_t>(std::min(wanted, reply.unreserved() - opt_size(opt) - kPaddingHead));
}

// Octets that were written behind the records.
std::size_t ReplyFrame::end_opt() {
  if (reply.room() < kEdeSize) opt.ede.reset();  // the first to go
  if (!query_.subnet || query_.subnet->source == 0) opt.scope = 0;
  opt.extended_rcode = static_cast<std::uint8_t>(static_cast<std::uint16_t>(info.rcode) >> 4);
  if (pads_ && reply.unreserved() >= opt_size(opt) + kPaddingHead) opt.padding = padding();
  return write_opt(reply.tail(), opt);
}

std::size_t truncate(std::span<std::uint8_t> message) {
  store_u16(&message[2], static_cast<std::uint16_t>(load_u16(&message[2]) | kFlagTc));
  const bool asked = load_u16(&message[4]) != 0;
  std::memset(&message[6], 0, 6);
  return kHeaderSize + (asked ? name_length(message.subspan(kHeaderSize)) + 4 : 0);
}

}  // namespace dns

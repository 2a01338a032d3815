#include "dns/core/answer/rate_limit.h"

#include "dns/core/answer/reply.h"
#include "dns/core/wire/cookie.h"
#include "dns/core/wire/opt.h"

namespace dns {

ResponseKind response_kind(AnswerKind kind) {
  switch (kind) {
    case AnswerKind::data:
    case AnswerKind::policy:
      return ResponseKind::answer;
    case AnswerKind::nodata:
      return ResponseKind::nodata;
    case AnswerKind::nxdomain:
      return ResponseKind::nxdomain;
    case AnswerKind::referral:
      return ResponseKind::referral;
    case AnswerKind::none:
    case AnswerKind::refused:
    case AnswerKind::error:
      break;
  }
  return ResponseKind::error;
}

Ruling judge(ResponseCells& cells, const RateLimit& limit, const AnswerRequest& request, const AnswerInfo& info,
             std::uint64_t now_us) {
  if (request.transport == Transport::tcp || info.cookie == CookieState::valid) return Ruling::pass;
  const ResponseKind kind = response_kind(info.kind);
  const std::uint64_t account = kind == ResponseKind::error ? 0 : info.account;
  if (cells.admit(cells.key(request.client, kind, account), now_us, limit.interval_us)) return Ruling::pass;
  // Of the draw's bits that a choice among regions weighs least.
  if (limit.slip == 0 || (request.entropy & 0xFFFF) % limit.slip != 0) return Ruling::drop;
  return info.cookie == CookieState::none ? Ruling::truncate : Ruling::bad_cookie;
}

AnswerInfo decline(const Snapshot& snapshot, const AnswerRequest& request, std::span<std::uint8_t> out, Ruling ruling) {
  const Query& query = request.query;
  Reply reply(out, out.size());
  reply.begin(query);
  AnswerInfo info;
  info.kind = AnswerKind::error;
  info.rcode = ruling == Ruling::bad_cookie ? Rcode::badcookie : Rcode::noerror;
  info.truncated = ruling == Ruling::truncate;
  const auto rcode = static_cast<std::uint16_t>(info.rcode);
  std::size_t opt_octets = 0;
  if (query.edns) {
    const CookieCheck cookie = check_cookie(snapshot.cookies, query.edns->cookie, request.client, request.unix_time);
    OptReply opt;
    opt.udp_payload_size = snapshot.udp_payload_size;
    opt.extended_rcode = static_cast<std::uint8_t>(rcode >> 4);
    opt.dnssec_ok = query.edns->dnssec_ok;
    opt.subnet = query.edns->subnet;
    if (cookie.state != CookieState::none) opt.cookie = cookie.reply;
    info.cookie = cookie.state;
    info.with_subnet = !opt.subnet.empty();
    opt_octets = write_opt(reply.tail(), opt);
  }
  auto flags = static_cast<std::uint16_t>(kFlagQr | (query.flags & (kOpcodeMask | kFlagRd)) | (rcode & 0xF));
  if (info.truncated) flags |= kFlagTc;
  info.length = reply.finish(flags, opt_octets);
  return info;
}

}  // namespace dns

#include "dns/core/answer/rate_limit.h"

#include "dns/core/answer/reply_frame.h"

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
  if (request.transport != Transport::udp || info.cookie == CookieState::valid) return Ruling::pass;
  const ResponseKind kind = response_kind(info.kind);
  const std::uint64_t account = kind == ResponseKind::error ? 0 : info.account;
  if (cells.admit(cells.key(request.client, kind, account), now_us, limit.interval_us)) return Ruling::pass;
  // Of the draw's bits that a choice among regions weighs least.
  if (limit.slip == 0 || (request.entropy & 0xFFFF) % limit.slip != 0) return Ruling::drop;
  return info.cookie == CookieState::none ? Ruling::truncate : Ruling::bad_cookie;
}

AnswerInfo decline(const Snapshot& snapshot, const AnswerRequest& request, std::span<std::uint8_t> out, Ruling ruling) {
  ReplyFrame frame(snapshot, request, out);
  frame.opt.nsid = {};  // a small reply
  frame.fail(ruling == Ruling::bad_cookie ? Rcode::badcookie : Rcode::noerror);
  frame.info.truncated = ruling == Ruling::truncate;
  return frame.finish();
}

}  // namespace dns

#pragma once
// ReplyFrame: what stands around the records of every reply: header, question, OPT. Each reply is begun and finished
// here, whoever fills it: answer(), decline(), and what else will. Its parts are open to who fills it. Lives for one
// query; no allocation.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dns/core/answer/answer_request.h"
#include "dns/core/answer/reply.h"
#include "dns/core/answer/snapshot.h"
#include "dns/core/wire/opt.h"

namespace dns {

class ReplyFrame {
 public:
  // Begins the reply: header and question as they came, and room for the OPT that finish() writes if the query had one.
  // REQUIRES: the query wants a reply; out.size() >= 512.
  ReplyFrame(const Snapshot& snapshot, const AnswerRequest& request, std::span<std::uint8_t> out)
      : reply(out, std::min(size_limit(snapshot, request), out.size())), query_(request.query) {
    reply.begin(query_);
    if (query_.edns) begin_opt(snapshot, request, *query_.edns);
  }
  ReplyFrame(const ReplyFrame&) = delete;
  ReplyFrame& operator=(const ReplyFrame&) = delete;

  // All sets of a reply come through here; as Reply::add() and add_at(). One of the answer or of the authority section
  // that does not fit makes the reply a truncated one (RFC 2181 section 9); the additional section is only a help.
  std::size_t add(Section section, const Rrset& rrset, std::size_t owner_at, Shared shared = {}) {
    return noted(section, reply.add(section, rrset, owner_at, shared));
  }
  std::size_t add_at(Section section, const Rrset& rrset, Shared shared) {
    return noted(section, reply.add_at(section, rrset, shared));
  }
  // The same for what was added to `reply` itself: 0 did not fit. Returns it.
  std::size_t noted(Section section, std::size_t rr_at) {
    if (rr_at == 0 && section != Section::additional) info.truncated = true;
    return rr_at;
  }

  void fail(Rcode rcode) {
    info.kind = AnswerKind::error;
    info.rcode = rcode;
  }
  // The reply is as particular to a client as its most particular part (RFC 7871 section 7.2.1).
  void widen_scope(std::uint8_t scope) { opt.scope = std::max(opt.scope, scope); }

  // Flags, counts and OPT. Nothing may be added after it.
  [[nodiscard]] AnswerInfo finish();

  Reply reply;
  AnswerInfo info;
  OptReply opt;  // an extended error may be added: it goes if there is no room for it
  bool authoritative = false;

 private:
  [[nodiscard]] static std::size_t size_limit(const Snapshot& snapshot, const AnswerRequest& request);
  void begin_opt(const Snapshot& snapshot, const AnswerRequest& request, const Edns& edns);
  [[nodiscard]] std::size_t end_opt();

  [[nodiscard]] std::uint16_t padding() const;

  const Query& query_;
  bool pads_ = false;
  CookieCheck cookie_;  // opt.cookie points into it
};

inline std::size_t ReplyFrame::size_limit(const Snapshot& snapshot, const AnswerRequest& request) {
  if (request.transport != Transport::udp) return kMaxMessageSize;
  const auto& edns = request.query.edns;
  return edns ? std::min(edns->udp_size, snapshot.udp_payload_size) : kMinUdpSize;
}

inline AnswerInfo ReplyFrame::finish() {
  const std::size_t opt_octets = query_.edns ? end_opt() : 0;
  std::uint16_t flags = static_cast<std::uint16_t>(kFlagQr | (query_.flags & (kOpcodeMask | kFlagRd)) |
                                                   (static_cast<std::uint16_t>(info.rcode) & 0xF));
  if (authoritative) flags |= kFlagAa;
  if (info.truncated) flags |= kFlagTc;
  info.length = reply.finish(flags, opt_octets);
  return info;
}

// A finished reply without its records, TC set: for one that turns out to be too long to send. Its new size.
[[nodiscard]] std::size_t truncate(std::span<std::uint8_t> message);

}  // namespace dns

#include "dns/core/answer/answer.h"

#include <array>
#include <string>

#include "dns/core/answer/additional.h"
#include "dns/core/answer/bindings.h"
#include "dns/core/answer/chain.h"
#include "dns/core/answer/chaos.h"
#include "dns/core/answer/denial.h"
#include "dns/core/answer/draft.h"
#include "dns/core/steer/policy_tables.h"
#include "dns/core/wire/meta_question.h"
#include "dns/core/wire/rdata.h"

namespace dns {

namespace {

// One query's way through RFC 1034 section 4.3.2. Lives on the stack of answer().
template <class Trace>
class Answering {
 public:
  Answering(const Snapshot& snapshot, const AnswerRequest& request, std::span<std::uint8_t> out, Trace& trace)
      : query_(request.query), draft_(snapshot, request, out, trace) {}

  AnswerInfo run();

 private:
  enum class Step : std::uint8_t { done, next_name };

  [[nodiscard]] ReplyFrame& frame() { return draft_.frame; }
  [[nodiscard]] Trace& trace() { return draft_.trace; }
  [[nodiscard]] Rcode cookie_rcode();
  void refuse();
  void answer_chaos();
  void follow_names();
  Step answer_name(const Zone& zone, const Match& match);
  Step answer_node(const Zone& zone, const Node& node);
  Step follow_cname(const Rrset& cname);
  Step synthesise(const Match& match);
  Step move_to(std::size_t target_at);
  void answer_data(const Rrset& rrset);
  void answer_policy(const Zone& zone, const Node& node, AddressType type);
  void give_no_answer(const Choice& choice);
  void answer_any(const Zone& zone, const Node& node);
  void answer_signatures(const Rrset& rrset);
  void refer(const Match& match);

  const Query& query_;
  Draft<Trace> draft_;
  Chain chain_;        // the names before the one at hand
  HashedName chased_;  // the one at hand, once it is not the question
};

template <class Trace>
AnswerInfo Answering<Trace>::run() {
  if (query_.verdict == Verdict::reject) {
    frame().fail(query_.error == Rcode::noerror ? cookie_rcode() : query_.error);
  } else if (query_.klass == RrClass::ch) {
    answer_chaos();
  } else if (query_.klass != RrClass::in) {
    refuse();
  } else if (const auto error = meta_error(query_.type)) {
    frame().fail(*error);
  } else {
    follow_names();
  }
  return frame().finish();
}

// Nothing was asked but a cookie; who shows one is told whether it is good (RFC 7873 section 5.4).
template <class Trace>
Rcode Answering<Trace>::cookie_rcode() {
  if (frame().info.cookie == CookieState::none) return Rcode::formerr;  // we speak no cookies
  return frame().info.cookie == CookieState::invalid ? Rcode::badcookie : Rcode::noerror;
}

// Not ours: never a referral upwards.
template <class Trace>
void Answering<Trace>::refuse() {
  frame().info.kind = AnswerKind::refused;
  frame().info.rcode = Rcode::refused;
  frame().opt.ede = EdeCode::not_authoritative;
}

// Who we are (RFC 4892), if the operator says it.
template <class Trace>
void Answering<Trace>::answer_chaos() {
  std::array<std::uint8_t, kMaxChaosRecord> buffer;
  const auto record = chaos_record(draft_.snapshot.identity, draft_.name->wire(), buffer);
  if (record.empty() || (query_.type != RrType::txt && query_.type != RrType::any)) return refuse();
  frame().authoritative = true;
  answer_data({RrType::txt, 1, 0, record});
}

template <class Trace>
void Answering<Trace>::follow_names() {
  const Found& found = draft_.request.found;
  while (true) {
    const bool first = chain_.empty();
    const Zone* zone = first ? found.zone : find_zone(*draft_.snapshot.zones, *draft_.name, query_.type);
    if (zone == nullptr && first) return refuse();
    if (zone == nullptr) return;  // the chain leaves our zones: the resolver goes on
    frame().authoritative = true;
    trace().note("zone", [&] { return name_to_text(draft_.name->wire()) + " lies in zone " + zone->apex().to_text(); });
    if (answer_name(*zone, first ? found.match : zone->match(*draft_.name)) == Step::done) return;
  }
}

template <class Trace>
typename Answering<Trace>::Step Answering<Trace>::answer_name(const Zone& zone, const Match& match) {
  if (chain_.empty()) {
    frame().info.account = match.kind == Match::Kind::missing ? zone.apex_hash() : draft_.name->hash(match.label);
  }
  draft_.shared = {draft_.name_at, 0};
  switch (match.kind) {
    case Match::Kind::wildcard:
      draft_.shared = draft_.shared_from(match.label);
      draft_.shared.shift -= 2;  // the label `*`
      [[fallthrough]];
    case Match::Kind::exact:
      trace().note("name", [&] { return match.kind == Match::Kind::exact ? "exists" : "covered by a wildcard"; });
      return answer_node(zone, match.node);
    case Match::Kind::delegation:
      if (match.label == 0 && query_.type == RrType::ds) return answer_node(zone, match.node);
      refer(match);
      return Step::done;
    case Match::Kind::dname:
      return synthesise(match);
    case Match::Kind::missing:
      break;
  }
  deny(draft_, zone, AnswerKind::nxdomain);
  return Step::done;
}

template <class Trace>
typename Answering<Trace>::Step Answering<Trace>::answer_node(const Zone& zone, const Node& node) {
  if (query_.type == RrType::any) {
    answer_any(zone, node);
    return Step::done;
  }
  if (node.has(Node::kPolicy) && !node.has_beside(query_.type) &&
      (is_address(query_.type) || draft_.snapshot.policies->may_cname(node.policy()))) {
    answer_policy(zone, node, query_.type == RrType::aaaa ? AddressType::aaaa : AddressType::a);
    return Step::done;
  }
  const Rrset rrset = node.find(query_.type);
  if (rrset.count > 0) {
    if (query_.type == RrType::rrsig) {
      answer_signatures(rrset);
    } else {
      answer_data(rrset);
    }
    return Step::done;
  }
  if (node.has(Node::kCname)) return follow_cname(node.find(RrType::cname));
  deny(draft_, zone, AnswerKind::nodata);
  return Step::done;
}

template <class Trace>
typename Answering<Trace>::Step Answering<Trace>::follow_cname(const Rrset& cname) {
  frame().info.kind = AnswerKind::data;
  const std::size_t rr_at = frame().add(Section::answer, cname, draft_.name_at, draft_.shared);
  if (rr_at == 0) return Step::done;
  chain_.follow(*draft_.name);
  return move_to(frame().reply.rdata_at(rr_at));
}

// RFC 6672 section 3: the DNAME itself, and a CNAME made from it for those who do not know DNAME. One that the chain
// has come through before is not said again.
template <class Trace>
typename Answering<Trace>::Step Answering<Trace>::synthesise(const Match& match) {
  frame().info.kind = AnswerKind::data;
  const HashedName& name = *draft_.name;
  const Rrset dname = match.node.find(RrType::dname);
  if (chain_.grows(name, dname)) return Step::done;
  const std::size_t prefix = name.offset(match.label);
  std::size_t target_at = chain_.target_at(dname);
  if (target_at == 0) {
    const std::size_t rr_at = frame().add(Section::answer, dname, frame().reply.place_of(draft_.name_at, prefix));
    if (rr_at == 0) return Step::done;
    target_at = frame().reply.rdata_at(rr_at);
  }
  if (prefix + dname.wire.size() - (2 + kRrFixedSize) > kMaxNameSize) {
    frame().fail(Rcode::yxdomain);
    return Step::done;
  }
  const std::size_t rr_at = frame().noted(
      Section::answer, frame().reply.add_synthesised_cname(draft_.name_at, dname.ttl(), prefix, target_at));
  if (rr_at == 0) return Step::done;
  if (query_.type == RrType::cname || query_.type == RrType::any) return Step::done;  // it is the answer
  chain_.follow_dname(name, dname, target_at);
  return move_to(frame().reply.rdata_at(rr_at));
}

// Goes on with the name that stands in the reply at `target_at`, unless the chain is too long or bites its tail.
template <class Trace>
typename Answering<Trace>::Step Answering<Trace>::move_to(std::size_t target_at) {
  chased_.assign_at(frame().reply.message(), target_at, query_.name);
  draft_.name = &chased_;
  draft_.name_at = target_at;
  trace().note("alias", [&] { return "continues as " + name_to_text(chased_.wire()); });
  return chain_.full() || chain_.has_seen(chased_) ? Step::done : Step::next_name;
}

template <class Trace>
void Answering<Trace>::answer_data(const Rrset& rrset) {
  frame().info.kind = AnswerKind::data;
  trace().note("answer", [&] {
    return std::to_string(rrset.count) + " records of type " + std::to_string(static_cast<unsigned>(rrset.type)) +
           ", for every client";
  });
  const std::size_t rr_at = is_service_binding(rrset.type)
                                ? add_bindings(draft_, Section::answer, rrset, draft_.name_at)
                                : frame().add(Section::answer, rrset, draft_.name_at, draft_.shared);
  if (rr_at != 0 && has_targets(rrset.type)) add_additional(draft_, rrset, rr_at);
}

template <class Trace>
void Answering<Trace>::answer_policy(const Zone& zone, const Node& node, AddressType type) {
  const Choice choice = draft_.choose_for(node, type);
  if (choice.refuse || choice.fail) return give_no_answer(choice);
  const bool any = query_.type == RrType::any;
  if (any && choice.rrset.count == 0 && type == AddressType::a) return answer_policy(zone, node, AddressType::aaaa);
  frame().widen_scope(choice.scope);  // of NODATA, too: others may have regions that are up, or be given a CNAME
  const bool asked = any || is_address(query_.type) || choice.is_cname();
  if (choice.rrset.count == 0 || !asked) return deny(draft_, zone, AnswerKind::nodata);
  frame().info.kind = choice.steered ? AnswerKind::policy : AnswerKind::data;
  frame().info.policy = node.policy();
  frame().info.region = choice.region;
  frame().add(Section::answer, choice.rrset, draft_.name_at);
}

// All down and the operator wants it refused, or an ALIAS of which nothing is known yet.
template <class Trace>
void Answering<Trace>::give_no_answer(const Choice& choice) {
  frame().reply.drop_records();
  frame().authoritative = false;
  frame().info.kind = choice.refuse ? AnswerKind::refused : AnswerKind::error;
  frame().info.rcode = choice.refuse ? Rcode::refused : Rcode::servfail;
  if (choice.fail) frame().opt.ede = EdeCode::not_ready;
}

// RFC 8482 section 4.1: one RRset, the smallest, so that the answer amplifies nothing.
template <class Trace>
void Answering<Trace>::answer_any(const Zone& zone, const Node& node) {
  if (node.has(Node::kPolicy) && !node.has(Node::kBeside)) return answer_policy(zone, node, AddressType::a);
  Rrset smallest;
  node.for_each([&](const Rrset& rrset) {
    if (smallest.count == 0 || rrset.wire.size() < smallest.wire.size()) smallest = rrset;
  });
  if (smallest.count == 0) return deny(draft_, zone, AnswerKind::nodata);
  answer_data(smallest);
}

// RFC 8482 section 7: signatures are asked for with what they sign; alone they are only a way to get a large reply.
template <class Trace>
void Answering<Trace>::answer_signatures(const Rrset& rrset) {
  const std::size_t first = 2 + kRrFixedSize + load_u16(&rrset.wire[kRrFixedSize]);
  answer_data({RrType::rrsig, 1, 0, rrset.wire.first(first)});
}

template <class Trace>
void Answering<Trace>::refer(const Match& match) {
  frame().info.kind = AnswerKind::referral;
  if (!frame().reply.has_answers())
    frame().authoritative = false;  // AA speaks of the first owner (RFC 1035 section 4.1.1)
  trace().note("delegation", [&] { return "at " + name_to_text(draft_.name->suffix(match.label)); });
  const Rrset servers = match.node.find(RrType::ns);
  const std::size_t rr_at = frame().add_at(Section::authority, servers, draft_.shared_from(match.label));
  if (rr_at != 0) add_glue(draft_, rr_at, servers.count, match.label);
}

}  // namespace

template <class Trace>
AnswerInfo answer(const Snapshot& snapshot, const AnswerRequest& request, std::span<std::uint8_t> out, Trace& trace) {
  if (request.query.verdict == Verdict::drop) return {};
  return Answering<Trace>(snapshot, request, out, trace).run();
}

template AnswerInfo answer(const Snapshot&, const AnswerRequest&, std::span<std::uint8_t>, NullTrace&);
template AnswerInfo answer(const Snapshot&, const AnswerRequest&, std::span<std::uint8_t>, RecordingTrace&);

}  // namespace dns

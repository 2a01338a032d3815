#include "dns/core/answer/answer.h"

#include <algorithm>
#include <array>
#include <optional>

#include "dns/core/answer/chaos.h"
#include "dns/core/answer/lookup.h"
#include "dns/core/answer/reply.h"
#include "dns/core/answer/seen_names.h"
#include "dns/core/steer/answer_sets.h"
#include "dns/core/steer/policy_tables.h"
#include "dns/core/wire/meta_question.h"
#include "dns/core/wire/opt.h"
#include "dns/core/wire/rdata.h"
#include "dns/core/zone/chain.h"
#include "dns/core/zone/shorten.h"
#include "dns/core/zone/zone.h"

namespace dns {

namespace {

constexpr unsigned kMaxHintLinks = 16;  // CNAMEs behind which a binding's addresses are looked for

[[nodiscard]] std::size_t size_limit(const Snapshot& snapshot, const Query& query, Transport transport) {
  if (transport == Transport::tcp) return kMaxMessageSize;
  return query.edns ? std::min(query.edns->udp_size, snapshot.udp_payload_size) : kMinUdpSize;
}

// One query's way through RFC 1034 section 4.3.2. Lives on the stack of answer().
template <class Trace>
class Answering {
 public:
  Answering(const Snapshot& snapshot, const AnswerRequest& request, std::span<std::uint8_t> out, Trace& trace)
      : snapshot_(snapshot),
        query_(request.query),
        found_(request.found),
        request_(request),
        trace_(trace),
        reply_(out, std::min(size_limit(snapshot, request.query, request.transport), out.size())),
        name_(&request.query.name) {}

  AnswerInfo run();

 private:
  enum class Step : std::uint8_t { done, next_name };
  enum class Glue : std::uint8_t { required, optional };

  void begin();
  void fail(Rcode rcode);
  [[nodiscard]] Rcode cookie_rcode() const;
  void refuse();
  void answer_chaos();
  void follow_names();
  Step answer_name(const Zone& zone, const Match& match);
  Step answer_node(const Zone& zone, const Node& node);
  Step follow_cname(const Rrset& cname);
  Step synthesise(const Match& match);
  Step move_to(std::size_t target_at);
  Step cut_off();
  [[nodiscard]] Shared shared_from(unsigned label) const;
  void answer_data(const Rrset& rrset);
  void answer_policy(const Zone& zone, const Node& node, AddressType type);
  void give_no_answer(const Choice& choice);
  void answer_any(const Zone& zone, const Node& node);
  void answer_signatures(const Rrset& rrset);
  void refer(const Match& match);
  void add_glue(std::size_t rr_at, unsigned count, unsigned cut);
  void deny(const Zone& zone, AnswerKind kind);
  void add_additional(const Rrset& rrset, std::size_t rr_at);
  std::size_t add_set(Section section, const Rrset& rrset, std::size_t owner_at);
  std::size_t add_bindings(Section section, const Rrset& rrset, std::size_t owner_at);
  std::optional<HintAddresses> choose_hints(std::span<const std::uint8_t> rdata, std::size_t owner_at,
                                            std::uint32_t& ttl);
  [[nodiscard]] Node find_hinted();
  void add_service_target(RrType type, std::size_t rdata_at, SeenNames& seen);
  struct Target {
    const Zone* zone = nullptr;
    Node node;
  };
  [[nodiscard]] Target locate_target(const HashedName& target) const;
  [[nodiscard]] Node find_target(const HashedName& target) const { return locate_target(target).node; }
  bool add_addresses(const Node& node, std::size_t owner_at);
  bool add_address(const Node& node, AddressType type, std::size_t owner_at);
  Choice choose_for(const Node& node, AddressType type);
  AnswerInfo finish();

  const Snapshot& snapshot_;
  const Query& query_;
  const Found& found_;
  const AnswerRequest& request_;
  Trace& trace_;
  Reply reply_;
  AnswerInfo info_;
  OptReply opt_;
  CookieCheck cookie_;
  bool authoritative_ = false;

  const HashedName* name_;             // what is looked up now: the question, or the target of the chain so far
  std::size_t name_at_ = kHeaderSize;  // where it stands in the reply
  Shared shared_;                      // where the owner of the node at hand does
  Chain chain_;                        // the names before it
  HashedName chased_;                  // *name_, once it is not the question
  HashedName target_;                  // of additional data
};

template <class Trace>
AnswerInfo Answering<Trace>::run() {
  if (query_.verdict == Verdict::drop) return info_;
  begin();
  if (query_.verdict == Verdict::reject) {
    fail(query_.error == Rcode::noerror ? cookie_rcode() : query_.error);
  } else if (query_.klass == RrClass::ch) {
    answer_chaos();
  } else if (query_.klass != RrClass::in) {
    refuse();
  } else if (const auto error = meta_error(query_.type)) {
    fail(*error);
  } else {
    follow_names();
  }
  return finish();
}

template <class Trace>
void Answering<Trace>::begin() {
  reply_.begin(query_);
  if (!query_.edns) return;
  const Edns& edns = *query_.edns;
  opt_.udp_payload_size = snapshot_.udp_payload_size;
  opt_.dnssec_ok = edns.dnssec_ok;
  opt_.subnet = edns.subnet;
  if (edns.wants_keepalive && request_.transport == Transport::tcp) opt_.keepalive = request_.idle_timeout;
  cookie_ = check_cookie(snapshot_.cookies, edns.cookie, request_.client, request_.unix_time);
  if (cookie_.state != CookieState::none) opt_.cookie = cookie_.reply;
  info_.cookie = cookie_.state;
  if (edns.wants_nsid) opt_.nsid = snapshot_.identity.nsid;
  if (opt_size(opt_) > reply_.room()) opt_.nsid = {};
  reply_.reserve(opt_size(opt_));
  info_.with_subnet = !edns.subnet.empty();
}

template <class Trace>
void Answering<Trace>::fail(Rcode rcode) {
  info_.kind = AnswerKind::error;
  info_.rcode = rcode;
}

// Nothing was asked but a cookie; who shows one is told whether it is good (RFC 7873 section 5.4).
template <class Trace>
Rcode Answering<Trace>::cookie_rcode() const {
  if (cookie_.state == CookieState::none) return Rcode::formerr;  // we speak no cookies
  return cookie_.state == CookieState::invalid ? Rcode::badcookie : Rcode::noerror;
}

// Not ours: never a referral upwards.
template <class Trace>
void Answering<Trace>::refuse() {
  info_.kind = AnswerKind::refused;
  info_.rcode = Rcode::refused;
  opt_.ede = EdeCode::not_authoritative;
}

// Who we are (RFC 4892), if the operator says it.
template <class Trace>
void Answering<Trace>::answer_chaos() {
  std::array<std::uint8_t, kMaxChaosRecord> buffer;
  const auto record = chaos_record(snapshot_.identity, name_->wire(), buffer);
  if (record.empty() || (query_.type != RrType::txt && query_.type != RrType::any)) return refuse();
  authoritative_ = true;
  answer_data({RrType::txt, 1, 0, record});
}

template <class Trace>
void Answering<Trace>::follow_names() {
  while (true) {
    const Zone* zone = chain_.empty() ? found_.zone : find_zone(*snapshot_.zones, *name_, query_.type);
    if (zone == nullptr && chain_.empty()) return refuse();
    if (zone == nullptr) return;  // the chain leaves our zones: the resolver goes on
    authoritative_ = true;
    trace_.note("zone", [&] { return name_to_text(name_->wire()) + " lies in zone " + zone->apex().to_text(); });
    if (answer_name(*zone, chain_.empty() ? found_.match : zone->match(*name_)) == Step::done) return;
  }
}

template <class Trace>
typename Answering<Trace>::Step Answering<Trace>::answer_name(const Zone& zone, const Match& match) {
  if (chain_.empty()) info_.account = match.kind == Match::Kind::missing ? zone.apex_hash() : name_->hash(match.label);
  shared_ = {name_at_, 0};
  switch (match.kind) {
    case Match::Kind::wildcard:
      shared_ = shared_from(match.label);
      shared_.shift -= 2;  // the label `*`
      [[fallthrough]];
    case Match::Kind::exact:
      trace_.note("name", [&] { return match.kind == Match::Kind::exact ? "exists" : "covered by a wildcard"; });
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
  deny(zone, AnswerKind::nxdomain);
  return Step::done;
}

template <class Trace>
typename Answering<Trace>::Step Answering<Trace>::answer_node(const Zone& zone, const Node& node) {
  if (query_.type == RrType::any) {
    answer_any(zone, node);
    return Step::done;
  }
  if (node.has(Node::kPolicy) && !node.has_beside(query_.type) &&
      (is_address(query_.type) || snapshot_.policies->may_cname(node.policy()))) {
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
  deny(zone, AnswerKind::nodata);
  return Step::done;
}

template <class Trace>
typename Answering<Trace>::Step Answering<Trace>::follow_cname(const Rrset& cname) {
  info_.kind = AnswerKind::data;
  const std::size_t rr_at = reply_.add(Section::answer, cname, name_at_, shared_);
  if (rr_at == 0) return cut_off();
  chain_.follow(*name_);
  return move_to(reply_.rdata_at(rr_at));
}

// RFC 6672 section 3: the DNAME itself, and a CNAME made from it for those who do not know DNAME. One that the chain
// has come through before is not said again.
template <class Trace>
typename Answering<Trace>::Step Answering<Trace>::synthesise(const Match& match) {
  info_.kind = AnswerKind::data;
  const Rrset dname = match.node.find(RrType::dname);
  if (chain_.grows(*name_, dname)) return Step::done;
  const std::size_t prefix = name_->offset(match.label);
  std::size_t target_at = chain_.target_at(dname);
  if (target_at == 0) {
    const std::size_t rr_at = reply_.add(Section::answer, dname, reply_.place_of(name_at_, prefix));
    if (rr_at == 0) return cut_off();
    target_at = reply_.rdata_at(rr_at);
  }
  if (prefix + dname.wire.size() - (2 + kRrFixedSize) > kMaxNameSize) {
    fail(Rcode::yxdomain);
    return Step::done;
  }
  const std::size_t rr_at = reply_.add_synthesised_cname(name_at_, dname.ttl(), prefix, target_at);
  if (rr_at == 0) return cut_off();
  if (query_.type == RrType::cname || query_.type == RrType::any) return Step::done;  // it is the answer
  chain_.follow_dname(*name_, dname, target_at);
  return move_to(reply_.rdata_at(rr_at));
}

// Goes on with the name that stands in the reply at `target_at`, unless the chain is too long or bites its tail.
template <class Trace>
typename Answering<Trace>::Step Answering<Trace>::move_to(std::size_t target_at) {
  chased_.assign_at(reply_.message(), target_at);
  name_ = &chased_;
  name_at_ = target_at;
  trace_.note("alias", [&] { return "continues as " + name_to_text(name_->wire()); });
  return chain_.full() || chain_.has_seen(*name_) ? Step::done : Step::next_name;
}

template <class Trace>
typename Answering<Trace>::Step Answering<Trace>::cut_off() {
  info_.truncated = true;
  return Step::done;
}

// The owner of a set is suffix `label` of the current name.
template <class Trace>
Shared Answering<Trace>::shared_from(unsigned label) const {
  return {name_at_, static_cast<int>(name_->offset(label))};
}

template <class Trace>
void Answering<Trace>::answer_data(const Rrset& rrset) {
  info_.kind = AnswerKind::data;
  trace_.note("answer", [&] {
    return std::to_string(rrset.count) + " records of type " + std::to_string(static_cast<unsigned>(rrset.type)) +
           ", for every client";
  });
  const std::size_t rr_at = add_set(Section::answer, rrset, name_at_);
  if (rr_at == 0) {
    info_.truncated = true;
  } else if (has_targets(rrset.type)) {
    add_additional(rrset, rr_at);
  }
}

template <class Trace>
void Answering<Trace>::answer_policy(const Zone& zone, const Node& node, AddressType type) {
  const Choice choice = choose_for(node, type);
  if (choice.refuse || choice.fail) return give_no_answer(choice);
  const bool any = query_.type == RrType::any;
  if (any && choice.rrset.count == 0 && type == AddressType::a) return answer_policy(zone, node, AddressType::aaaa);
  const bool asked = any || is_address(query_.type) || choice.is_cname();
  if (choice.rrset.count == 0 || !asked) {
    opt_.scope = choice.scope;  // others may have regions that are up, or be given a CNAME
    return deny(zone, AnswerKind::nodata);
  }
  info_.kind = choice.steered ? AnswerKind::policy : AnswerKind::data;
  info_.policy = node.policy();
  info_.region = choice.region;
  opt_.scope = choice.scope;
  info_.truncated = reply_.add(Section::answer, choice.rrset, name_at_) == 0;
}

// All down and the operator wants it refused, or an ALIAS of which nothing is known yet.
template <class Trace>
void Answering<Trace>::give_no_answer(const Choice& choice) {
  reply_.drop_records();
  authoritative_ = false;
  info_.kind = choice.refuse ? AnswerKind::refused : AnswerKind::error;
  info_.rcode = choice.refuse ? Rcode::refused : Rcode::servfail;
  if (choice.fail) opt_.ede = EdeCode::not_ready;
}

// RFC 8482 section 4.1: one RRset, the smallest, so that the answer amplifies nothing.
template <class Trace>
void Answering<Trace>::answer_any(const Zone& zone, const Node& node) {
  if (node.has(Node::kPolicy) && !node.has(Node::kBeside)) return answer_policy(zone, node, AddressType::a);
  Rrset smallest;
  node.for_each([&](const Rrset& rrset) {
    if (smallest.count == 0 || rrset.wire.size() < smallest.wire.size()) smallest = rrset;
  });
  if (smallest.count == 0) return deny(zone, AnswerKind::nodata);
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
  info_.kind = AnswerKind::referral;
  if (!reply_.has_answers()) authoritative_ = false;  // AA speaks of the first owner (RFC 1035 section 4.1.1)
  trace_.note("delegation", [&] { return "at " + name_to_text(name_->suffix(match.label)); });
  const Rrset servers = match.node.find(RrType::ns);
  const std::size_t rr_at = reply_.add_at(Section::authority, servers, shared_from(match.label));
  if (rr_at == 0) {
    info_.truncated = true;
  } else {
    add_glue(rr_at, servers.count, match.label);
  }
}

// Addresses of servers at or below the cut are the only way in: all of them, or TC (RFC 9471 section 3.1). Those of
// others come after, if there is room. `cut`: label of the current name where the cut begins.
template <class Trace>
void Answering<Trace>::add_glue(std::size_t rr_at, unsigned count, unsigned cut) {
  bool others = false;
  const auto pass = [&](Glue glue) {
    std::size_t at = rr_at;
    for (unsigned i = 0; i < count; ++i, at = reply_.next_rr(at)) {
      const std::size_t target_at = reply_.rdata_at(at);
      target_.assign_at(reply_.message(), target_at);
      const bool other = (glue == Glue::required) != target_.is_within(*name_, cut);
      others |= other;
      if (other) continue;
      const Node node = find_target(target_);
      if (!node || node.has(Node::kPolicy)) continue;  // a referral is the same for every client, scope 0
      if (!add_addresses(node, target_at) && glue == Glue::required) info_.truncated = true;
    }
  };
  pass(Glue::required);
  if (others && !info_.truncated) pass(Glue::optional);
}

// NXDOMAIN and NODATA: the SOA says for how long to remember it (RFC 2308). Existence is not tailored: scope 0.
template <class Trace>
void Answering<Trace>::deny(const Zone& zone, AnswerKind kind) {
  info_.kind = kind;
  if (kind == AnswerKind::nxdomain) info_.rcode = Rcode::nxdomain;
  trace_.note("answer", [&] { return kind == AnswerKind::nxdomain ? "no such name" : "no such type at this name"; });
  const unsigned apex = name_->labels() - zone.apex_labels();
  const std::size_t rr_at = reply_.add_at(Section::authority, zone.negative_soa(), shared_from(apex));
  if (rr_at == 0) info_.truncated = true;
}

// Addresses of the names that the answer mentions, as far as we have them and they fit; nothing is missing without
// them.
template <class Trace>
void Answering<Trace>::add_additional(const Rrset& rrset, std::size_t rr_at) {
  SeenNames seen;
  for (unsigned i = 0; i < rrset.count; ++i, rr_at = reply_.next_rr(rr_at)) {
    const std::size_t rdata_at = reply_.rdata_at(rr_at);
    if (is_service_binding(rrset.type)) {
      add_service_target(rrset.type, rdata_at, seen);
      continue;
    }
    const std::size_t target_at = rdata_at + *target_offset(rrset.type);
    target_.assign_at(reply_.message(), target_at);
    if (!seen.insert(target_.hash(0))) continue;
    if (const Node node = find_target(target_)) add_addresses(node, target_at);
  }
}

// All RRs of the set, or nothing, as Reply::add() does.
template <class Trace>
std::size_t Answering<Trace>::add_set(Section section, const Rrset& rrset, std::size_t owner_at) {
  if (is_service_binding(rrset.type)) return add_bindings(section, rrset, owner_at);
  return reply_.add(section, rrset, owner_at, shared_);
}

// RFC 9460 section 7.3: the hints of a binding to a policy name are the addresses that this client would be given. The
// set has one TTL, no longer than theirs.
template <class Trace>
std::size_t Answering<Trace>::add_bindings(Section section, const Rrset& rrset, std::size_t owner_at) {
  const Reply::Mark before = reply_.mark();
  std::uint32_t ttl = rrset.ttl();
  std::size_t first = 0;
  std::span<const std::uint8_t> rest = rrset.wire;
  for (unsigned i = 0; i < rrset.count; ++i) {
    const auto rr = rest.first(2 + kRrFixedSize + load_u16(&rest[kRrFixedSize]));
    const auto rdata = rr.subspan(2 + kRrFixedSize);
    rest = rest.subspan(rr.size());
    const auto hints = choose_hints(rdata, owner_at, ttl);
    const std::size_t rr_at = hints ? reply_.add_binding(section, rr, owner_at, *hints)
                                    : reply_.add(section, {rrset.type, 1, 0, rr}, owner_at);
    if (rr_at == 0) {
      reply_.rollback(before);
      return 0;
    }
    if (i == 0) first = rr_at;
  }
  std::size_t at = first;
  for (unsigned i = 0; i < rrset.count; ++i, at = reply_.next_rr(at)) reply_.set_ttl(at, ttl);
  return first;
}

// Nothing: as they stand in the zone file, no policy gives the target its addresses. `ttl` becomes at most theirs.
template <class Trace>
std::optional<HintAddresses> Answering<Trace>::choose_hints(std::span<const std::uint8_t> rdata, std::size_t owner_at,
                                                            std::uint32_t& ttl) {
  const bool alias = load_u16(rdata.data()) == 0;
  if (alias || !has_address_hints(rdata)) return std::nullopt;
  if (rdata[2] == 0) {
    target_.assign_at(reply_.message(), owner_at);
  } else {
    target_.assign(rdata.subspan(2));
  }
  const Node node = find_hinted();
  if (!node || !node.has(Node::kPolicy)) return std::nullopt;
  const auto addresses = [&](AddressType type) {
    if (node.has_beside(rr_type_of(type))) {
      const Rrset rrset = node.find(rr_type_of(type));
      ttl = std::min(ttl, rrset.ttl());
      return rrset.wire;
    }
    const Choice choice = choose_for(node, type);
    opt_.scope = std::max(opt_.scope, choice.scope);
    if (choice.rrset.count > 0) ttl = std::min(ttl, choice.rrset.ttl());
    return choice.is_cname() ? std::span<const std::uint8_t>() : choice.rrset.wire;
  };
  const HintAddresses hints{addresses(AddressType::a), addresses(AddressType::aaaa)};
  trace_.note("hints", [&] {
    return "the same addresses: " + std::to_string(hints.a.size() / AnswerSets::rr_size(AddressType::a)) +
           " of IPv4, " + std::to_string(hints.aaaa.size() / AnswerSets::rr_size(AddressType::aaaa)) + " of IPv6";
  });
  return hints;
}

// The node that has the addresses of a binding's target, target_; that may be an alias (RFC 9460 section 2.4.3).
template <class Trace>
Node Answering<Trace>::find_hinted() {
  Target target = locate_target(target_);
  for (unsigned links = 0; links < kMaxHintLinks && target.node && target.node.has(Node::kCname); ++links) {
    std::array<std::uint8_t, kMostImagined> imagined;
    const Rrset cname = target.node.find(RrType::cname);
    const std::size_t size = write_imagined(imagined, *target.zone, target.node, cname);
    target_.assign_at(std::span(imagined).first(size), size - cname.wire.size() + 2 + kRrFixedSize);
    target = locate_target(target_);
  }
  return target.node;
}

// RFC 9460 sections 2.4 and 4.1: "." is the owner in ServiceMode and nothing in AliasMode; behind an alias come its
// service bindings too.
template <class Trace>
void Answering<Trace>::add_service_target(RrType type, std::size_t rdata_at, SeenNames& seen) {
  const auto rdata = reply_.message().subspan(rdata_at);
  const bool alias = load_u16(rdata.data()) == 0;
  const bool root = rdata[2] == 0;
  if (alias && root) return;
  const std::size_t target_at = root ? name_at_ : rdata_at + 2;
  target_.assign_at(reply_.message(), target_at);
  if (!seen.insert(target_.hash(0))) return;
  const Node node = find_target(target_);
  if (!node) return;
  const bool itself = target_.hash(0) == name_->hash(0);  // what is answered already
  if (alias && !itself && node.find(type).count > 0) add_set(Section::additional, node.find(type), target_at);
  add_addresses(node, target_at);
}

// The node that has the addresses of a name: its own, that of a wildcard, or glue.
template <class Trace>
typename Answering<Trace>::Target Answering<Trace>::locate_target(const HashedName& target) const {
  const Zone* zone = snapshot_.zones->find(target);
  if (zone == nullptr) return {};
  const Match match = zone->match(target);
  if (match.kind == Match::Kind::exact || match.kind == Match::Kind::wildcard) return {zone, match.node};
  return {zone, match.kind == Match::Kind::delegation ? zone->find(target, 0) : Node{}};
}

// False: something did not fit.
template <class Trace>
bool Answering<Trace>::add_addresses(const Node& node, std::size_t owner_at) {
  const bool a = add_address(node, AddressType::a, owner_at);
  const bool aaaa = add_address(node, AddressType::aaaa, owner_at);
  return a && aaaa;
}

template <class Trace>
bool Answering<Trace>::add_address(const Node& node, AddressType type, std::size_t owner_at) {
  const RrType rr_type = rr_type_of(type);
  if (!node.has(Node::kPolicy) || node.has_beside(rr_type)) {
    const Rrset rrset = node.find(rr_type);
    return rrset.count == 0 || reply_.add(Section::additional, rrset, owner_at) != 0;
  }
  const Choice choice = choose_for(node, type);
  if (choice.refuse || choice.rrset.count == 0) return true;
  opt_.scope = std::max(opt_.scope, choice.scope);  // the reply is as particular as its most particular part
  if (choice.is_cname()) return true;               // its addresses are somebody else's
  return reply_.add(Section::additional, choice.rrset, owner_at) != 0;
}

template <class Trace>
Choice Answering<Trace>::choose_for(const Node& node, AddressType type) {
  const Client client{request_.client, query_.subnet, request_.entropy};
  return choose(*snapshot_.policies, *snapshot_.answers, node.policy(), type, client, trace_);
}

template <class Trace>
AnswerInfo Answering<Trace>::finish() {
  std::size_t opt_octets = 0;
  const auto rcode = static_cast<std::uint16_t>(info_.rcode);
  if (query_.edns) {
    constexpr std::size_t kEdeSize = 6;
    if (reply_.room() < kEdeSize) opt_.ede.reset();  // the first to go
    if (!query_.subnet || query_.subnet->source == 0) opt_.scope = 0;
    opt_.extended_rcode = static_cast<std::uint8_t>(rcode >> 4);
    opt_octets = write_opt(reply_.tail(), opt_);
  }
  std::uint16_t flags = static_cast<std::uint16_t>(kFlagQr | (query_.flags & (kOpcodeMask | kFlagRd)) | (rcode & 0xF));
  if (authoritative_) flags |= kFlagAa;
  if (info_.truncated) flags |= kFlagTc;
  info_.length = reply_.finish(flags, opt_octets);
  return info_;
}

}  // namespace

template <class Trace>
AnswerInfo answer(const Snapshot& snapshot, const AnswerRequest& request, std::span<std::uint8_t> out, Trace& trace) {
  return Answering<Trace>(snapshot, request, out, trace).run();
}

template AnswerInfo answer(const Snapshot&, const AnswerRequest&, std::span<std::uint8_t>, NullTrace&);
template AnswerInfo answer(const Snapshot&, const AnswerRequest&, std::span<std::uint8_t>, RecordingTrace&);

}  // namespace dns

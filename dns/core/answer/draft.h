#pragma once
// Draft: the reply as answer() has it so far, and what the parts of it work with: the name at hand, additional data,
// bindings, denial. Lives on the stack of answer(); no allocation.

#include <cstddef>
#include <cstdint>
#include <span>

#include "dns/core/answer/answer_request.h"
#include "dns/core/answer/reply_frame.h"
#include "dns/core/answer/snapshot.h"
#include "dns/core/steer/steering.h"
#include "dns/core/wire/name.h"
#include "dns/core/zone/zone.h"

namespace dns {

template <class Trace>
struct Draft {
  Draft(const Snapshot& snapshot_of_all, const AnswerRequest& request_at_hand, std::span<std::uint8_t> out, Trace& sink)
      : snapshot(snapshot_of_all),
        request(request_at_hand),
        trace(sink),
        frame(snapshot_of_all, request_at_hand, out),
        name(&request_at_hand.query.name) {}

  [[nodiscard]] Choice choose_for(const Node& node, AddressType type) const {
    const Client client{request.client, request.query.subnet, request.entropy};
    return choose(*snapshot.policies, *snapshot.answers, node.policy(), type, client, trace);
  }
  // The owner of a set is suffix `label` of the name at hand.
  [[nodiscard]] Shared shared_from(unsigned label) const { return {name_at, static_cast<int>(name->offset(label))}; }

  // The name that stands in the reply at this octet.
  void read_target(std::size_t at) { target.assign_at(frame.reply.message(), at, request.query.name); }

  const Snapshot& snapshot;
  const AnswerRequest& request;
  Trace& trace;
  ReplyFrame frame;
  const HashedName* name;             // what is looked up now: the question, or the target of the chain so far
  std::size_t name_at = kHeaderSize;  // where it stands in the reply
  Shared shared;                      // where the owner of the node at hand does
  HashedName target;                  // of additional data
};

}  // namespace dns

#pragma once
// For tests, fuzzing and benchmarks: a packet through all that a server does with it, as dns/serve does it.

#include <cstdint>
#include <span>

#include "dns/core/answer/answer.h"
#include "dns/core/answer/lookup.h"
#include "dns/core/zone/query.h"
#include "tests/support/dns_message.h"

namespace test {

// Who sends it, and how: an AnswerRequest without the query.
struct Asker {
  shared::IpAddress client;
  dns::Transport transport = dns::Transport::udp;
  std::uint64_t entropy = 0;
  std::uint16_t idle_timeout = 0;
  std::uint32_t unix_time = 0;
};

[[nodiscard]] inline dns::AnswerRequest request_of(const dns::Query& query, const dns::Found& found,
                                                   const Asker& asker) {
  return {.query = query,
          .found = found,
          .client = asker.client,
          .transport = asker.transport,
          .entropy = asker.entropy,
          .idle_timeout = asker.idle_timeout,
          .unix_time = asker.unix_time};
}

template <class Trace>
[[nodiscard]] dns::AnswerInfo answer_packet(const dns::Snapshot& snapshot, std::span<const std::uint8_t> packet,
                                            const Asker& asker, std::span<std::uint8_t> out, Trace& trace) {
  const dns::Query query = dns::parse_query(packet);
  const dns::Found found = dns::look_up(snapshot, query);
  return dns::answer(snapshot, request_of(query, found, asker), out, trace);
}

// A query from 192.0.2.200, and what came back. `room`: octets that the reply may take.
struct Asked {
  dns::AnswerInfo info;
  ParsedReply reply;
  Bytes packet;
  unsigned scope = 0;  // of the client subnet option, if there is one
};
[[nodiscard]] Asked exchange(const dns::Snapshot& snapshot, const QueryBuilder& query,
                             const Asker& asker = {.client = shared::IpAddress::v4(0xC00002C8)},
                             std::size_t room = dns::kMaxMessageSize);

}  // namespace test

#include "tests/support/dns_ask.h"

namespace test {

Asked exchange(const dns::Snapshot& snapshot, const QueryBuilder& query, const Asker& asker, std::size_t room) {
  const Bytes packet = query.build();
  Asked asked;
  asked.packet.resize(room);
  dns::NullTrace trace;
  asked.info = answer_packet(snapshot, packet, asker, asked.packet, trace);
  asked.packet.resize(asked.info.length);
  asked.reply = parse_reply(asked.packet);
  const auto subnet = asked.reply.option(static_cast<unsigned>(dns::OptionCode::client_subnet));
  if (subnet) asked.scope = (*subnet)[3];
  return asked;
}

}  // namespace test

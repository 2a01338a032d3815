#include "edge/serve/account/request_ids.h"

#include <cstring>

#include "shared/core/hex_text.h"
#include "shared/core/sip_state.h"

namespace edge {
namespace {

shared::SipState keyed(const shared::SipKey& key) {
  std::array<std::uint64_t, 2> halves;
  std::memcpy(halves.data(), key.data(), sizeof halves);
  return {halves[0], halves[1]};
}

}  // namespace

// Both halves word by word: neither waits for the other.
std::string_view RequestIds::fresh() {
  constexpr std::uint64_t kLength = std::uint64_t{sizeof count_} << 56;
  shared::SipState one = keyed(keys_[0]);
  shared::SipState other = keyed(keys_[1]);
  ++count_;
  one.take(count_);
  other.take(count_);
  one.take(kLength);
  other.take(kLength);
  shared::write_hex(text_.data(), one.finish());
  shared::write_hex(text_.data() + kSize / 2, other.finish());
  return {text_.data(), kSize};
}

}  // namespace edge

#pragma once
// SipState: the four words that SipHash-2-4 (see siphash.h) mixes a message into. For who has its message as numbers
// and needs several hashes of it at once: the processor works on two of them side by side. A value; any thread.

#include <bit>
#include <cstdint>

namespace shared {

class SipState {
 public:
  // The halves of the key, read as little-endian numbers.
  constexpr SipState(std::uint64_t low, std::uint64_t high)
      : v0_(low ^ 0x736F6D6570736575ULL),
        v1_(high ^ 0x646F72616E646F6DULL),
        v2_(low ^ 0x6C7967656E657261ULL),
        v3_(high ^ 0x7465646279746573ULL) {}

  // Eight octets of the message, read likewise. The last word has the message's length, modulo 256, on top.
  constexpr void take(std::uint64_t word) {
    v3_ ^= word;
    round();
    round();
    v0_ ^= word;
  }

  // After the last word. Once.
  [[nodiscard]] constexpr std::uint64_t finish() {
    v2_ ^= 0xFF;
    round();
    round();
    round();
    round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

 private:
  constexpr void round() {
    v0_ += v1_;
    v2_ += v3_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v1_;
    v0_ += v3_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ = std::rotl(v2_, 32);
  }

  std::uint64_t v0_, v1_, v2_, v3_;
};

}  // namespace shared

#include "dns/core/answer/chaos.h"

#include <algorithm>
#include <string_view>

namespace dns {

namespace {

constexpr std::size_t kMaxText = 255;  // octets of one character-string

[[nodiscard]] std::string_view text_of(const Identity& identity, NameSpan wire) {
  using namespace std::string_view_literals;
  const std::string_view name(reinterpret_cast<const char*>(wire.data()), wire.size());
  if (name == "\2id\6server\0"sv || name == "\10hostname\4bind\0"sv) return identity.nsid;
  if (name == "\7version\4bind\0"sv || name == "\7version\6server\0"sv) return identity.version;
  return {};
}

}  // namespace

std::span<const std::uint8_t> chaos_record(const Identity& identity, NameSpan name,
                                           std::span<std::uint8_t, kMaxChaosRecord> out) {
  const std::string_view text = text_of(identity, name).substr(0, kMaxText);
  if (text.empty()) return {};
  store_u16(&out[0], kPointerMask | kHeaderSize);
  store_u16(&out[2], static_cast<std::uint16_t>(RrType::txt));
  store_u16(&out[4], static_cast<std::uint16_t>(RrClass::ch));
  store_u32(&out[6], 0);
  store_u16(&out[10], static_cast<std::uint16_t>(text.size() + 1));
  out[12] = static_cast<std::uint8_t>(text.size());
  std::copy(text.begin(), text.end(), out.begin() + 13);
  return out.first(13 + text.size());
}

}  // namespace dns

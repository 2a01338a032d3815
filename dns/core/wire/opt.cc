#include "dns/core/wire/opt.h"

#include <cstring>

namespace dns {

namespace {

constexpr std::size_t kOptionHead = 4;

// The place of an option's data, behind its code and length.
std::uint8_t* put_head(std::uint8_t* at, OptionCode code, std::size_t size) {
  store_u16(at, static_cast<std::uint16_t>(code));
  store_u16(at + 2, static_cast<std::uint16_t>(size));
  return at + kOptionHead;
}

}  // namespace

std::size_t opt_size(const OptReply& opt) {
  std::size_t size = kOptFixedSize;
  if (!opt.nsid.empty()) size += kOptionHead + opt.nsid.size();
  if (!opt.subnet.empty()) size += kOptionHead + opt.subnet.size();
  if (!opt.cookie.empty()) size += kOptionHead + opt.cookie.size();
  if (opt.keepalive) size += kOptionHead + 2;
  if (opt.ede) size += kOptionHead + 2;
  if (opt.padding) size += kOptionHead + *opt.padding;
  return size;
}

std::size_t write_opt(std::span<std::uint8_t> out, const OptReply& opt) {
  std::uint8_t* at = out.data();
  *at = 0;
  store_u16(at + 1, static_cast<std::uint16_t>(RrType::opt));
  store_u16(at + 3, opt.udp_payload_size);
  store_u32(at + 5, (std::uint32_t{opt.extended_rcode} << 24) | (opt.dnssec_ok ? kEdnsFlagDo : 0));
  store_u16(at + 9, static_cast<std::uint16_t>(opt_size(opt) - kOptFixedSize));
  at += kOptFixedSize;
  if (!opt.nsid.empty()) {
    at = put_head(at, OptionCode::nsid, opt.nsid.size());
    std::memcpy(at, opt.nsid.data(), opt.nsid.size());
    at += opt.nsid.size();
  }
  if (!opt.subnet.empty()) {
    at = put_head(at, OptionCode::client_subnet, opt.subnet.size());
    std::memcpy(at, opt.subnet.data(), opt.subnet.size());
    at[3] = opt.scope;
    at += opt.subnet.size();
  }
  if (!opt.cookie.empty()) {
    at = put_head(at, OptionCode::cookie, opt.cookie.size());
    std::memcpy(at, opt.cookie.data(), opt.cookie.size());
    at += opt.cookie.size();
  }
  if (opt.keepalive) {
    at = put_head(at, OptionCode::tcp_keepalive, 2);
    store_u16(at, *opt.keepalive);
    at += 2;
  }
  if (opt.ede) {
    at = put_head(at, OptionCode::ede, 2);
    store_u16(at, static_cast<std::uint16_t>(*opt.ede));
    at += 2;
  }
  if (opt.padding) {
    at = put_head(at, OptionCode::padding, *opt.padding);
    std::memset(at, 0, *opt.padding);
    at += *opt.padding;
  }
  return static_cast<std::size_t>(at - out.data());
}

}  // namespace dns

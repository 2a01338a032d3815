#pragma once
// A DNS server on the test's own loop: A, AAAA and SRV records by a script, or an error code, or silence.

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/ip/udp.hpp>

#include "shared/core/ip.h"
#include "shared/serve/loop/loop.h"
#include "shared/serve/resolve/srv_answer.h"

namespace shared::test {

class TestDns {
 public:
  enum Type : std::uint8_t { a = 1, aaaa = 28, srv = 33 };
  struct Question {
    std::string name;
    std::uint8_t type = a;
  };
  struct Cname {
    std::string target;
    std::uint32_t ttl = 60;
  };
  // Of all of it, what the question's type asks for.
  struct Answer {
    std::vector<std::string> addresses;
    std::uint32_t ttl = 60;
    std::uint8_t rcode = 0;
    bool silent = false;
    std::vector<SrvRecord> services{};
    std::optional<Cname> cname{};  // the addresses are its target's
  };

  explicit TestDns(Loop& loop) : socket_(loop, asio::ip::udp::endpoint(asio::ip::address_v4::loopback(), 0)) { read(); }

  [[nodiscard]] Endpoint endpoint() const { return {IpAddress::v4(0x7F000001), socket_.local_endpoint().port()}; }

  std::function<Answer(const Question&)> script;
  std::vector<std::string> asked;

 private:
  using Socket = asio::basic_datagram_socket<asio::ip::udp, LoopExecutor>;

  void read() {
    socket_.async_receive_from(asio::buffer(in_), peer_, [this](error_code error, std::size_t n) {
      if (error) return;
      answer(std::string(in_.data(), n));
      read();
    });
  }

  void answer(const std::string& query) {
    std::string name;
    std::size_t at = 12;
    while (query[at] != 0) {
      const auto length = static_cast<std::size_t>(query[at]);
      name += (name.empty() ? "" : ".") + query.substr(at + 1, length);
      at += length + 1;
    }
    const auto type = static_cast<std::uint8_t>(query[at + 2]);
    asked.push_back(name);
    const Answer what = script({name, type});
    if (what.silent) return;
    const std::vector<std::string> records = records_of(what, type);
    std::string reply = query.substr(0, 2) + '\x84' + static_cast<char>(what.rcode) + std::string("\0\1\0", 3) +
                        static_cast<char>(records.size() + (what.cname ? 1 : 0)) + std::string(4, '\0') +
                        query.substr(12, at + 5 - 12);
    std::string owner("\xC0\x0C", 2);  // the question's name
    if (what.cname) {
      const std::string target = wire_name(what.cname->target);
      reply += record(owner, 5, what.cname->ttl, target);
      owner = target;
    }
    for (const std::string& data : records) reply += record(owner, type, what.ttl, data);
    socket_.send_to(asio::buffer(reply), peer_);
  }

  static std::string record(const std::string& owner, std::uint8_t type, std::uint32_t ttl, const std::string& data) {
    std::string out = owner + '\0' + static_cast<char>(type) + std::string("\x00\x01", 2);
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(ttl >> shift);
    return out + u16(data.size()) + data;
  }

  static std::string u16(std::size_t value) { return {static_cast<char>(value >> 8U), static_cast<char>(value)}; }

  static std::vector<std::string> records_of(const Answer& what, std::uint8_t type) {
    std::vector<std::string> out;
    for (const std::string& text : what.addresses) {
      const IpAddress address = *IpAddress::parse(text);
      if (type != (address.family == Family::ipv4 ? a : aaaa)) continue;
      out.emplace_back(reinterpret_cast<const char*>(address.bytes.data()), bits_of(address.family) / 8);
    }
    for (const SrvRecord& one : what.services) {
      if (type == srv) out.push_back(u16(one.priority) + u16(one.weight) + u16(one.port) + wire_name(one.target));
    }
    return out;
  }

  static std::string wire_name(const std::string& text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t dot = std::min(text.find('.', at), text.size());
      out += static_cast<char>(dot - at) + text.substr(at, dot - at);
      at = dot + 1;
    }
    return out + '\0';
  }

  Socket socket_;
  std::array<char, 1500> in_{};
  asio::ip::udp::endpoint peer_;
};

}  // namespace shared::test

#pragma once
// A DNS server on the test's own loop: A, AAAA and SRV records by a script, or an error code, or silence. What does not
// fit into a datagram (Answer::truncated) it tells by TCP, on the same port.

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

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
    bool truncated = false;        // in a datagram
  };

  explicit TestDns(Loop& loop) : loop_(loop), socket_(loop), acceptor_(loop) {
    open();
    read();
    accept();
  }

  [[nodiscard]] Endpoint endpoint() const { return {IpAddress::v4(0x7F000001), socket_.local_endpoint().port()}; }

  std::function<Answer(const Question&)> script;
  std::vector<std::string> asked;
  int asked_over_tcp = 0;

 private:
  using Socket = asio::basic_datagram_socket<asio::ip::udp, LoopExecutor>;
  using TcpAcceptor = asio::basic_socket_acceptor<asio::ip::tcp, LoopExecutor>;
  struct Connection {
    explicit Connection(TcpSocket of) : socket(std::move(of)) {}
    TcpSocket socket;
    std::array<char, 2> size{};
    std::string query, reply;
  };

  // One port that is free for both.
  void open() {
    const auto loopback = asio::ip::address_v4::loopback();
    for (int tries = 0; tries < 100; ++tries) {
      error_code taken;
      socket_ = Socket(loop_, asio::ip::udp::endpoint(loopback, 0));
      acceptor_ = TcpAcceptor(loop_);
      acceptor_.open(asio::ip::tcp::v4());
      acceptor_.bind({loopback, socket_.local_endpoint().port()}, taken);
      if (!taken) break;
    }
    acceptor_.listen();
  }
  void accept() {
    acceptor_.async_accept([this](error_code error, TcpSocket socket) {
      if (error) return;
      serve(std::make_shared<Connection>(std::move(socket)));
      accept();
    });
  }
  void serve(const std::shared_ptr<Connection>& on) {
    asio::async_read(on->socket, asio::buffer(on->size), [this, on](error_code error, std::size_t) {
      if (error) return;
      on->query.resize(static_cast<std::uint8_t>(on->size[0]) * 256U + static_cast<std::uint8_t>(on->size[1]));
      asio::async_read(on->socket, asio::buffer(on->query), [this, on](error_code failed, std::size_t) {
        if (failed) return;
        ++asked_over_tcp;
        const std::string reply = answer_to(on->query, false);
        on->reply = u16(reply.size()) + reply;
        asio::async_write(on->socket, asio::buffer(on->reply), [this, on](error_code gone, std::size_t) {
          if (!gone) serve(on);
        });
      });
    });
  }

  void read() {
    socket_.async_receive_from(asio::buffer(in_), peer_, [this](error_code error, std::size_t n) {
      if (error) return;
      const std::string reply = answer_to(std::string(in_.data(), n), true);
      if (!reply.empty()) socket_.send_to(asio::buffer(reply), peer_);
      read();
    });
  }

  // Nothing: it is silent.
  std::string answer_to(const std::string& query, bool in_datagram) {
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
    if (what.silent) return {};
    if (what.truncated && in_datagram) {
      return query.substr(0, 2) + '\x86' + '\0' + std::string("\0\1\0\0\0\0\0\0", 8) + query.substr(12, at + 5 - 12);
    }
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
    return reply;
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

  Loop& loop_;
  Socket socket_;
  TcpAcceptor acceptor_;
  std::array<char, 1500> in_{};
  asio::ip::udp::endpoint peer_;
};

}  // namespace shared::test

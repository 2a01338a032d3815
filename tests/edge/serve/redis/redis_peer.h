#pragma once
// RedisPeer: a scripted Redis on the test's own loop: it reads whole commands and answers as told, is silent or closes.
// One thread, loopback, port 0.

#include <array>
#include <charconv>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include "shared/serve/loop/loop.h"

namespace edge::test {

class RedisPeer {
 public:
  using Command = std::vector<std::string>;
  // The octets to answer with; nothing: silence.
  using Script = std::function<std::optional<std::string>(const Command&)>;

  explicit RedisPeer(shared::Loop& loop) : acceptor_(loop) {
    acceptor_.open(shared::asio::ip::tcp::v4());
    acceptor_.bind({shared::asio::ip::address_v4::loopback(), 0});
    acceptor_.listen();
    port_ = acceptor_.local_endpoint().port();
    accept();
  }
  RedisPeer(const RedisPeer&) = delete;
  RedisPeer& operator=(const RedisPeer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] shared::Endpoint endpoint() const { return {shared::IpAddress::v4(0x7F000001), port_}; }
  // A server that takes writes, and says OK to all that it does not know.
  static std::string plain(const Command& command) {
    if (command.front() == "ROLE") return "*1\r\n$6\r\nmaster\r\n";
    return "+OK\r\n";
  }
  void close_all() {
    shared::error_code ignored;
    for (const auto& connection : std::exchange(connections_, {})) connection->socket.close(ignored);
  }
  void say(const std::string& octets) {
    for (const auto& connection : connections_) {
      shared::asio::write(connection->socket, shared::asio::buffer(octets));
    }
  }
  [[nodiscard]] std::size_t asked(const std::string& name) const {
    std::size_t count = 0;
    for (const Command& command : commands) count += command.front() == name ? 1U : 0U;
    return count;
  }

  Script script = plain;
  std::vector<Command> commands;
  std::size_t accepted = 0;

 private:
  struct Connection {
    explicit Connection(shared::TcpSocket made) : socket(std::move(made)) {}
    shared::TcpSocket socket;
    std::array<char, 65536> in{};
    std::string read;
  };
  using Held = std::shared_ptr<Connection>;

  void accept() {
    acceptor_.async_accept([this](shared::error_code error, shared::TcpSocket socket) {
      if (error) return;
      ++accepted;
      read(connections_.emplace_back(std::make_shared<Connection>(std::move(socket))));
      accept();
    });
  }

  void read(const Held& connection) {
    connection->socket.async_read_some(shared::asio::buffer(connection->in),
                                       [this, connection](shared::error_code error, std::size_t n) {
                                         if (error) {
                                           std::erase(connections_, connection);
                                           return;
                                         }
                                         connection->read.append(connection->in.data(), n);
                                         answer(*connection);
                                         if (connection->socket.is_open()) read(connection);
                                       });
  }

  void answer(Connection& connection) {
    while (const auto command = take(connection.read)) {
      commands.push_back(*command);
      const auto said = script(*command);
      shared::error_code ignored;
      if (said && connection.socket.is_open()) {
        shared::asio::write(connection.socket, shared::asio::buffer(*said), ignored);
      }
    }
  }

  // "*2\r\n$4\r\nECHO\r\n$1\r\na\r\n"
  static std::optional<Command> take(std::string& octets) {
    std::size_t at = 0;
    const auto number = [&]() -> std::optional<std::size_t> {
      const std::size_t end = octets.find("\r\n", at);
      if (end == std::string::npos) return std::nullopt;
      std::size_t value = 0;
      std::from_chars(octets.data() + at + 1, octets.data() + end, value);
      at = end + 2;
      return value;
    };
    const auto words = number();
    if (!words) return std::nullopt;
    Command command;
    for (std::size_t i = 0; i < *words; ++i) {
      const auto size = number();
      if (!size || octets.size() < at + *size + 2) return std::nullopt;
      command.push_back(octets.substr(at, *size));
      at += *size + 2;
    }
    octets.erase(0, at);
    return command;
  }

  shared::asio::basic_socket_acceptor<shared::asio::ip::tcp, shared::LoopExecutor> acceptor_;
  std::uint16_t port_ = 0;
  std::vector<Held> connections_;
};

}  // namespace edge::test

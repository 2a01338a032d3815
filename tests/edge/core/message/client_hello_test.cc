#include "edge/core/message/client_hello.h"

#include <gtest/gtest.h>

#include <string>

namespace edge::client_hello_test {
namespace {

using State = ClientHello::State;

std::string number(std::size_t value, int octets) {
  std::string text;
  for (int i = octets - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i) & 0xFF);
  return text;
}
std::string vector(const std::string& body, int octets) { return number(body.size(), octets) + body; }
std::string extension(std::size_t type, const std::string& body) { return number(type, 2) + vector(body, 2); }
std::string server_name(const std::string& name) {
  return extension(0, vector(std::string(1, '\0') + vector(name, 2), 2));
}

// A handshake message with these extensions.
std::string hello(const std::string& extensions) {
  const std::string body = "\x03\x03" + std::string(32, 'r') + vector(std::string(32, 's'), 1) +
                           vector("\x13\x01\x13\x02", 2) + vector(std::string(1, '\0'), 1) + vector(extensions, 2);
  return "\x01" + vector(body, 3);
}
std::string record(const std::string& body) { return "\x16\x03\x01" + vector(body, 2); }

std::string name_in(const std::string& octets) {
  const ClientHello read = read_client_hello(octets);
  if (read.state == State::bad) return "bad: " + std::string(read.reason);
  return read.state == State::complete ? read.name : "incomplete";
}

const std::string kGrease = extension(0x1A1A, "") + extension(0x2A2A, "\0");
const std::string kOuter = extension(0xFE0D, std::string(200, 'e'));  // encrypted_client_hello

TEST(ClientHello, TheNameIsFoundAmongAllElse) {
  EXPECT_EQ(name_in(record(hello(server_name("shop.example")))), "shop.example");
  EXPECT_EQ(name_in(record(hello(kGrease + kOuter + server_name("Shop.EXAMPLE") + extension(16, "\0\x03\x02h2")))),
            "shop.example");
  EXPECT_EQ(name_in(record(hello(server_name("shop.example"))) + "more of it"), "shop.example");
  EXPECT_EQ(name_in(record(hello(server_name("shop.example.")))), "shop.example");
}

TEST(ClientHello, NoNameIsNoMistake) {
  EXPECT_EQ(name_in(record(hello(kGrease))), "");
  EXPECT_EQ(name_in(record(hello(""))), "");
  const std::string old = "\x03\x01" + std::string(32, 'r') + std::string(1, '\0') + vector("\0\x2f", 2);
  const std::string body = "\x03\x01" + std::string(32, 'r') + std::string(1, '\0') +
                           vector(std::string("\0\x2f", 2), 2) + vector(std::string(1, '\0'), 1);
  EXPECT_EQ(name_in(record("\x01" + vector(body, 3))), "") << "a client without extensions";
  EXPECT_EQ(name_in(record("\x01" + vector(old, 3))).substr(0, 3), "bad");
}

TEST(ClientHello, ComesInAnyNumberOfSegmentsAndRecords) {
  const std::string message = hello(kGrease + server_name("shop.example"));
  std::string many;
  for (std::size_t at = 0; at < message.size(); at += 10) many += record(message.substr(at, 10));
  for (const std::string& whole : {record(message), many, record(message.substr(0, 2)) + record(message.substr(2))}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const ClientHello read = read_client_hello(std::string_view(whole).substr(0, size));
      ASSERT_EQ(read.state, State::incomplete) << size;
      ASSERT_GT(read.needed, size);
      ASSERT_LE(read.needed, whole.size());
    }
    EXPECT_EQ(name_in(whole), "shop.example");
  }
}

TEST(ClientHello, WhatIsNoneIsKnownAtTheFirstOctets) {
  EXPECT_EQ(name_in("G"), "bad: not TLS");
  EXPECT_EQ(name_in("SSH-2.0-OpenSSH"), "bad: not TLS");
  EXPECT_EQ(name_in("\x80\x2e\x01\x03\x01"), "bad: not TLS") << "SSL 2";
  EXPECT_EQ(name_in("\x16\x02"), "bad: not TLS");
  EXPECT_EQ(name_in(std::string("\x16\x03\x01\x00\x00", 5)), "bad: a TLS record of an absurd length");
  EXPECT_EQ(name_in("\x16\x03\x01\xff\xff"), "bad: a TLS record of an absurd length");
  EXPECT_EQ(name_in(record("\x02")), "bad: TLS that does not begin with a ClientHello");
  EXPECT_EQ(name_in(record(std::string("\x01\x00\xff\xff", 4))), "bad: ClientHello too long");
  std::string crumbs;
  const std::string message = hello(kOuter);
  for (const char c : message) crumbs += record(std::string(1, c));
  EXPECT_EQ(name_in(crumbs), "bad: ClientHello in too many records");
}

TEST(ClientHello, WhatIsBrokenInsideIsBad) {
  const std::string good = server_name("shop.example");
  EXPECT_EQ(name_in(record(hello(good + good))), "bad: an extension stands twice in the ClientHello");
  EXPECT_EQ(name_in(record(hello(good.substr(0, good.size() - 1)))), "bad: broken extensions in the ClientHello");
  for (const std::string& name : {std::string(), std::string("a\0b", 3), std::string("a b"), std::string(254, 'a'),
                                  std::string("\xC3\xA4.example")}) {
    EXPECT_EQ(name_in(record(hello(server_name(name)))), "bad: broken server name in the ClientHello") << name;
  }
  EXPECT_EQ(name_in(record(hello(extension(0, "")))), "bad: broken server name in the ClientHello");
  EXPECT_EQ(name_in(record(hello(extension(0, std::string("\0\x05\0\0\x01", 5) + "a")))),
            "bad: broken server name in the ClientHello");
  // Every length inside, once too small and once too large.
  const std::string whole = hello(good);
  for (std::size_t at = 4; at < whole.size(); ++at) {
    for (const int change : {-1, 1, 127}) {
      std::string other = whole;
      other[at] = static_cast<char>(other[at] + change);
      static_cast<void>(read_client_hello(record(other)));
    }
  }
}

}  // namespace
}  // namespace edge::client_hello_test

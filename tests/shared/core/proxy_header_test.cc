#include "shared/core/proxy_header.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace shared::proxy_header_test {
namespace {

using State = ProxyRead::State;

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string octets(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text.push_back(static_cast<char>(value));
  return text;
}

std::string v2(int command, int family, const std::string& rest) {
  const auto size = static_cast<int>(rest.size());
  return kSignature + octets({command, family, size >> 8, size & 0xFF}) + rest;
}

const std::string kFour = octets({192, 0, 2, 1, 198, 51, 100, 2, 0xDC, 0x04, 0x01, 0xBB});

std::string vector(int type, const std::string& value) {
  return octets({type, static_cast<int>(value.size() >> 8), static_cast<int>(value.size() & 0xFF)}) + value;
}

TEST(ProxyHeader, Version1) {
  const ProxyRead four = read_proxy_header("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\nGET /");
  ASSERT_EQ(four.state, State::complete);
  EXPECT_EQ(four.size, 45U);
  EXPECT_TRUE(four.header.tells);
  EXPECT_EQ(four.header.source.to_string(), "192.0.2.1:56324");
  EXPECT_EQ(four.header.destination.to_string(), "198.51.100.2:443");
  const ProxyRead six = read_proxy_header("PROXY TCP6 2001:db8::1 2001:db8::2 0 65535\r\n");
  ASSERT_EQ(six.state, State::complete);
  EXPECT_EQ(six.header.source.to_string(), "[2001:db8::1]:0");
  EXPECT_EQ(six.header.destination.port, 65535);
}

TEST(ProxyHeader, Version1Unknown) {
  for (const std::string_view line : {"PROXY UNKNOWN\r\n", "PROXY UNKNOWN 1 2 whatever\r\n"}) {
    const ProxyRead read = read_proxy_header(line);
    EXPECT_EQ(read.state, State::complete) << line;
    EXPECT_EQ(read.size, line.size());
    EXPECT_FALSE(read.header.tells);
  }
}

TEST(ProxyHeader, Version1ThatIsBad) {
  for (const std::string_view line : {"PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\n",
                                      "PROXY TCP4 192.0.2.1 198.51.100.2 56324 \r\n",
                                      "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443 \r\n",
                                      "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443 1\r\n",
                                      "PROXY TCP4  192.0.2.1 198.51.100.2 56324 443\r\n",
                                      "PROXY TCP4 192.0.2.1 198.51.100.2 056 443\r\n",
                                      "PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n",
                                      "PROXY TCP4 192.0.2.1 198.51.100.2 +1 443\r\n",
                                      "PROXY TCP4 192.0.2.1 198.51.100.2 -1 443\r\n",
                                      "PROXY TCP4 192.0.2.256 198.51.100.2 1 443\r\n",
                                      "PROXY TCP4 2001:db8::1 2001:db8::2 1 443\r\n",
                                      "PROXY TCP6 192.0.2.1 198.51.100.2 1 443\r\n",
                                      "PROXY TCP5 192.0.2.1 198.51.100.2 1 443\r\n",
                                      "PROXY tcp4 192.0.2.1 198.51.100.2 1 443\r\n",
                                      "PROXY UNKNOWNX\r\n",
                                      "PROXY \r\n",
                                      "PROXY  TCP4 192.0.2.1 198.51.100.2 1 443\r\n",
                                      "PROXY TCP4 192.0.2.1 198.51.100.2 1 443\n",
                                      "proxy TCP4 192.0.2.1 198.51.100.2 1 443\r\n",
                                      "GET / HTTP/1.1\r\n",
                                      "\r\nGET /"}) {
    const ProxyRead read = read_proxy_header(line);
    EXPECT_EQ(read.state, State::bad) << line;
    EXPECT_FALSE(read.why.empty());
  }
  std::string longest = "PROXY UNKNOWN ";
  longest.append(kMaxProxyHeaderV1 - 2 - longest.size(), 'x');
  EXPECT_EQ(read_proxy_header(longest + "\r\n").size, kMaxProxyHeaderV1);
  EXPECT_EQ(read_proxy_header(longest + "x\r\n").state, State::bad);
  EXPECT_EQ(read_proxy_header(longest + "\r").state, State::incomplete);
}

TEST(ProxyHeader, Version2) {
  const std::string four = v2(0x21, 0x11, kFour);
  const ProxyRead read = read_proxy_header(four + "GET /");
  ASSERT_EQ(read.state, State::complete);
  EXPECT_EQ(read.size, four.size());
  EXPECT_TRUE(read.header.tells);
  EXPECT_EQ(read.header.source.to_string(), "192.0.2.1:56324");
  EXPECT_EQ(read.header.destination.to_string(), "198.51.100.2:443");
  std::string addresses(36, '\0');
  addresses[0] = 0x20;
  addresses[15] = 1;
  addresses[31] = 2;
  addresses[33] = 80;
  const std::string six = v2(0x21, 0x21, addresses);
  EXPECT_EQ(read_proxy_header(six).header.source.to_string(), "[2000::1]:80");
  EXPECT_EQ(read_proxy_header(six).header.destination.to_string(), "[::2]:0");
}

TEST(ProxyHeader, Version2WithoutAClient) {
  for (const std::string& header : {v2(0x20, 0x00, ""), v2(0x20, 0x11, kFour), v2(0x20, 0x11, "x"), v2(0x21, 0x00, ""),
                                    v2(0x21, 0x31, std::string(216, 'u')), v2(0x21, 0x12, kFour)}) {
    const ProxyRead read = read_proxy_header(header);
    EXPECT_EQ(read.state, State::complete);
    EXPECT_EQ(read.size, header.size());
    EXPECT_FALSE(read.header.tells);
  }
}

TEST(ProxyHeader, Version2ThatIsBad) {
  EXPECT_EQ(read_proxy_header(v2(0x11, 0x11, kFour)).state, State::bad) << "version";
  EXPECT_EQ(read_proxy_header(v2(0x22, 0x11, kFour)).state, State::bad) << "command";
  EXPECT_EQ(read_proxy_header(v2(0x21, 0x41, kFour)).state, State::bad) << "family";
  EXPECT_EQ(read_proxy_header(v2(0x21, 0x13, kFour)).state, State::bad) << "transport";
  EXPECT_EQ(read_proxy_header(v2(0x21, 0x11, kFour.substr(1))).state, State::bad) << "short addresses";
  EXPECT_EQ(read_proxy_header(v2(0x21, 0x21, kFour)).state, State::bad) << "short addresses";
  EXPECT_EQ(read_proxy_header(v2(0x21, 0x11, kFour + "\1")).state, State::bad) << "TLVs";
  EXPECT_EQ(read_proxy_header(v2(0x21, 0x11, kFour + octets({1, 0, 2, 'h'}))).state, State::bad) << "TLVs";
  EXPECT_EQ(read_proxy_header(v2(0x21, 0x11, kFour + vector(0x05, std::string(129, 'u')))).state, State::bad);
  EXPECT_EQ(read_proxy_header(v2(0x21, 0x11, kFour + vector(0x20, "1234"))).state, State::bad);
  EXPECT_EQ(read_proxy_header(v2(0x21, 0x11, kFour + vector(0x03, "123"))).state, State::bad);
  EXPECT_EQ(read_proxy_header(v2(0x21, 0x11, kFour + vector(0x03, "1234"))).state, State::bad);
}

// What cannot become right is not waited for.
TEST(ProxyHeader, Version2ThatIsBadIsKnownAtOnce) {
  for (const auto& begin : {octets({0x31}), octets({0x22}), octets({0x21, 0x41}), octets({0x21, 0x13})}) {
    EXPECT_EQ(read_proxy_header(kSignature + begin).state, State::bad);
    EXPECT_NE(read_proxy_header((kSignature + begin).substr(0, 11 + begin.size())).state, State::bad);
  }
}

TEST(ProxyHeader, IsCappedAt4096Octets) {
  const std::string rest = kFour + vector(0x04, std::string(kMaxProxyHeader - 16 - 12 - 3, 'n'));
  EXPECT_EQ(read_proxy_header(v2(0x21, 0x11, rest)).state, State::complete);
  EXPECT_EQ(read_proxy_header(v2(0x21, 0x11, rest + "x").substr(0, 16)).state, State::bad) << "known by its length";
}

TEST(ProxyHeader, Vectors) {
  const std::string tls = octets({0x07, 0, 0, 0, 0}) + vector(0x21, "TLSv1.3") + vector(0x22, "alice");
  const std::string header = v2(0x21, 0x11,
                                kFour + vector(0x01, "h2") + vector(0x02, "shop.example") + vector(0x04, "padding") +
                                    vector(0x05, std::string("id\0x", 4)) + vector(0x20, tls) +
                                    vector(0xEE, "unknown") + vector(0x01, "again"));
  const ProxyRead read = read_proxy_header(header);
  ASSERT_EQ(read.state, State::complete);
  EXPECT_EQ(read.header.alpn, "h2") << "the first one counts";
  EXPECT_EQ(read.header.authority, "shop.example");
  EXPECT_EQ(read.header.unique_id, std::string_view("id\0x", 4));
  EXPECT_TRUE(read.header.tls);
  EXPECT_EQ(read.header.tls_version, "TLSv1.3");
  EXPECT_EQ(read.header.tls_client, "alice");
  EXPECT_TRUE(read.header.tls_verified);
  const std::string none = octets({0x00, 0, 0, 0, 1});
  EXPECT_FALSE(read_proxy_header(v2(0x21, 0x11, kFour + vector(0x20, none))).header.tls);
}

// Of the client octet: TLS was spoken, a certificate was shown on this connection, or in its session; and the number
// behind it, 0 when that was verified.
TEST(ProxyHeader, WhoSpokeTlsAndWhoWasVerified) {
  struct Case {
    int client;
    std::initializer_list<int> verify;
    bool tls;
    bool verified;
  };
  for (const Case& c : std::initializer_list<Case>{{0x01, {0, 0, 0, 0}, true, false},
                                                   {0x03, {0, 0, 0, 0}, true, true},
                                                   {0x05, {0, 0, 0, 0}, true, true},
                                                   {0x02, {0, 0, 0, 0}, false, true},
                                                   {0x08, {0, 0, 0, 0}, false, false},
                                                   {0x07, {0, 0, 0, 1}, true, false},
                                                   {0x07, {0, 0, 1, 0}, true, false},
                                                   {0x07, {0, 1, 0, 0}, true, false},
                                                   {0x07, {1, 0, 0, 0}, true, false}}) {
    const std::string header = v2(0x21, 0x11, kFour + vector(0x20, octets({c.client}) + octets(c.verify)));
    const ProxyRead read = read_proxy_header(header);
    ASSERT_EQ(read.state, State::complete) << c.client;
    EXPECT_EQ(read.header.tls, c.tls) << c.client;
    EXPECT_EQ(read.header.tls_verified, c.verified) << c.client;
  }
}

TEST(ProxyHeader, WritesWhetherACertificateWasShown) {
  ProxyHeader header;
  header.tells = true;
  header.source = *Endpoint::parse("192.0.2.1:56324");
  header.destination = *Endpoint::parse("198.51.100.2:443");
  header.tls = true;
  const auto written = [&] { return write_proxy_header(ProxyVersion::v2, header); };
  EXPECT_EQ(written(), v2(0x21, 0x11, kFour + vector(0x20, octets({0x01, 0, 0, 0, 0})))) << "no certificate";
  header.tls_verified = true;
  EXPECT_EQ(written(), v2(0x21, 0x11, kFour + vector(0x20, octets({0x07, 0, 0, 0, 0})))) << "one without a name";
  header.tls_client = "alice";
  const std::string alice = vector(0x22, "alice");
  EXPECT_EQ(written(), v2(0x21, 0x11, kFour + vector(0x20, octets({0x07, 0, 0, 0, 0}) + alice)));
  header.tls_verified = false;
  EXPECT_EQ(written(), v2(0x21, 0x11, kFour + vector(0x20, octets({0x07, 0, 0, 0, 1}) + alice)));
  header.tls = false;
  EXPECT_EQ(written(), v2(0x21, 0x11, kFour)) << "no TLS, nothing of it";
}

// The checksum of "123456789" is E3069283; here over a header whose checksum field is taken as zero.
TEST(ProxyHeader, ChecksumIsVerified) {
  std::string header = v2(0x21, 0x11, kFour + vector(0x03, std::string(4, '\0')));
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char c : header) {
    crc ^= static_cast<std::uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0x82F63B78 : crc >> 1;
  }
  crc = ~crc;
  for (int i = 0; i < 4; ++i) header[header.size() - 4 + i] = static_cast<char>(crc >> (24 - 8 * i));
  EXPECT_EQ(read_proxy_header(header).state, State::complete);
  header[16] ^= 1;
  EXPECT_EQ(read_proxy_header(header).state, State::bad);
}

TEST(ProxyHeader, ComesInAnyPieces) {
  for (const std::string& header :
       {std::string("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"), std::string("PROXY UNKNOWN\r\n"),
        v2(0x20, 0x00, ""), v2(0x21, 0x11, kFour + vector(0x02, "shop.example"))}) {
    for (std::size_t n = 0; n < header.size(); ++n) {
      EXPECT_EQ(read_proxy_header(std::string_view(header).substr(0, n)).state, State::incomplete) << n;
    }
    EXPECT_EQ(read_proxy_header(header).state, State::complete);
  }
}

TEST(ProxyHeader, WrittenIsReadAgain) {
  ProxyHeader header;
  EXPECT_EQ(write_proxy_header(ProxyVersion::v1, header), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(write_proxy_header(ProxyVersion::v2, header), v2(0x20, 0x00, ""));
  header.tells = true;
  header.source = *Endpoint::parse("192.0.2.1:56324");
  header.destination = *Endpoint::parse("198.51.100.2:443");
  EXPECT_EQ(write_proxy_header(ProxyVersion::v1, header), "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n");
  EXPECT_EQ(write_proxy_header(ProxyVersion::v2, header), v2(0x21, 0x11, kFour));
  header.destination = *Endpoint::parse("[2001:db8::1]:443");
  EXPECT_EQ(read_proxy_header(write_proxy_header(ProxyVersion::v1, header)).header.source.address.to_string(),
            "::ffff:192.0.2.1");
  header.alpn = "h2";
  header.authority = "shop.example";
  header.unique_id = "0123";
  header.tls = true;
  header.tls_version = "TLSv1.3";
  header.tls_client = "alice";
  const std::string text = write_proxy_header(ProxyVersion::v2, header);
  const ProxyRead read = read_proxy_header(text);
  ASSERT_EQ(read.state, State::complete);
  EXPECT_EQ(read.header.destination, header.destination);
  EXPECT_EQ(read.header.alpn, "h2");
  EXPECT_EQ(read.header.authority, "shop.example");
  EXPECT_EQ(read.header.unique_id, "0123");
  EXPECT_TRUE(read.header.tls);
  EXPECT_EQ(read.header.tls_version, "TLSv1.3");
  EXPECT_EQ(read.header.tls_client, "alice");
  EXPECT_FALSE(read.header.tls_verified);
}

}  // namespace
}  // namespace shared::proxy_header_test

#include "edge/serve/request/greeting.h"

#include <gtest/gtest.h>

namespace edge::test::greeting_test {
namespace {

class Source final : public RequestSource {
 public:
  Source() {
    header.tells = true;
    header.source = *shared::Endpoint::parse("192.0.2.1:5");
    header.destination = *shared::Endpoint::parse("198.51.100.2:443");
  }

  const RequestFacts& facts() const override { return facts_; }
  BodyPiece peek() override { return {}; }
  void consume(std::size_t) override {}
  std::string_view trailers() const override { return {}; }
  BodyFailure failure() const override { return BodyFailure::none; }
  void invite() override {}
  bool abandoned() const override { return false; }
  shared::ProxyHeader introduction() const override { return header; }

  shared::ProxyHeader header;

 private:
  RequestFacts facts_;
};

Pool pool(std::optional<shared::ProxyVersion> version) {
  Pool made;
  made.proxy_protocol = version;
  return made;
}

TEST(Greeting, NoneUnlessThePoolWantsIt) {
  const Greeting greeting = greeting_for(pool({}), Source(), Source().header.source.address, "id");
  EXPECT_TRUE(greeting.about.empty() && greeting.octets.empty());
}

TEST(Greeting, TellsOfTheClientAndGivesItsConnectionAnId) {
  const Source source;
  const Greeting greeting = greeting_for(pool(shared::ProxyVersion::v2), source, source.header.source.address, "id");
  const auto read = shared::read_proxy_header(greeting.octets);
  EXPECT_EQ(read.header.source, source.header.source);
  EXPECT_EQ(read.header.destination, source.header.destination);
  EXPECT_EQ(read.header.unique_id, "id");
  EXPECT_EQ(greeting.about,
            greeting_for(pool(shared::ProxyVersion::v2), source, source.header.source.address, "2").about)
      << "the client's next request may use the same connection";
  const Greeting line = greeting_for(pool(shared::ProxyVersion::v1), source, source.header.source.address, "id");
  EXPECT_EQ(line.octets, "PROXY TCP4 192.0.2.1 198.51.100.2 5 443\r\n");
}

TEST(Greeting, AClientBehindATrustedProxyIsToldWithoutItsPort) {
  const Source source;
  const auto client = *shared::IpAddress::parse("203.0.113.9");
  const Greeting greeting = greeting_for(pool(shared::ProxyVersion::v1), source, client, "id");
  EXPECT_EQ(greeting.octets, "PROXY TCP4 203.0.113.9 198.51.100.2 0 443\r\n");
}

TEST(Greeting, AnIdThatWasToldIsPassedOn) {
  Source source;
  source.header.unique_id = "told";
  const Greeting greeting = greeting_for(pool(shared::ProxyVersion::v2), source, source.header.source.address, "id");
  EXPECT_EQ(shared::read_proxy_header(greeting.octets).header.unique_id, "told");
}

}  // namespace
}  // namespace edge::test::greeting_test

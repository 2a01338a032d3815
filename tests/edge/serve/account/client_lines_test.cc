#include "edge/serve/account/client_lines.h"

#include <array>

#include <gtest/gtest.h>

namespace edge::client_lines_test {
namespace {

constexpr shared::TimePoint kNow{shared::seconds(1000)};

LinePlace place_of(std::uint8_t network) {
  LinePlace place;
  place.client = *shared::IpAddress::parse("10." + std::to_string(network) + ".0.0");
  return place;
}

TEST(ClientLines, WhoStandsLongestIsInFront) {
  ClientLines lines;
  LinePlace first = place_of(1);
  LinePlace second = place_of(2);
  lines.stand(first, ClientState::idle, kNow);
  lines.stand(second, ClientState::idle, kNow + shared::seconds(1));
  EXPECT_EQ(lines.longest(ClientState::idle, nullptr), &first);
  EXPECT_EQ(lines.longest(ClientState::idle, &second.client), &second);
  EXPECT_EQ(lines.longest(ClientState::head, nullptr), nullptr);
  lines.stand(first, ClientState::busy, kNow + shared::seconds(2));
  EXPECT_EQ(lines.longest(ClientState::idle, nullptr), &second);
  lines.stand(first, ClientState::idle, kNow + shared::seconds(3));
  EXPECT_EQ(lines.longest(ClientState::idle, nullptr), &second) << "it has gone to the end";
}

TEST(ClientLines, HeadsHaveALineOfTheirOwn) {
  ClientLines lines;
  std::array<LinePlace, 3> places{place_of(1), place_of(2), place_of(3)};
  for (LinePlace& place : places) lines.stand(place, ClientState::head, kNow);
  EXPECT_EQ(lines.heads().size(), 3U);
  lines.stand(places[1], ClientState::busy, kNow);  // from the middle
  EXPECT_EQ(lines.heads().size(), 2U);
  EXPECT_EQ(lines.heads().front(), &places[0]);
  EXPECT_EQ(places[0].after, &places[2]);
  EXPECT_EQ(places[2].before, &places[0]);
}

TEST(ClientLines, StandingStillKeepsThePlaceAndTheTime) {
  ClientLines lines;
  LinePlace place = place_of(1);
  lines.stand(place, ClientState::head, kNow);
  lines.stand(place, ClientState::head, kNow + shared::seconds(9));
  EXPECT_EQ(place.since, kNow);
}

TEST(ClientLines, CheckersStayButAreFewAndNotAllOfOneClient) {
  ClientLines lines;
  std::array<LinePlace, ClientLines::kCheckersOfOne + 1> same;
  for (LinePlace& place : same) {
    place = place_of(1);
    lines.stand(place, ClientState::checker, kNow);
  }
  EXPECT_EQ(lines.longest(ClientState::idle, nullptr), same.data())
      << "one too many of a client: its oldest is like others";
  std::array<LinePlace, ClientLines::kCheckers> others;
  for (std::size_t i = 0; i < others.size(); ++i) {
    others[i] = place_of(static_cast<std::uint8_t>(10 + i));
    lines.stand(others[i], ClientState::checker, kNow);
  }
  EXPECT_EQ(others.back().state, ClientState::checker);
  EXPECT_EQ(same.back().state, ClientState::idle) << "one too many in all: the oldest";
}

}  // namespace
}  // namespace edge::client_lines_test

#include "edge/core/h2/session.h"

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace edge::h2::session_test {
namespace {

using namespace std::literals;

struct Served : Stream {
  explicit Served(std::int32_t id) : Stream(id) {}
};

std::string frame(FrameType type, std::uint8_t flags, std::int32_t stream, std::string_view payload) {
  std::string octets(kFrameHead, '\0');
  put_frame_head(octets.data(), payload.size(), type, flags, stream);
  return octets.append(payload);
}
std::string number(std::uint32_t value) {
  std::string octets(4, '\0');
  put_number(octets.data(), value, 4);
  return octets;
}
std::string setting(Setting which, std::uint32_t value) {
  return frame(FrameType::settings, 0, 0, "\0"s + static_cast<char>(which) + number(value));
}
std::string head(std::int32_t id, bool ends = true) {
  return frame(FrameType::headers, static_cast<std::uint8_t>(kEndHeaders | (ends ? kEndStream : 0)), id,
               "\x82\x86\x84\x01\x01h");
}
std::string data(std::int32_t id, std::string_view octets, bool ends = false) {
  return frame(FrameType::data, ends ? kEndStream : 0, id, octets);
}
std::string update(std::int32_t id, std::uint32_t increment) {
  return frame(FrameType::window_update, 0, id, number(increment));
}
std::string reset(std::int32_t id) { return frame(FrameType::rst_stream, 0, id, number(8)); }

class SessionTest : public testing::Test {
 protected:
  explicit SessionTest(std::uint32_t window = 200'000) : session_(*std::pmr::new_delete_resource(), window) {
    EXPECT_EQ(say(std::string(kPreface) + frame(FrameType::settings, 0, 0, "")), (std::vector{What::settings}));
  }

  // What comes of these octets; streams are accepted.
  std::vector<What> say(std::string_view octets) {
    std::vector<What> all;
    while (true) {
      const Event event = session_.next(octets);
      if (event.what == What::more) return all;
      all.push_back(event.what);
      last_ = event;
      if (event.what == What::error) return all;
      if (event.what == What::request && accepts_) session_.accept(streams_.emplace_back(event.id));
      if (event.what == What::stream_error) {
        failed_ = event.error;
        if (event.stream != nullptr) session_.close(*event.stream);
      }
      if (event.what == What::data) taken_ += event.octets;
    }
  }
  Error error_of(std::string_view octets) {
    const std::vector<What> all = say(octets);
    return !all.empty() && all.back() == What::error ? last_.error : Error::none;
  }
  Error stream_error_of(std::string_view octets) {
    failed_ = Error::none;
    say(octets);
    return failed_;
  }

  Session session_;
  std::deque<Served> streams_;
  Event last_;
  Error failed_ = Error::none;
  std::string taken_;
  bool accepts_ = true;
};

TEST_F(SessionTest, ARequestIsItsFieldsAndItsData) {
  EXPECT_EQ(say(head(1)),
            (std::vector{What::request, What::field, What::field, What::field, What::field, What::head_end}));
  EXPECT_TRUE(last_.ends);
  EXPECT_TRUE(streams_[0].remote_ended());
  say(head(3, false));
  EXPECT_FALSE(last_.ends);
  EXPECT_EQ(say(data(3, "ab") + data(3, "") + data(3, "c", true)), (std::vector{What::data, What::data, What::data}));
  EXPECT_TRUE(last_.ends);
  EXPECT_EQ(taken_, "abc");
  EXPECT_TRUE(streams_[1].open());
  session_.sent_end(streams_[1]);
  EXPECT_FALSE(streams_[1].open());
}

TEST_F(SessionTest, TrailersEndAStream) {
  say(head(1, false) + data(1, "abc"));
  EXPECT_EQ(say(frame(FrameType::headers, kEndHeaders | kEndStream, 1, "\x00\x01x\x01y"sv)),
            (std::vector{What::trailers, What::field, What::head_end}));
  EXPECT_TRUE(streams_[0].remote_ended());
  say(head(3, false));
  EXPECT_EQ(stream_error_of(frame(FrameType::headers, kEndHeaders, 3, "\x00\x01x\x01y"sv)), Error::protocol);
}

TEST_F(SessionTest, WhoIsRefusedHasItsFieldsReadForTheTable) {
  accepts_ = false;
  EXPECT_EQ(say(frame(FrameType::headers, kEndHeaders, 1, "\x40\x01x\x01y")),
            (std::vector{What::request, What::head_end}));
  EXPECT_EQ(say(data(1, "late")), (std::vector{What::data}));
  EXPECT_EQ(last_.stream, nullptr);
  accepts_ = true;
  EXPECT_EQ(say(frame(FrameType::headers, kEndHeaders, 3, "\xbe")),
            (std::vector{What::request, What::field, What::head_end}));
  EXPECT_EQ(session_.last_accepted(), 3);
}

TEST_F(SessionTest, AfterTheLastNobodyIsLetIn) {
  say(head(1));
  session_.refuse_more();
  EXPECT_EQ(say(head(3)), (std::vector{What::head_end}));
  EXPECT_FALSE(session_.over());
  session_.sent_end(streams_[0]);
  EXPECT_TRUE(session_.over());
}

// 5.1
TEST_F(SessionTest, WhatComesOnAnIdleStreamIsAnError) {
  for (const std::string& octets : {data(1, "x"), reset(1), update(1, 1), data(2, "x"), reset(2), head(2)}) {
    Session fresh(*std::pmr::new_delete_resource(), 100'000);
    const std::string all = std::string(kPreface) + frame(FrameType::settings, 0, 0, "") + octets;
    std::string_view rest = all;
    EXPECT_EQ(fresh.next(rest).what, What::settings);
    const Event event = fresh.next(rest);
    EXPECT_EQ(event.what, What::error);
    EXPECT_EQ(event.error, Error::protocol);
  }
}

TEST_F(SessionTest, WhatComesBehindTheEndIsAnError) {
  say(head(1));
  EXPECT_EQ(error_of(data(1, "x")), Error::stream_closed);
}
TEST_F(SessionTest, SoIsAHead) {
  say(head(1));
  EXPECT_EQ(error_of(head(1)), Error::stream_closed);
}
TEST_F(SessionTest, AndWhatComesOnAStreamThatIsOver) {
  say(head(1));
  session_.sent_end(streams_[0]);
  EXPECT_EQ(say(update(1, 5) + reset(1) + frame(FrameType::priority, 0, 1, "12345")),
            (std::vector{What::window_update, What::reset, What::priority}));
  EXPECT_EQ(error_of(data(1, "x")), Error::stream_closed);
}
TEST_F(SessionTest, AndAStreamThatWasPassedOver) {
  say(head(5));
  EXPECT_EQ(error_of(head(3)), Error::protocol);
}
TEST_F(SessionTest, WhatIsLateOnAStreamThatWeHaveResetIsNone) {
  say(head(1, false));
  session_.close(streams_[0]);
  EXPECT_EQ(say(data(1, "late") + head(1)), (std::vector{What::data, What::head_end}));
  EXPECT_EQ(last_.stream, nullptr);
}

TEST_F(SessionTest, AResetClosesTheStream) {
  say(head(1, false));
  EXPECT_EQ(say(reset(1)), (std::vector{What::reset}));
  EXPECT_EQ(last_.stream, &streams_[0]);
  EXPECT_FALSE(streams_[0].open());
  EXPECT_EQ(error_of(data(1, "x")), Error::stream_closed);
}

// 8.1.1
TEST_F(SessionTest, ContentIsAsLongAsItSays) {
  std::int32_t id = 1;
  for (const std::string& octets : {data(1, "abcdef"), data(1, "abcd", true), data(1, "", true),
                                    frame(FrameType::headers, kEndHeaders | kEndStream, 1, "")}) {
    say(head(id, false));
    streams_.back().expect(5);
    std::string on_it = octets;
    on_it[8] = static_cast<char>(id);
    EXPECT_EQ(stream_error_of(on_it), Error::protocol);
    id += 2;
  }
  say(head(id, false));
  streams_.back().expect(5);
  EXPECT_EQ(stream_error_of(data(id, "ab") + data(id, "cde", true)), Error::none);
}

// 6.5.2
TEST_F(SessionTest, SettingsHaveTheirValues) {
  EXPECT_EQ(error_of(setting(Setting::enable_push, 2)), Error::protocol);
  EXPECT_EQ(error_of(setting(Setting::initial_window_size, 1U << 31)), Error::flow_control);
  EXPECT_EQ(error_of(setting(Setting::max_frame_size, 16'383)), Error::protocol);
  EXPECT_EQ(error_of(setting(Setting::max_frame_size, 1U << 24)), Error::protocol);
  EXPECT_EQ(error_of(setting(Setting::enable_connect_protocol, 2)), Error::protocol);
  EXPECT_EQ(error_of(setting(Setting::no_rfc7540_priorities, 2)), Error::protocol);
  EXPECT_EQ(error_of(setting(Setting::no_rfc7540_priorities, 1)), Error::none);
  EXPECT_EQ(error_of(setting(Setting::no_rfc7540_priorities, 0)), Error::protocol);
  EXPECT_EQ(error_of(setting(static_cast<Setting>(200), 7) + setting(Setting::max_frame_size, 16'384)), Error::none);
  EXPECT_EQ(say(frame(FrameType::settings, kAck, 0, "")), (std::vector{What::settings_ack}));
  EXPECT_EQ(error_of(frame(FrameType::settings, kAck, 0, "")), Error::protocol);
  EXPECT_TRUE(session_.settings_known());
  session_.tell_settings();
  EXPECT_FALSE(session_.settings_known());
  EXPECT_EQ(say(frame(FrameType::settings, kAck, 0, "")), (std::vector{What::settings_ack}));
  EXPECT_TRUE(session_.settings_known());
  EXPECT_EQ(error_of(frame(FrameType::settings, kAck, 0, "")), Error::protocol);
  EXPECT_EQ(error_of(frame(FrameType::settings, 0, 0, std::string(6 * 33, '\x0f'))), Error::enhance_your_calm);
}

// 6.9
TEST_F(SessionTest, NoMoreIsSentThanTheWindowsLet) {
  say(setting(Setting::initial_window_size, 10) + head(1) + head(3));
  session_.wants_to_send(streams_[0]);
  EXPECT_EQ(session_.room(streams_[0]), 10U);
  session_.sent_data(streams_[0], 10, false);
  EXPECT_EQ(session_.room(streams_[0]), 0U);
  EXPECT_TRUE(session_.starve(streams_[0]));
  EXPECT_EQ(session_.next_to_send(), nullptr);
  say(setting(Setting::initial_window_size, 5));
  say(update(1, 5));
  EXPECT_EQ(session_.next_to_send(), nullptr) << "from -5 to 0";
  say(update(1, 1));
  EXPECT_EQ(session_.next_to_send(), &streams_[0]);
  EXPECT_EQ(session_.room(streams_[0]), 1U);
  say(setting(Setting::initial_window_size, 1'000'000));
  EXPECT_EQ(session_.room(streams_[0]), kMaxFrame);
  session_.sent_data(streams_[0], kMaxFrame, false);
  session_.sent_data(streams_[0], 3 * kMaxFrame - 11, false);
  EXPECT_EQ(session_.room(streams_[1]), 0U) << "the connection's is used up";
  EXPECT_FALSE(session_.starve(streams_[1]));
  say(update(0, 7));
  EXPECT_EQ(session_.room(streams_[1]), 7U);
}

TEST_F(SessionTest, WindowsHaveAMost) {
  say(head(1) + head(3));
  EXPECT_EQ(stream_error_of(update(1, kMaxWindow)), Error::flow_control);
  EXPECT_EQ(stream_error_of(update(3, 0)), Error::protocol);
  EXPECT_EQ(error_of(update(0, 0)), Error::protocol);
  EXPECT_EQ(error_of(update(0, kMaxWindow)), Error::flow_control);
  say(head(5) + update(5, 1'000'000));
  EXPECT_EQ(error_of(setting(Setting::initial_window_size, kMaxWindow)), Error::flow_control);
}

TEST_F(SessionTest, NoMoreMayComeThanWasConsumed) {
  say(frame(FrameType::settings, kAck, 0, "") + head(1, false) + head(3, false));
  const std::string piece(10'000, 'x');
  for (int i = 0; i < 10; ++i) EXPECT_EQ(error_of(data(1, piece)), Error::none);
  EXPECT_EQ(stream_error_of(data(1, "x")), Error::flow_control) << "a stream has a half";
  EXPECT_EQ(session_.take_increment(), 0U);
  EXPECT_EQ(session_.consumed(streams_[0], 100'000), 0U) << "it is over";
  EXPECT_EQ(session_.take_increment(), 100'001U);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(error_of(data(3, piece)), Error::none);
  EXPECT_EQ(session_.consumed(streams_[1], 49'999), 0U);
  EXPECT_EQ(session_.consumed(streams_[1], 1), 50'000U);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(error_of(data(3, piece)), Error::none);
  say(head(5, false));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(error_of(data(5, piece)), Error::none);
  EXPECT_EQ(error_of(data(5, "x")), Error::flow_control) << "and nobody has more than the connection";
}

TEST_F(SessionTest, PaddingCounts) {
  say(head(1, false));
  EXPECT_EQ(say(frame(FrameType::data, kPadded, 1, "\xff" + std::string(255, '\0'))), (std::vector{What::data}));
  EXPECT_TRUE(last_.empty);
  say(frame(FrameType::data, kPadded, 1, "\xff"s + "x" + std::string(255, '\0')));
  EXPECT_FALSE(last_.empty);
  EXPECT_EQ(session_.consumed(streams_[0], 50'000), 50'512U);
}

// RFC 9218 10.
TEST_F(SessionTest, UrgentStreamsGoFirst) {
  say(head(1) + head(3) + head(5) + head(7));
  session_.take_priority_field(streams_[0], "u=5");
  session_.take_priority_field(streams_[1], "u=1,i");
  session_.take_priority_field(streams_[2], "u=1,i");
  for (Served& stream : streams_) session_.wants_to_send(stream);
  std::vector<std::int32_t> order;
  for (int i = 0; i < 7; ++i) {
    Stream& next = *session_.next_to_send();
    order.push_back(next.id());
    session_.sent_data(next, 10, i >= 3);
  }
  EXPECT_EQ(order, (std::vector<std::int32_t>{3, 5, 3, 5, 3, 7, 1})) << "ended ones are gone";
}

TEST_F(SessionTest, APriorityUpdateCountsMoreThanTheField) {
  const auto update_of = [](std::int32_t id, std::string_view value) {
    return frame(FrameType::priority_update, 0, 0, number(static_cast<std::uint32_t>(id)).append(value));
  };
  say(update_of(3, "u=7") + head(1) + head(3));
  session_.take_priority_field(streams_[1], "u=0");
  session_.wants_to_send(streams_[1]);
  session_.wants_to_send(streams_[0]);
  EXPECT_EQ(session_.next_to_send(), &streams_[0]);
  say(update_of(3, "u=2"));
  EXPECT_EQ(session_.next_to_send(), &streams_[1]);
  EXPECT_EQ(error_of(update_of(0, "")), Error::protocol);
}

TEST_F(SessionTest, AnIdleOneHoldsLittle) {
  for (std::int32_t id = 1; id < 200; id += 2) say(head(id));
  for (Served& stream : streams_) session_.sent_end(stream);
  EXPECT_LE(session_.memory(), 512U);
  EXPECT_LE(sizeof(Session), 512U);
}

}  // namespace
}  // namespace edge::h2::session_test

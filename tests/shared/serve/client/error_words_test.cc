#include "shared/serve/client/error_words.h"

#include <gtest/gtest.h>

namespace shared::error_words_test {
namespace {

TEST(ErrorWords, TheEndOfAConnectionIsWhatThePeerSaid) {
  for (const error_code error : {error_code(asio::error::eof), error_code(asio::error::connection_reset),
                                 error_code(asio::error::broken_pipe)}) {
    EXPECT_TRUE(is_end_of_stream(error)) << error.message();
    EXPECT_EQ(words_of(error), "connection closed");
  }
  EXPECT_FALSE(is_end_of_stream(asio::error::connection_refused));
  EXPECT_FALSE(is_end_of_stream(error_code()));
}

// What may be our own cable says nothing of a region; a refusal came from over there.
TEST(ErrorWords, SilenceIsNoAnswerAtAll) {
  for (const error_code error :
       {error_code(asio::error::host_unreachable), error_code(asio::error::network_unreachable),
        error_code(asio::error::network_down), error_code(asio::error::timed_out)}) {
    EXPECT_TRUE(is_silence(error)) << error.message();
  }
  for (const error_code error : {error_code(asio::error::connection_refused), error_code(asio::error::connection_reset),
                                 error_code(asio::error::eof), error_code()}) {
    EXPECT_FALSE(is_silence(error)) << error.message();
  }
}

TEST(ErrorWords, AnOperatorIsToldInFewWords) {
  EXPECT_EQ(words_of(asio::error::connection_refused), "connection refused");
  EXPECT_EQ(no_answer_in(seconds(1)), "no answer in 1000 ms");
  EXPECT_EQ(no_answer_in(milliseconds(150)), "no answer in 150 ms");
}

}  // namespace
}  // namespace shared::error_words_test

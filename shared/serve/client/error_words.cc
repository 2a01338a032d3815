#include "shared/serve/client/error_words.h"

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>

namespace shared {

bool is_end_of_stream(error_code error) {
  return error == asio::error::eof || error == asio::error::connection_reset || error == asio::error::broken_pipe ||
         error == asio::ssl::error::stream_truncated;
}

bool is_silence(error_code error) {
  return error == asio::error::host_unreachable || error == asio::error::network_unreachable ||
         error == asio::error::network_down || error == asio::error::timed_out;
}

std::string words_of(error_code error) {
  if (error == asio::error::connection_refused) return "connection refused";
  return is_end_of_stream(error) ? "connection closed" : error.message();
}

std::string no_answer_in(Duration timeout) {
  return "no answer in " + std::to_string(std::chrono::duration_cast<milliseconds>(timeout).count()) + " ms";
}

}  // namespace shared

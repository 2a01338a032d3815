#pragma once
// Loop by its name alone, for headers that only hand one on: Asio's own take more than a second to compile. The whole
// of it is in loop.h.

namespace boost::asio {
class io_context;
}

namespace shared {

using Loop = boost::asio::io_context;

}  // namespace shared

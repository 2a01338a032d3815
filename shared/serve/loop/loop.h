#pragma once
// Loop and the socket types that go with it: Asio, for the control threads (the workers have worker_loop.h), with
// concrete executors. One Loop is run by one thread; everything made on it belongs to that thread. From another thread
// only post() is allowed.

#include <chrono>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include "shared/core/ip.h"

namespace shared {

namespace asio = boost::asio;
using boost::system::error_code;

using Loop = asio::io_context;
using LoopExecutor = Loop::executor_type;

using TcpSocket = asio::basic_stream_socket<asio::ip::tcp, LoopExecutor>;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, LoopExecutor>;

// The concurrency hint of a loop that one thread runs: its I/O objects take no locks, post() and stop() still do.
inline constexpr int kOneThread = BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO;

[[nodiscard]] asio::ip::tcp::endpoint to_asio(const Endpoint& endpoint);

}  // namespace shared

#pragma once
// Sealed: a second kind of stream, for tests: a toy of TLS that does to a stream all that TLS does, so that BodyReader,
// MessageWriter, Upstreams and connections can be shown to bear it. Octets travel in records, changed:
//
//   [kind][length, 2 octets][payload ^ kMask]     h: hello, one from each side before anything else    d: data
//                                                 t: a ticket, nobody's data                           e: the end
//                                                 k: give me a new key; until K comes, the asker sends no data, and who
//                                                    was asked receives nothing before K is out
//
// Peer: the other end, blocking, on a test's thread.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "edge/serve/io/stream.h"
#include "shared/serve/os/unique_fd.h"

namespace edge::test {

constexpr char kMask = 0x5a;
constexpr std::size_t kLargestRecord = 16384;

inline std::string seal(char kind, std::string_view payload = {}) {
  std::string record{kind, static_cast<char>(payload.size() >> 8), static_cast<char>(payload.size() & 255)};
  for (const char octet : payload) record.push_back(static_cast<char>(octet ^ kMask));
  return record;
}

// As many records of data as it takes.
inline std::string seal_all(std::string_view data) {
  std::string records;
  for (; !data.empty(); data.remove_prefix(std::min(data.size(), kLargestRecord))) {
    records += seal('d', data.substr(0, kLargestRecord));
  }
  return records;
}

// The first whole record in `bytes`, taken out of it; kind 0: there is none.
inline std::pair<char, std::string> open_record(std::string& bytes) {
  if (bytes.size() < 3) return {0, {}};
  const std::size_t size = static_cast<std::uint8_t>(bytes[1]) * 256U + static_cast<std::uint8_t>(bytes[2]);
  if (bytes.size() < 3 + size) return {0, {}};
  std::pair<char, std::string> record{bytes[0], bytes.substr(3, size)};
  for (char& octet : record.second) octet = static_cast<char>(octet ^ kMask);
  bytes.erase(0, 3 + size);
  return record;
}

class Sealed final : public StreamLayer {
 public:
  Progress advance(Socket& socket) override {
    if (!std::exchange(greeted_, true)) out_ = seal('h');
    const IoStatus sent = flush(socket);
    const IoStatus read = fill(socket);
    if (sent == IoStatus::failed || (read != IoStatus::again && !met_)) return Progress::failed;
    return met_ && out_.empty() ? Progress::ready : Progress::waiting;
  }

  IoResult receive(Socket& socket, std::span<char> into) override {
    while (plain_.empty()) {
      if (ended_) return {.status = IoStatus::closed, .bytes = 0};
      if (answering_) {
        if (const IoStatus sent = flush(socket); sent != IoStatus::ok) return {.status = sent, .bytes = 0};
      }
      const IoStatus read = fill(socket);
      if (read == IoStatus::again && plain_.empty() && !ended_ && !(answering_ && socket.writable())) {
        return {.status = IoStatus::again, .bytes = 0};
      }
      if (read == IoStatus::failed && plain_.empty()) return {.status = IoStatus::failed, .bytes = 0};
    }
    const std::size_t n = plain_.copy(into.data(), into.size());
    plain_.erase(0, n);
    return {.status = IoStatus::ok, .bytes = n};
  }

  IoResult send(Socket& socket, std::span<const iovec> parts) override {
    std::string offered;
    for (const iovec& part : parts) offered.append(static_cast<const char*>(part.iov_base), part.iov_len);
    EXPECT_TRUE(offered.starts_with(half_out_)) << "a record is half out, and other octets are offered";
    if (std::exchange(ask_, false)) {
      out_ += seal('k');
      asking_ = true;
    }
    const IoStatus before = flush(socket);
    if (before == IoStatus::ok && asking_) static_cast<void>(fill(socket));
    if (before != IoStatus::ok || asking_)
      return {.status = before == IoStatus::failed ? before : IoStatus::again, .bytes = 0};
    if (half_out_.empty()) {
      half_out_ = offered.substr(0, kLargestRecord);
      out_ += seal('d', half_out_);
      if (const IoStatus sent = flush(socket); sent != IoStatus::ok) return {.status = sent, .bytes = 0};
    }
    return {.status = IoStatus::ok, .bytes = std::exchange(half_out_, {}).size()};
  }

  IoStatus shutdown(Socket& socket) override {
    if (!std::exchange(said_, true)) out_ += seal('e');
    return flush(socket);
  }

  bool readable(const Socket& socket) const override {
    return !plain_.empty() || ended_ || (answering_ ? socket.writable() : socket.readable());
  }
  bool writable(const Socket& socket) const override {
    return asking_ && out_.empty() ? socket.readable() : socket.writable();
  }
  bool peer_closed(const Socket& socket) const override { return ended_ || socket.peer_closed(); }
  bool silent(Socket& socket) override {
    IoStatus read = fill(socket);
    if (answering_ && flush(socket) == IoStatus::ok) read = fill(socket);
    return read == IoStatus::again && plain_.empty() && !ended_;
  }

  // The next send asks for a new key first.
  void ask_for_key() { ask_ = true; }
  [[nodiscard]] int tickets() const { return tickets_; }

 private:
  // `ok`: all of it is out.
  IoStatus flush(Socket& socket) {
    while (!out_.empty()) {
      const iovec part{.iov_base = out_.data(), .iov_len = out_.size()};
      const IoResult sent = socket.send(std::span(&part, 1));
      if (sent.status != IoStatus::ok) return sent.status;
      out_.erase(0, sent.bytes);
    }
    answering_ = false;
    return IoStatus::ok;
  }

  // Takes in all that the socket has, up to what must be answered first.
  IoStatus fill(Socket& socket) {
    while (true) {
      while (!answering_ && !ended_ && take_record()) {
      }
      if (answering_) return IoStatus::again;
      if (ended_) return IoStatus::closed;
      char bytes[4096];
      const IoResult received = socket.receive(bytes);
      // An end of the socket where no end was said is a cut.
      if (received.status == IoStatus::closed) return IoStatus::failed;
      if (received.status != IoStatus::ok) return received.status;
      in_.append(bytes, received.bytes);
    }
  }

  bool take_record() {
    const auto [kind, payload] = open_record(in_);
    met_ = met_ || kind == 'h';
    ended_ = ended_ || kind == 'e';
    tickets_ += kind == 't' ? 1 : 0;
    if (kind == 'K') asking_ = false;
    if (kind == 'd') plain_ += payload;
    if (kind == 'k') {
      out_ += seal('K');
      answering_ = true;
    }
    return kind != 0;
  }

  std::string in_, out_, plain_;
  std::string half_out_;  // the data of the record that waits in out_
  bool greeted_ = false, met_ = false, ask_ = false, asking_ = false, answering_ = false, ended_ = false, said_ = false;
  int tickets_ = 0;
};

class Peer {
 public:
  explicit Peer(int fd) : fd_(fd) {
    const timeval limit{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }

  void send(std::string_view bytes) {
    ASSERT_EQ(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  // Up to `most` octets as they come; empty: the end.
  std::string receive(std::size_t most = 65536) {
    std::string bytes(most, '\0');
    const ssize_t n = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
    bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return bytes;
  }
  // What has come by now.
  std::string receive_now(std::size_t most) {
    std::string bytes(most, '\0');
    const ssize_t n = ::recv(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return bytes;
  }
  // The next record; kind 0: the end came first.
  std::pair<char, std::string> record() {
    while (true) {
      auto record = open_record(bytes_);
      if (record.first != 0) return record;
      const std::string more = receive();
      if (more.empty()) return {0, {}};
      bytes_ += more;
    }
  }
  void close() { fd_.reset(); }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  shared::UniqueFd fd_;
  std::string bytes_;
};

// A stream on one end of a pair of sockets, and who sits at the other.
struct StreamPair {
  explicit StreamPair(shared::WorkerLoop& loop_in, std::unique_ptr<StreamLayer> layer = nullptr)
      : StreamPair(loop_in, pair_of(), std::move(layer)) {}

  // With a layer, ready.
  static void shake_hands(StreamPair& pair) {
    pair.peer.send(seal('h'));
    ASSERT_TRUE(pair.until([&] { return pair.near.progress() == Progress::ready; }));
    ASSERT_EQ(pair.peer.record().first, 'h');
  }

  // Turns of the loop until it holds.
  template <class Holds>
  [[nodiscard]] bool until(Holds holds) {
    for (int i = 0; i < 2000; ++i) {
      if (holds()) return true;
      loop.poll();
      ::usleep(1000);
    }
    return false;
  }
  // All events that the kernel has by now.
  void settle() {
    for (int i = 0; i < 3; ++i) loop.poll();
  }
  std::string receive(std::size_t most) {
    std::string bytes(most, '\0');
    const IoResult result = near.receive(bytes);
    bytes.resize(result.bytes);
    return bytes;
  }
  IoResult send(std::string_view bytes) {
    const iovec part{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
    return near.send(std::span(&part, 1));
  }
  // Until the kernel takes no more; how much that was.
  std::size_t fill() {
    const std::string junk(1000, 'x');
    std::size_t sent = 0;
    for (ssize_t n = 0; n >= 0; n = ::send(fd, junk.data(), junk.size(), MSG_NOSIGNAL | MSG_DONTWAIT)) {
      sent += static_cast<std::size_t>(n);
    }
    return sent;
  }

  shared::WorkerLoop& loop;
  int fd;
  Peer peer;
  Stream near;

 private:
  static std::pair<int, int> pair_of() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    const int small = 4096;
    ::setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    return {fds[0], fds[1]};
  }
  StreamPair(shared::WorkerLoop& loop_in, std::pair<int, int> ends, std::unique_ptr<StreamLayer> layer)
      : loop(loop_in),
        fd(ends.first),
        peer(ends.second),
        near(loop_in, nonblocking(fd), Stream::Begin::connected, std::move(layer)) {
    settle();
  }
  static int nonblocking(int fd) {
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
  }
};

}  // namespace edge::test

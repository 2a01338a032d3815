#pragma once
// Splice: moves the rest of a body from socket to socket inside the kernel, through a pipe, without a copy into this
// process (splice(2)). Worth its system calls for large bodies whose length is known and whose bytes nobody looks at.
//
//   upstream --splice--> pipe --splice--> client
//
// PipePool: a worker's pipes, kept when empty; a body that finds none left is copied. One worker's thread.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "edge/serve/io/pump.h"
#include "edge/serve/io/socket.h"
#include "shared/serve/os/unique_fd.h"

namespace edge {

struct Pipe {
  shared::UniqueFd read;
  shared::UniqueFd write;
  std::size_t held = 0;  // octets in it
};

class PipePool {
 public:
  static constexpr std::size_t kOpen = 64;               // pipes of one worker at a time, two descriptors each
  static constexpr std::size_t kCapacity = 256 * 1024;   // octets of each, asked for; a slow client holds no more
  static constexpr std::size_t kWorthwhile = 64 * 1024;  // bodies, and pipes, below it are not worth it

  explicit PipePool(std::size_t most = kOpen) : most_(most) {}

  // Null: all are in use, or the kernel gives none.
  [[nodiscard]] std::unique_ptr<Pipe> take();
  // One that still holds something is closed.
  void give_back(std::unique_ptr<Pipe> pipe);

 private:
  std::vector<std::unique_ptr<Pipe>> idle_;
  std::size_t most_;
  std::size_t open_ = 0;
};

class Splice {
 public:
  // REQUIRES: `pipe` is not null.
  Splice(PipePool& pool, std::unique_ptr<Pipe> pipe, std::uint64_t octets)
      : pool_(pool), pipe_(std::move(pipe)), left_(octets) {}
  ~Splice() { pool_.give_back(std::move(pipe_)); }
  Splice(const Splice&) = delete;
  Splice& operator=(const Splice&) = delete;

  // As pump(); adds to `moved` what the sink took.
  [[nodiscard]] Pumped advance(Socket& from, Socket& to, std::uint64_t& moved);
  // After source_failed: the peer has sent everything, and the sink has it all.
  [[nodiscard]] bool source_closed() const { return closed_; }

 private:
  PipePool& pool_;
  std::unique_ptr<Pipe> pipe_;
  std::uint64_t left_;   // not yet read from the source
  bool closed_ = false;  // the source
};

}  // namespace edge

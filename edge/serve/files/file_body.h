#pragma once
// FileBody: parts of a file, and text between them, as a source for pump(), or by sendfile(2). What is not in memory is
// read by the DiskThread. The file is looked at again behind each read: one that shrinks or changes while it is sent
// makes the body fail before its end, so that what the client has cannot pass for a whole one. Owned by a FileAnswer;
// its worker's thread.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "edge/core/content/byte_ranges.h"
#include "edge/serve/files/open_files.h"
#include "edge/serve/io/body_reader.h"
#include "edge/serve/io/frame_pool.h"
#include "edge/serve/io/pump.h"
#include "edge/serve/io/socket.h"

namespace edge {

class FileBody {
 public:
  // `facts` are those that the answer's head was made of. `disk` and `waiter` outlive the body. `fixed`: its octets
  // never change, so nobody looks whether they have. `octets`: all of the file with these facts; null: it is read.
  struct Of {
    std::shared_ptr<const OpenFile> file;
    FileFacts facts;
    DiskThread& disk;
    Waiter& waiter;
    bool fixed = false;
    std::shared_ptr<const std::string> octets{};
  };
  explicit FileBody(Of of) : of_(std::move(of)) {}
  ~FileBody();
  FileBody(const FileBody&) = delete;
  FileBody& operator=(const FileBody&) = delete;

  void add(std::string text) { parts_.push_back({.text = std::move(text), .range = {}}); }
  void add(const ByteRange& range) { parts_.push_back({.text = {}, .range = range}); }

  [[nodiscard]] BodyPiece peek();
  void consume(std::size_t n);
  [[nodiscard]] std::string_view trailers() const { return {}; }

  // What comes next is a large part of the file. Its last octets are never sent by sendfile(2): they are sent when it
  // is sure that all before them was right.
  [[nodiscard]] bool large() const;
  [[nodiscard]] bool worth_direct() const { return large() && begin_ == end_; }  // nothing of it was read already
  // REQUIRES: worth_direct(). `turn_over`: look again, perhaps at peek().
  [[nodiscard]] Pumped send_to(Socket& client, std::uint64_t& moved);
  [[nodiscard]] bool waits_for_disk() const { return cold_ != nullptr && cold_->running; }

 private:
  static constexpr std::size_t kFirst = 16 * 1024;   // goes with the head
  static constexpr std::size_t kPiece = 64 * 1024;   // of a read
  static constexpr std::uint64_t kTail = 16 * 1024;  // of a part, read and not sent by sendfile
  static constexpr std::uint64_t kWindow = 256 * 1024;

  struct Part {
    std::string text;
    ByteRange range;  // if there is no text
  };
  // What the DiskThread works on; it may outlive the body.
  struct Cold {
    Waiter* waiter = nullptr;  // null: nobody waits any more. The worker's
    bool running = false;      // the worker's
    bool only_warm = false;    // read to be in memory, and not for its octets
    std::vector<char> octets;
    long got = 0;  // what pread(2) said
  };

  enum class Read : std::uint8_t { done, waits, failed };
  [[nodiscard]] Read read_piece();
  [[nodiscard]] Read take_cold();
  [[nodiscard]] Read warm(const ByteRange& window);
  [[nodiscard]] bool in_memory(std::uint64_t at) const;
  [[nodiscard]] bool begin_cold(const ByteRange& range, bool only_warm);
  [[nodiscard]] bool unchanged() const;
  [[nodiscard]] BodyPiece failed();

  Of of_;
  std::deque<Part> parts_;
  Octets buffer_;
  std::size_t begin_ = 0;  // [begin_, end_) of the buffer is to be sent
  std::size_t end_ = 0;
  std::uint64_t warm_end_ = 0;  // up to here the part's octets were in memory
  std::shared_ptr<Cold> cold_;
  bool failed_ = false;
  bool read_before_ = false;
};

}  // namespace edge

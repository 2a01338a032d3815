#include "shared/serve/resolve/srv_answer.h"

#include <ares.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>

#include "shared/core/ascii.h"

namespace shared {
namespace {

constexpr std::size_t kHeader = 12;
constexpr std::uint16_t kTypeCname = 5;
constexpr std::uint16_t kTypeSrv = 33;
constexpr std::uint16_t kClassIn = 1;
constexpr std::size_t kMaxRecords = 1000;

bool is_host_name(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  return !name.empty() && std::ranges::all_of(name, plain);
}

// Reads on from a place; REQUIRES of each read: left() said that it is there.
class Message {
 public:
  explicit Message(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  [[nodiscard]] bool left(std::size_t n) const { return bytes_.size() - at_ >= n; }
  [[nodiscard]] std::size_t at() const { return at_; }
  void seek(std::size_t to) { at_ = to; }
  // REQUIRES: left(2).
  std::uint16_t u16() {
    at_ += 2;
    return static_cast<std::uint16_t>(bytes_[at_ - 2] << 8U | bytes_[at_ - 1]);
  }
  // Nothing when it is malformed or points outside.
  std::optional<std::string> name() {
    char* text = nullptr;
    long length = 0;  // as c-ares wants it
    const std::uint8_t* const here = bytes_.data() + at_;
    if (at_ >= bytes_.size() ||
        ares_expand_name(here, bytes_.data(), static_cast<int>(bytes_.size()), &text, &length) != ARES_SUCCESS) {
      return std::nullopt;
    }
    const std::unique_ptr<char, decltype(&ares_free_string)> owned(text, &ares_free_string);
    at_ += static_cast<std::size_t>(length);
    return lower(std::string_view(text));
  }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

// One record of the answer section into `answer`; false when the message ends or lies.
bool take_record(Message& message, SrvAnswer& answer) {
  if (!message.name() || !message.left(10)) return false;
  const std::uint16_t type = message.u16();
  const std::uint16_t cls = message.u16();
  const std::uint32_t high = message.u16();
  const std::uint32_t ttl = high << 16U | message.u16();
  const std::uint16_t length = message.u16();
  if (!message.left(length)) return false;
  const std::size_t end = message.at() + length;
  if (cls == kClassIn && (type == kTypeSrv || type == kTypeCname)) {
    // RFC 2181 8: a TTL with the top bit set is zero.
    answer.ttl = std::min(answer.ttl, seconds(ttl <= 0x7FFFFFFFU ? ttl : 0));
  }
  if (cls == kClassIn && type == kTypeSrv) {
    if (length < 7) return false;
    SrvRecord record;
    record.priority = message.u16();
    record.weight = message.u16();
    record.port = message.u16();
    auto target = message.name();
    if (!target || message.at() > end) return false;
    record.target = std::move(*target);
    if (is_host_name(record.target) && record.port != 0) answer.records.push_back(std::move(record));
  }
  message.seek(end);
  return true;
}

}  // namespace

Result<SrvAnswer> parse_srv_answer(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < kHeader) return fail("a DNS answer that is too short");
  Message message(bytes);
  message.seek(4);
  const std::uint16_t questions = message.u16();
  const std::uint16_t answers = message.u16();
  message.seek(kHeader);
  for (std::uint16_t i = 0; i < questions; ++i) {
    if (!message.name() || !message.left(4)) return fail("a malformed DNS answer");
    message.seek(message.at() + 4);
  }
  SrvAnswer answer;
  answer.ttl = seconds::max();
  for (std::uint16_t i = 0; i < answers; ++i) {
    if (!take_record(message, answer) || answer.records.size() > kMaxRecords) return fail("a malformed DNS answer");
  }
  if (answer.records.empty()) return fail("the answer names no server");
  std::ranges::sort(answer.records);
  const auto repeated = std::ranges::unique(answer.records);
  answer.records.erase(repeated.begin(), repeated.end());
  return answer;
}

}  // namespace shared

#include "edge/serve/access_log.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "shared/serve/thread_setup.h"

namespace edge {
namespace {

constexpr shared::Duration kCarryEvery = shared::milliseconds(100);

shared::Result<shared::UniqueFd> open_file(const std::string& path) {
  shared::UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (!file.valid()) {
    return shared::fail("cannot open the access log " + path + ": " + std::generic_category().message(errno));
  }
  return file;
}

// RFC 8259 section 7; what a client sends is bytes, so all above 0x7E is escaped as if it were Latin-1.
void append_text(std::string& out, std::string_view key, std::string_view value) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out.append(",\"").append(key).append("\":\"");
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte >= 0x20 && byte < 0x7F) {
      out.push_back(c);
    } else {
      out.append("\\u00");
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
  out.push_back('"');
}

void append_number(std::string& out, std::string_view key, std::uint64_t value) {
  out.append(",\"").append(key).append("\":").append(std::to_string(value));
}

std::string format_time(shared::WallTime time) {
  const auto ms = std::chrono::time_point_cast<std::chrono::milliseconds>(time);
  const std::time_t seconds = std::chrono::system_clock::to_time_t(ms);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[40];
  const std::size_t n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.", &utc);
  const auto fraction = static_cast<unsigned>(ms.time_since_epoch().count() % 1000);
  std::string digits = std::to_string(1000 + fraction);
  return std::string(text, n) + digits.substr(1) + "Z";
}

}  // namespace

std::string format_access(const AccessRecord& record) {
  std::string out;
  out.reserve(512);
  out.append("{\"time\":\"").append(format_time(record.time)).append("\"");
  append_text(out, "client", record.client.to_string());
  append_text(out, "method", record.method);
  append_text(out, "host", record.host);
  append_text(out, "path", record.path);
  append_text(out, "route", record.route);
  append_text(out, "tier", record.tier);
  append_text(out, "pool", record.pool);
  append_text(out, "server", record.server);
  append_number(out, "status", record.status);
  append_number(out, "octets_in", record.octets_in);
  append_number(out, "octets_out", record.octets_out);
  append_number(out, "head_us", record.head_us);
  append_number(out, "picked_us", record.picked_us);
  append_number(out, "connected_us", record.connected_us);
  append_number(out, "first_byte_us", record.first_byte_us);
  append_number(out, "total_us", record.total_us);
  append_number(out, "attempts", record.attempts);
  append_text(out, "end", std::string_view(&record.ending, 1));
  if (record.hedged) out.append(",\"hedged\":true");
  if (!record.breaker.empty()) append_text(out, "breaker", record.breaker);
  append_text(out, "request_id", record.request_id);
  if (!record.reason.empty()) append_text(out, "reason", record.reason);
  out.append("}\n");
  return out;
}

void AccessLane::write(const AccessRecord& record) {
  const std::string line = format_access(record);
  const std::uint64_t written = written_.load(std::memory_order_relaxed);
  if (written - read_.load(std::memory_order_acquire) + line.size() > kSize) {
    dropped_.add();
    return;
  }
  const std::size_t at = written % kSize;
  const std::size_t first = std::min(line.size(), kSize - at);
  std::memcpy(ring_.get() + at, line.data(), first);
  std::memcpy(ring_.get(), line.data() + first, line.size() - first);
  written_.store(written + line.size(), std::memory_order_release);
}

void AccessLane::drain(std::string& out) {
  const std::uint64_t read = read_.load(std::memory_order_relaxed);
  const std::uint64_t written = written_.load(std::memory_order_acquire);
  const std::size_t size = written - read;
  const std::size_t at = read % kSize;
  const std::size_t first = std::min(size, kSize - at);
  out.append(ring_.get() + at, first).append(ring_.get(), size - first);
  read_.store(written, std::memory_order_release);
}

shared::Result<std::unique_ptr<AccessLog>> AccessLog::open(std::string path, std::size_t lanes) {
  auto file = open_file(path);
  if (!file) return tl::unexpected(file.error());
  return std::unique_ptr<AccessLog>(new AccessLog(std::move(path), std::move(*file), lanes));
}

AccessLog::AccessLog(std::string path, shared::UniqueFd file, std::size_t lanes)
    : path_(std::move(path)), file_(std::move(file)) {
  for (std::size_t i = 0; i < lanes; ++i) lanes_.push_back(std::make_unique<AccessLane>());
  thread_ = std::thread([this] { run(); });
}

AccessLog::~AccessLog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

shared::Result<void> AccessLog::reopen() {
  auto file = open_file(path_);
  if (!file) return tl::unexpected(file.error());
  const std::lock_guard lock(mutex_);
  file_ = std::move(*file);
  return {};
}

std::uint64_t AccessLog::dropped() const {
  std::uint64_t sum = lost_.read();
  for (const auto& lane : lanes_) sum += lane->dropped();
  return sum;
}

void AccessLog::carry() {
  std::string batch;
  for (const auto& lane : lanes_) lane->drain(batch);
  std::string_view rest = batch;
  while (!rest.empty()) {
    const ssize_t n = ::write(file_.get(), rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      lost_.add(static_cast<std::uint64_t>(std::ranges::count(rest, '\n')));
      return;
    }
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
}

void AccessLog::run() {
  shared::begin_thread("access-log");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    wake_.wait_for(lock, kCarryEvery, [this] { return stopping_; });
    carry();
  }
}

}  // namespace edge

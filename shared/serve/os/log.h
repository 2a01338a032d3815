#pragma once
// The log: one line per event, logfmt, to standard error:
//
//   2026-11-22T14:00:00.123Z level=info event=region_down region=us-east reason="connection refused"
//
// Values are quoted and escaped where they need it, so a name that a client chose cannot forge a line. Any thread;
// lines never interleave. While a LogThread lives nobody waits for who reads the log: lines go through a bounded queue,
// and what it has no room for is dropped and counted.

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shared {

enum class Level : std::uint8_t { debug, info, warn, error };

[[nodiscard]] std::string_view to_string(Level level);
[[nodiscard]] std::optional<Level> parse_level(std::string_view text);

struct LogField {
  std::string_view key;  // a literal: [a-z_]+
  std::string value;

  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  LogField(std::string_view k, T v) : key(k), value(std::to_string(v)) {}
  LogField(std::string_view k, std::same_as<bool> auto v) : key(k), value(v ? "true" : "false") {}
  LogField(std::string_view k, double v);  // at most three decimals
};

// log_event(Level::info, "region_down", {{"region", name}, {"reason", why}});
void log_event(Level level, std::string_view event, std::initializer_list<LogField> fields = {});
void log_event(Level level, std::string_view event, std::span<const LogField> fields);

void set_log_level(Level least);
[[nodiscard]] bool log_enabled(Level level);

// Text of more than one line that is no event, such as diagnostics of a configuration at start.
void log_text(std::string_view text);

// Has a thread of its own write the lines. In main, when the process is what it will be (user, filter of system calls);
// at its end it waits a moment for what is queued. One at a time.
class LogThread {
 public:
  LogThread();
  ~LogThread();
  LogThread(const LogThread&) = delete;
  LogThread& operator=(const LogThread&) = delete;
};
[[nodiscard]] std::uint64_t log_lines_dropped();

// The line without its time: what log_event writes after it.
[[nodiscard]] std::string format_event(Level level, std::string_view event, std::span<const LogField> fields);

// Takes the lines of all threads while it lives, instead of standard error. For tests; one at a time.
class LogCapture {
 public:
  LogCapture();
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  [[nodiscard]] std::vector<std::string> lines() const;  // each without its time
  [[nodiscard]] bool contains(std::string_view part) const;

 private:
  struct Sink;
  std::shared_ptr<Sink> sink_;
};

}  // namespace shared

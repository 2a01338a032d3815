#include "shared/serve/os/log.h"

#include <array>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <mutex>

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/dist_sink.h>
#include <unistd.h>

#include "shared/serve/os/line_writer.h"

namespace shared {
namespace {

constexpr std::array<std::string_view, 4> kLevelNames{"debug", "info", "warn", "error"};
constexpr Duration kPatience = seconds(1);  // for a reader, at the end

std::unique_ptr<spdlog::formatter> line_format() {
  return std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %v", spdlog::pattern_time_type::utc);
}

std::string missing_line(std::uint64_t lines) {
  const std::string text = format_event(Level::warn, "log_lines_dropped", std::array{LogField("lines", lines)});
  const spdlog::string_view_t view(text.data(), text.size());
  spdlog::memory_buf_t line;
  line_format()->format(spdlog::details::log_msg("meridian", spdlog::level::info, view), line);
  return {line.data(), line.size()};
}

class StandardError : public spdlog::sinks::base_sink<std::mutex> {
 public:
  [[nodiscard]] LineWriter& writer() { return writer_; }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    writer_.write({line.data(), line.size()});
  }
  void flush_() override {}

 private:
  LineWriter writer_{STDERR_FILENO, missing_line};
};

struct Output {
  std::shared_ptr<StandardError> standard_error = std::make_shared<StandardError>();
  std::shared_ptr<spdlog::sinks::dist_sink_mt> sinks = std::make_shared<spdlog::sinks::dist_sink_mt>();
  spdlog::logger logger{"meridian", sinks};
  std::atomic<Level> least{Level::info};

  Output() {
    standard_error->set_formatter(line_format());
    sinks->set_sinks({standard_error});
    logger.set_level(spdlog::level::trace);  // `least` decides
    logger.flush_on(spdlog::level::trace);
  }
};

// Never destroyed: threads that outlive main's statics may still log.
Output& output() {
  static Output& it = *new Output;
  return it;
}

bool needs_quotes(std::string_view value) {
  if (value.empty()) return true;
  for (const char c : value) {
    if (c <= ' ' || c > '~' || c == '"' || c == '=' || c == '\\') return true;
  }
  return false;
}

void append_quoted(std::string& out, std::string_view value) {
  out += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c < ' ' || c > '~') {
      std::array<char, 5> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += escaped.data();
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string short_number(double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.3f", value);
  std::string out = text.data();
  if (!std::isfinite(value)) return out;
  while (out.ends_with('0')) out.pop_back();
  if (out.ends_with('.')) out.pop_back();
  return out;
}

}  // namespace

std::string_view to_string(Level level) { return kLevelNames[static_cast<std::size_t>(level)]; }

std::optional<Level> parse_level(std::string_view text) {
  for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
    if (kLevelNames[i] == text) return static_cast<Level>(i);
  }
  return std::nullopt;
}

LogField::LogField(std::string_view k, double v) : key(k), value(short_number(v)) {}

std::string format_event(Level level, std::string_view event, std::span<const LogField> fields) {
  std::string line = "level=";
  line += to_string(level);
  line += " event=";
  line += event;
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    if (needs_quotes(field.value)) {
      append_quoted(line, field.value);
    } else {
      line += field.value;
    }
  }
  return line;
}

void log_event(Level level, std::string_view event, std::span<const LogField> fields) {
  if (!log_enabled(level)) return;
  const std::string line = format_event(level, event, fields);
  output().logger.log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

void log_event(Level level, std::string_view event, std::initializer_list<LogField> fields) {
  log_event(level, event, std::span<const LogField>(fields.begin(), fields.size()));
}

void log_text(std::string_view text) {
  if (!text.empty()) output().standard_error->writer().write(text);
}

LogThread::LogThread() { output().standard_error->writer().start(); }

LogThread::~LogThread() { output().standard_error->writer().finish(kPatience); }

std::uint64_t log_lines_dropped() { return output().standard_error->writer().dropped(); }

void set_log_level(Level least) { output().least.store(least, std::memory_order_relaxed); }

bool log_enabled(Level level) { return level >= output().least.load(std::memory_order_relaxed); }

struct LogCapture::Sink : spdlog::sinks::base_sink<std::mutex> {
  void sink_it_(const spdlog::details::log_msg& message) override {
    lines.emplace_back(message.payload.data(), message.payload.size());
  }
  void flush_() override {}
  std::vector<std::string> copy() {
    const std::lock_guard lock(mutex_);
    return lines;
  }
  std::vector<std::string> lines;  // guarded by base_sink's mutex_
};

LogCapture::LogCapture() : sink_(std::make_shared<Sink>()) { output().sinks->set_sinks({sink_}); }

LogCapture::~LogCapture() { output().sinks->set_sinks({output().standard_error}); }

std::vector<std::string> LogCapture::lines() const { return sink_->copy(); }

bool LogCapture::contains(std::string_view part) const {
  for (const std::string& line : lines()) {
    if (line.find(part) != std::string::npos) return true;
  }
  return false;
}

}  // namespace shared

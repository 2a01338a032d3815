#pragma once
// Diagnostics: everything that is wrong (error) or doubtful (warning) in a configuration, collected so that all of it
// is reported at once, each with the place where it stands. Readers and checks add to it and go on. Owned by whoever
// loads (a program's start, a reload, `meridian check`); one thread.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace shared::load {

// A place in a file. Line and column count from 1; line 0 means the file as a whole.
struct Position {
  std::shared_ptr<const std::string> file;  // as the operator named it; null: nowhere (made by a program)
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  [[nodiscard]] std::string to_string() const;  // "meridian.yaml:12:3"
};

enum class Severity : std::uint8_t { error, warning };

struct Diagnostic {
  Severity severity = Severity::error;
  Position at;
  std::string message;  // what, the bad value, and the remedy; no final full stop

  // "meridian.yaml:12:3: error: unknown key 'intervall' ..."; what a terminal would hide or obey is shown by its
  // number.
  [[nodiscard]] std::string to_string() const;
};

class Diagnostics {
 public:
  void error(const Position& at, std::string message);
  void warning(const Position& at, std::string message);

  [[nodiscard]] bool failed() const { return errors_ > 0; }
  [[nodiscard]] std::size_t errors() const { return errors_; }
  [[nodiscard]] std::size_t warnings() const { return list_.size() - errors_; }
  [[nodiscard]] const std::vector<Diagnostic>& list() const { return list_; }
  // What a person or a log is told: kMostTold errors and as many warnings, in the order in which they were found, and
  // how many more there are.
  [[nodiscard]] std::vector<Diagnostic> told() const;
  // These: one line each, each with a newline.
  [[nodiscard]] std::string render() const;

  static constexpr std::size_t kMostTold = 1000;

 private:
  std::vector<Diagnostic> list_;
  std::size_t errors_ = 0;
};

// A value that remembers where it was written, for checks that need more than one option.
template <class T>
struct Located {
  T value{};
  Position at;
};

}  // namespace shared::load

#include "shared/load/diagnostics.h"

#include <utility>

namespace shared::load {

std::string Position::to_string() const {
  std::string out = file ? *file : std::string("configuration");
  if (line > 0) out += ":" + std::to_string(line) + ":" + std::to_string(column);
  return out;
}

std::string Diagnostic::to_string() const {
  return at.to_string() + (severity == Severity::error ? ": error: " : ": warning: ") + message;
}

void Diagnostics::error(const Position& at, std::string message) {
  list_.push_back({Severity::error, at, std::move(message)});
  ++errors_;
}

void Diagnostics::warning(const Position& at, std::string message) {
  list_.push_back({Severity::warning, at, std::move(message)});
}

std::string Diagnostics::render() const {
  std::string out;
  for (const Diagnostic& diagnostic : list_) out += diagnostic.to_string() + "\n";
  return out;
}

}  // namespace shared::load

#include "dns/load/record/master_reader.h"

#include <algorithm>

namespace dns {

using shared::fail;
using shared::Result;

namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

bool ends_bare(char c) { return is_space(c) || c == '\n' || c == ';' || c == '(' || c == ')' || c == '"'; }

}  // namespace

Result<const MasterEntry*> MasterReader::next() {
  while (!at_end()) {
    entry_.tokens.clear();
    entry_.line = here_;
    entry_.blank_owner = is_space(text_[at_]);
    auto read = read_entry();
    if (!read || !entry_.tokens.empty()) return read;
  }
  return nullptr;
}

std::string_view MasterReader::peek_line() const {
  const std::size_t end = text_.find('\n', at_);
  return text_.substr(at_, end == std::string_view::npos ? end : end - at_);
}

void MasterReader::take_line(std::string_view line) {
  entry_.line = here_++;
  at_ = std::min(at_ + line.size() + 1, text_.size());
}

// Reads to the newline that ends the entry. Text outside of parentheses ends with its line.
Result<const MasterEntry*> MasterReader::read_entry() {
  unsigned depth = 0;
  while (!at_end()) {
    const char c = text_[at_];
    if (c == '\n') {
      ++at_;
      ++here_;
      if (depth == 0) return &entry_;
    } else if (is_space(c)) {
      ++at_;
    } else if (c == ';') {
      skip_comment();
    } else if (c == '(') {
      ++at_;
      ++depth;
    } else if (c == ')') {
      ++at_;
      if (depth == 0) {
        skip_line();
        return fail("')' without a '(' before it");
      }
      --depth;
    } else {
      const auto token = c == '"' ? read_quoted() : read_bare();
      if (!token) {
        skip_line();
        return fail("a quoted string is not closed on its line");
      }
      entry_.tokens.push_back(*token);
    }
  }
  if (depth > 0) return fail("'(' is never closed");
  return &entry_;
}

void MasterReader::skip_comment() {
  const std::size_t end = text_.find('\n', at_);
  at_ = end == std::string_view::npos ? text_.size() : end;
}

void MasterReader::skip_line() {
  skip_comment();
  if (at_end()) return;
  ++at_;
  ++here_;
}

std::optional<MasterToken> MasterReader::read_quoted() {
  const std::size_t start = ++at_;
  const bool joined = start >= 2 && text_[start - 2] == '=';
  for (; !at_end() && text_[at_] != '\n'; ++at_) {
    if (text_[at_] == '"') return MasterToken{text_.substr(start, at_++ - start), true, joined};
    if (text_[at_] == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n') ++at_;
  }
  return std::nullopt;
}

std::optional<MasterToken> MasterReader::read_bare() {
  const std::size_t start = at_;
  for (; !at_end(); ++at_) {
    const char c = text_[at_];
    if (ends_bare(c)) break;
    if (c == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n') ++at_;
  }
  return MasterToken{text_.substr(start, at_ - start)};
}

}  // namespace dns

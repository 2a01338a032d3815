#pragma once
// MasterReader: cuts the text of an RFC 1035 master file into entries of tokens: comments dropped, lines joined inside
// parentheses, quoted strings kept together, a blank owner noticed. It knows nothing of records or directives; escapes
// stay as they are written. Tokens are views into the text, which the caller keeps. One reader, one thread.
//
//   www  3600 IN TXT ( "one; not a comment"   ; a comment
//                      two\;three )        ->  {www} {3600} {IN} {TXT} {"one; not a comment"} {two\;three}

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "shared/core/result.h"

namespace dns {

struct MasterToken {
  std::string_view text;  // without the quotes
  bool quoted = false;
  bool joined = false;  // quoted, and directly behind a '=': in SvcParams it is the value (RFC 9460 section 2.1)
};

struct MasterEntry {
  std::vector<MasterToken> tokens;  // never empty
  std::uint32_t line = 0;           // where the entry begins, from 1
  bool blank_owner = false;         // begins with a space: the owner is the one before (RFC 1035 section 5.1)
};

class MasterReader {
 public:
  explicit MasterReader(std::string_view text) : text_(text) {}

  // The next entry, valid until the next call; an error (an open quote or parenthesis) is without its place, which is
  // line(): the reader goes on behind it. nullptr: the end of the text.
  [[nodiscard]] shared::Result<const MasterEntry*> next();

  [[nodiscard]] std::uint32_t line() const { return entry_.line; }

  // The line in front of us without its newline, for who can read a whole line better; take_line() goes behind it.
  // Between two next(): never inside parentheses.
  [[nodiscard]] std::string_view peek_line() const;
  [[nodiscard]] std::uint32_t next_line() const { return here_; }
  void take_line(std::string_view line);

 private:
  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  [[nodiscard]] shared::Result<const MasterEntry*> read_entry();
  void skip_comment();
  void skip_line();
  [[nodiscard]] std::optional<MasterToken> read_quoted();
  [[nodiscard]] std::optional<MasterToken> read_bare();

  std::string_view text_;
  std::size_t at_ = 0;
  std::uint32_t here_ = 1;  // the line of at_
  MasterEntry entry_;
};

}  // namespace dns

#pragma once
// MimeTypes: the media type of a file by the end of its name, as the system's table has it (/etc/mime.types), with what
// the web needs from a small one of our own. Immutable once read; any thread.

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace edge {

class MimeTypes {
 public:
  static constexpr std::string_view kUnknown = "application/octet-stream";

  // The small table alone.
  MimeTypes();
  // With the lines "text/css  css" of the text, which win over the small table's; what is malformed is passed over.
  explicit MimeTypes(std::string_view table);

  // "a/b.CSS" -> "text/css; charset=utf-8": text that is written today is UTF-8. kUnknown for what has no ending or an
  // unknown one: a browser that asks is told, and does not guess.
  [[nodiscard]] std::string_view of(std::string_view file_name) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  void add(std::string_view ending, std::string_view type);

  std::unordered_map<std::string, std::string, Hash, std::equal_to<>> by_ending_;  // in lower case, without the dot
};

// "css" of "a/b.CSS", as it is written; empty: none.
[[nodiscard]] std::string_view ending_of_name(std::string_view file_name);

}  // namespace edge

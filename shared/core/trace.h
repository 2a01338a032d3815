#pragma once
// Trace: how `explain` listens to the code that answers. Decision functions take a trace sink as their last argument
// and call `trace.note(topic, [&] { return text; })`; with NullTrace the call and its lambda compile to nothing, so
// there is one deciding path only. Templates over the sink are instantiated for both sinks in their own .cc file. A
// sink belongs to one call on one thread.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shared {

struct NullTrace {
  template <class MakeText>
  void note(std::string_view, MakeText&&) {}
};

class RecordingTrace {
 public:
  struct Line {
    std::string_view topic;  // "address", "class", "health", "route", "pool" ...: a literal
    std::string text;
  };

  template <class MakeText>
  void note(std::string_view topic, MakeText&& make_text) {
    lines_.push_back({topic, std::forward<MakeText>(make_text)()});
  }
  [[nodiscard]] const std::vector<Line>& lines() const { return lines_; }

 private:
  std::vector<Line> lines_;
};

}  // namespace shared

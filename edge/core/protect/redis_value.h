#pragma once
// RedisValue: a reply of a Redis server as a value. Whoever reads it believes nothing of its shape. Value type, any
// thread.

#include <cstdint>
#include <string>
#include <vector>

namespace edge {

struct RedisValue {
  enum class Kind : std::uint8_t { nil, integer, text, error, array };

  Kind kind = Kind::nil;
  std::int64_t integer = 0;
  std::string text = {};  // of text, a status too, and of error
  std::vector<RedisValue> items = {};

  [[nodiscard]] bool is_error() const { return kind == Kind::error; }
};

}  // namespace edge

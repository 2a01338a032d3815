#include "edge/serve/redis/redis_replies.h"

#include <hiredis/read.h>

#include <algorithm>
#include <utility>

namespace edge {
namespace {

constexpr int kOk = 0;  // REDIS_OK, of a header that this needs nothing else of

// Where hiredis' next object goes: into the array above it, which has room for all it announced, or a root of its own.
RedisValue* place_for(const redisReadTask* task) {
  if (task->parent == nullptr) return new RedisValue();  // hiredis keeps it, until free_value() or next()
  auto* const above = static_cast<RedisValue*>(task->parent->obj);
  above->items.emplace_back();
  return &above->items.back();
}

void* make_text(const redisReadTask* task, char* text, std::size_t size) {
  RedisValue* const value = place_for(task);
  value->kind = task->type == REDIS_REPLY_ERROR ? RedisValue::Kind::error : RedisValue::Kind::text;
  const bool error = value->kind == RedisValue::Kind::error;
  value->text.assign(text, error ? std::min(size, RedisReplies::kMostWords) : size);
  return value;
}

void* make_array(const redisReadTask* task, int items) {
  if (items < 0 || items > RedisReplies::kMostItems) return nullptr;
  RedisValue* const value = place_for(task);
  value->kind = RedisValue::Kind::array;
  value->items.reserve(static_cast<std::size_t>(items));  // so that none of them moves
  return value;
}

void* make_integer(const redisReadTask* task, long long number) {
  RedisValue* const value = place_for(task);
  value->kind = RedisValue::Kind::integer;
  value->integer = number;
  return value;
}

void* make_nil(const redisReadTask* task) { return place_for(task); }

void free_value(void* value) { delete static_cast<RedisValue*>(value); }

redisReplyObjectFunctions kFunctions{make_text, make_array, make_integer, make_nil, free_value};

}  // namespace

void RedisReplies::Free::operator()(redisReader* reader) const { redisReaderFree(reader); }

RedisReplies::RedisReplies() : reader_(redisReaderCreateWithFunctions(&kFunctions)) {}

RedisReplies::~RedisReplies() = default;

bool RedisReplies::feed(std::string_view octets) {
  held_ += octets.size();
  bad_ = bad_ || reader_ == nullptr || held_ > kMostOctets ||
         redisReaderFeed(reader_.get(), octets.data(), octets.size()) != kOk;
  return !bad_;
}

std::optional<RedisValue> RedisReplies::next() {
  if (bad_) return std::nullopt;
  void* made = nullptr;
  if (redisReaderGetReply(reader_.get(), &made) != kOk) {
    bad_ = true;
    return std::nullopt;
  }
  if (made == nullptr) return std::nullopt;
  const std::unique_ptr<RedisValue> value(static_cast<RedisValue*>(made));
  held_ = 0;
  return std::move(*value);
}

std::string redis_command(std::span<const std::string> words) {
  std::string out = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) out += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  return out;
}

}  // namespace edge

#include "edge/core/protect/lease_script.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <optional>
#include <utility>

#include "edge/core/protect/region_share.h"

namespace edge {
namespace {

// ARGV: edge, seed, lease and silence in ms, rate in thousandths a second, cursor, ms until a hot key is told again,
// then key and demand of each. Needs Redis 5 or later, which replicates what a script has done, as it reads the clock.
constexpr std::string_view kScript = R"(
local edge, lease, silent = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4])
local rate, whole, least = tonumber(ARGV[5]), 4096, 64
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, edge)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - lease)
redis.call('PEXPIRE', KEYS[1], 3600000)
local edges = redis.call('ZCARD', KEYS[1])
redis.call('SET', KEYS[3], ARGV[2], 'NX')
local seed = redis.call('GET', KEYS[3])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - tonumber(ARGV[7]))
local since = ARGV[6]
if tonumber(since) > now then since = '0' end
local shares = {}
for i = 8, #ARGV - 1, 2 do
  local name, demand = KEYS[4] .. ARGV[i], tonumber(ARGV[i + 1])
  if demand == 0 then
    redis.call('HDEL', name, edge)
    shares[#shares + 1] = 0
  else
    local held = redis.call('HGETALL', name)
    local all, busy, taken = demand, 1, 0
    for j = 1, #held - 1, 2 do
      if held[j] ~= edge then
        local share, wants, at = string.match(held[j + 1], '^(%d+) (%d+) (%d+)$')
        at = tonumber(at)
        if at == nil or now - at >= lease then
          redis.call('HDEL', name, held[j])
        elseif now - at > silent then
          taken = taken + math.min(tonumber(share), math.floor(whole / edges))
        else
          all, busy, taken = all + tonumber(wants), busy + 1, taken + tonumber(share)
        end
      end
    end
    local want = whole * demand / all
    if all < rate then want = whole * (demand / rate + (1 - all / rate) / busy) end
    local share = math.max(least, math.min(math.floor(want), whole - taken))
    redis.call('HSET', name, edge, share .. ' ' .. demand .. ' ' .. now)
    redis.call('PEXPIRE', name, lease)
    redis.call('ZADD', KEYS[2], 'NX', now, ARGV[i])
    redis.call('PEXPIRE', KEYS[2], 3600000)
    shares[#shares + 1] = share
  end
end
local told = redis.call('ZRANGEBYSCORE', KEYS[2], since, '+inf', 'WITHSCORES', 'LIMIT', 0, 512)
local hot, cursor = {}, since
for i = 1, #told - 1, 2 do
  hot[#hot + 1], cursor = told[i], told[i + 1]
end
if #hot == 512 and told[2] == cursor then cursor = string.format('%d', cursor + 1) end
return {edges, seed, cursor, shares, hot}
)";

std::string hex(std::uint64_t value) {
  std::string text(16, '0');
  for (std::size_t i = 16; i-- > 0; value >>= 4) text[i] = "0123456789abcdef"[value & 15];
  return text;
}

std::optional<std::uint64_t> number(const RedisValue& value, int base) {
  if (value.kind != RedisValue::Kind::text) return std::nullopt;
  std::uint64_t out = 0;
  const char* end = value.text.data() + value.text.size();
  const auto [stop, error] = std::from_chars(value.text.data(), end, out, base);
  if (error != std::errc() || stop != end) return std::nullopt;
  return out;
}

std::string milliseconds(shared::Duration span) {
  return std::to_string(std::chrono::duration_cast<shared::milliseconds>(span).count());
}

bool is_array(const RedisValue& value, std::size_t most) {
  return value.kind == RedisValue::Kind::array && value.items.size() <= most;
}

std::optional<std::uint32_t> share_of(const RedisValue& value) {
  const bool good =
      value.kind == RedisValue::Kind::integer && value.integer >= 0 && value.integer <= RegionShare::kWhole;
  if (!good) return std::nullopt;
  return static_cast<std::uint32_t>(value.integer);
}

std::optional<LeaseAnswer> read(const RedisValue& reply, std::size_t asked) {
  constexpr std::int64_t kMostEdges = 1'000'000;
  if (!is_array(reply, 5) || reply.items.size() != 5) return std::nullopt;
  const RedisValue& edges = reply.items[0];
  const auto seed = number(reply.items[1], 16);
  const auto cursor = number(reply.items[2], 10);
  const RedisValue& shares = reply.items[3];
  const RedisValue& hot = reply.items[4];
  if (edges.kind != RedisValue::Kind::integer || edges.integer < 1 || edges.integer > kMostEdges) return std::nullopt;
  if (!seed || !cursor || !is_array(shares, asked) || shares.items.size() != asked) return std::nullopt;
  if (!is_array(hot, kMostHotKeysTold)) return std::nullopt;
  LeaseAnswer answer{
      .cursor = *cursor, .edges = static_cast<std::uint32_t>(edges.integer), .seed = *seed, .shares = {}, .hot = {}};
  for (const RedisValue& item : shares.items) {
    const auto share = share_of(item);
    if (!share) return std::nullopt;
    answer.shares.push_back(*share);
  }
  for (const RedisValue& item : hot.items) {
    const auto key = number(item, 16);
    if (!key || *key == 0) return std::nullopt;
    answer.hot.push_back(*key);
  }
  return answer;
}

}  // namespace

std::string_view lease_script() { return kScript; }

std::vector<std::string> lease_command(std::string_view sha, std::string_view name, const LeaseTerms& terms,
                                       const LeaseAsk& ask) {
  const std::string key = "{" + std::string(name) + "}:";
  const std::string rate = std::to_string(std::max(1LL, std::llround(terms.rate * 1000)));
  std::vector<std::string> command{"EVALSHA",
                                   std::string(sha),
                                   "4",
                                   key + "edges",
                                   key + "hot",
                                   key + "seed",
                                   key,
                                   std::string(terms.edge),
                                   hex(terms.seed),
                                   milliseconds(terms.lease),
                                   milliseconds(terms.silent),
                                   rate,
                                   std::to_string(ask.since),
                                   milliseconds(kHotKeyTold)};
  for (const LeaseAsk::Key& one : ask.keys) {
    command.push_back(hex(one.key));
    command.push_back(std::to_string(one.demand));
  }
  return command;
}

shared::Result<LeaseAnswer> read_lease_answer(const RedisValue& reply, std::size_t asked) {
  if (reply.is_error()) return shared::fail(reply.text);
  auto answer = read(reply, asked);
  if (!answer) return shared::fail("an answer that no script of ours gives");
  return std::move(*answer);
}

}  // namespace edge

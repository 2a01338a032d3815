#include "edge/core/h2/field_encoder.h"

#include <array>
#include <cstring>

#include "edge/core/h2/huffman.h"

namespace edge::h2 {
namespace {

constexpr std::uint8_t kIndexed = 0x80, kRemembered = 0x40, kResized = 0x20, kNever = 0x10, kPlain = 0x00;
constexpr std::size_t kMostOfAName = 4;  // entries: a name whose value is always another one fills no table

enum class Habit : std::uint8_t { few_values, always, unlike, secret };

// How a field's values come again, by its place in the static table.
constexpr std::array<Habit, kStaticFields + 1> make_habits() {
  std::array<Habit, kStaticFields + 1> habits{};
  for (const std::size_t unlike : {21U, 30U, 36U, 46U, 53U}) habits[unlike] = Habit::unlike;
  for (const std::size_t secret : {23U, 32U, 49U, 55U}) habits[secret] = Habit::secret;
  habits[33] = Habit::always;
  return habits;
}
constexpr std::array<Habit, kStaticFields + 1> kHabits = make_habits();
static_assert(FieldEncoder::kMostTable <= DynamicTable::kMost);

// 5.1
char* put(char* out, std::uint8_t pattern, unsigned bits, std::size_t value) {
  const std::size_t most = (std::size_t{1} << bits) - 1;
  if (value < most) {
    *out++ = static_cast<char>(pattern | value);
    return out;
  }
  *out++ = static_cast<char>(pattern | most);
  for (value -= most; value >= 0x80; value >>= 7) *out++ = static_cast<char>(0x80 | (value & 0x7F));
  *out++ = static_cast<char>(value);
  return out;
}

// 5.2
char* put(char* out, std::string_view text) {
  const std::size_t coded = huffman_size(text);
  if (coded < text.size()) {
    out = put(out, 0x80, 7, coded);
    huffman_encode(text, out);
    return out + coded;
  }
  out = put(out, 0, 7, text.size());
  if (!text.empty()) std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

}  // namespace

void FieldEncoder::set_peer_most(std::uint32_t octets) {
  const auto most = std::min<std::uint32_t>(octets, kMostTable);
  least_ = std::min(least_, most);
  tell_ = tell_ || most != most_;
  most_ = most;
}

// 4.2: the smallest that it has been since the last block, then what it is.
char* FieldEncoder::begin(char* out) {
  if (!tell_) return out;
  tell_ = false;
  if (least_ < most_) out = put(out, kResized, 5, least_);
  table_.set_most(least_);
  table_.set_most(most_);
  least_ = most_;
  return put(out, kResized, 5, most_);
}

char* FieldEncoder::add(char* out, std::string_view name, std::string_view value) {
  const std::uint16_t hash = name_hash(name);
  const StaticPlace known = find_static(name, value, hash);
  if (known.field != 0) return put(out, kIndexed, 7, known.field);
  const Habit habit = kHabits[known.name];
  if (habit == Habit::secret) return literal(out, kNever, 4, known.name, name, value);
  if (habit == Habit::unlike) return literal(out, kPlain, 4, known.name, name, value);
  const DynamicTable::Found found = table_.find(name, value, hash);
  if (found.field) return put(out, kIndexed, 7, kStaticFields + 1 + *found.field);
  std::size_t index = known.name;
  if (index == 0 && found.name) index = kStaticFields + 1 + *found.name;
  const bool room = name.size() + value.size() + DynamicTable::kOverhead <= table_.most() / 4;
  if (!room || (habit != Habit::always && found.names >= kMostOfAName)) {
    return literal(out, kPlain, 4, index, name, value);
  }
  out = literal(out, kRemembered, 6, index, name, value);
  table_.insert(name, value, hash);
  return out;
}

char* FieldEncoder::literal(char* out, std::uint8_t pattern, unsigned bits, std::size_t index, std::string_view name,
                            std::string_view value) {
  out = put(out, pattern, bits, index);
  if (index == 0) out = put(out, name);
  return put(out, value);
}

}  // namespace edge::h2

#include "edge/core/h2/field_encoder.h"

#include <array>
#include <cstring>
#include <span>
#include <string>

#include "edge/core/h2/huffman.h"
#include "edge/core/message/h2_response.h"

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

// Of the names that the edge knows: how HTTP/2 writes them, and where the static table has them.
struct KnownName {
  static constexpr std::size_t kLongest = 32;
  std::array<char, kLongest> text{};
  std::uint8_t size = 0;
  std::uint8_t known = 0;
  std::uint16_t hash = 0;
};
std::array<KnownName, http::kFieldIds> make_known_names() {
  std::array<KnownName, http::kFieldIds> all{};
  for (std::size_t i = 1; i < all.size(); ++i) {
    const std::string name = shared::lower(http::canonical_name(static_cast<http::FieldId>(i)));
    KnownName& made = all[i];
    name.copy(made.text.data(), KnownName::kLongest);
    made.size = static_cast<std::uint8_t>(name.size());
    made.hash = name_hash(name);
    made.known = find_static(name, {}, made.hash).name;
  }
  return all;
}
const std::array<KnownName, http::kFieldIds> kKnownNames = make_known_names();

// Of a name's hash and a value's size and ends.
std::size_t recent_place(std::uint16_t name, std::string_view value, std::size_t places) {
  std::uint64_t front = 0;
  std::uint64_t back = 0;
  const char* const at = value.data();
  const std::size_t size = value.size();
  if (size >= 8) {
    std::memcpy(&front, at, 8);
    std::memcpy(&back, at + size - 8, 8);
  } else if (size >= 4) {
    std::memcpy(&front, at, 4);
    std::memcpy(&back, at + size - 4, 4);
  } else if (size > 0) {
    front = static_cast<unsigned char>(at[0]);
    back = static_cast<unsigned char>(at[size - 1]) << 8 | static_cast<unsigned char>(at[size / 2]);
  }
  const std::uint64_t mixed = (front + name) * 0x9E3779B97F4A7C15U ^ (back + size) * 0xC2B2AE3D27D4EB4FU;
  return (mixed >> 48) % places;
}

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
  const auto most = static_cast<std::uint16_t>(std::min<std::uint32_t>(octets, kMostTable));
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
  if (const auto age = recall(name, hash, value)) return put(out, kIndexed, 7, kStaticFields + 1 + *age);
  const StaticPlace known = find_static(name, value, hash);
  if (known.field != 0) return put(out, kIndexed, 7, known.field);
  return add_new(out, Name{.text = name, .hash = hash, .known = known.name}, value);
}

char* FieldEncoder::add(char* out, const http::Field& field) {
  const std::string_view value = shared::trim(field.value);  // RFC 9113 8.2.1
  if (field.id != http::FieldId::other) {
    const KnownName& name = kKnownNames[static_cast<std::size_t>(field.id)];
    const std::string_view text(name.text.data(), name.size);
    if (const auto age = recall(text, name.hash, value)) return put(out, kIndexed, 7, kStaticFields + 1 + *age);
    return add_new(out, Name{.text = text, .hash = name.hash, .known = name.known}, value);
  }
  std::array<char, 64> few;
  std::string many;
  std::span<char> name(few.data(), field.name.size());
  if (field.name.size() > few.size()) {
    many.resize(field.name.size());
    name = many;
  }
  field.name.copy(name.data(), name.size());
  lower_in_place(name);
  return add(out, std::string_view(name.data(), name.size()), value);
}

char* FieldEncoder::add_status(char* out, std::uint16_t status) {
  if (status == 200) return put(out, kIndexed, 7, 8);
  const std::array<char, 3> digits{static_cast<char>('0' + status / 100), static_cast<char>('0' + status / 10 % 10),
                                   static_cast<char>('0' + status % 10)};
  return add(out, ":status", std::string_view(digits.data(), digits.size()));
}

// How old the field is in the table, if it is where it went last.
std::optional<std::size_t> FieldEncoder::recall(std::string_view name, std::uint16_t hash,
                                                std::string_view value) const {
  const std::uint8_t went = recent_[recent_place(hash, value, kRecent)];
  const auto age = static_cast<std::uint8_t>(table_.inserted() - 1 - went);
  if (!table_.holds(age, name, value)) return std::nullopt;
  return age;
}

// `name` is not in the static table with this value, and recall() knows nothing of them.
char* FieldEncoder::add_new(char* out, const Name& name, std::string_view value) {
  const Habit habit = kHabits[name.known];
  if (habit == Habit::secret) return literal(out, kNever, 4, name.known, name.text, value);
  if (habit == Habit::unlike) return literal(out, kPlain, 4, name.known, name.text, value);
  std::uint8_t& recent = recent_[recent_place(name.hash, value, kRecent)];
  const DynamicTable::Found found = table_.find(name.text, value, name.hash);
  if (found.field) {
    recent = static_cast<std::uint8_t>(table_.inserted() - 1 - *found.field);
    return put(out, kIndexed, 7, kStaticFields + 1 + *found.field);
  }
  std::size_t index = name.known;
  if (index == 0 && found.name) index = kStaticFields + 1 + *found.name;
  const bool room = name.text.size() + value.size() + DynamicTable::kOverhead <= table_.most() / 4;
  if (!room || (habit != Habit::always && found.names >= kMostOfAName)) {
    return literal(out, kPlain, 4, index, name.text, value);
  }
  out = literal(out, kRemembered, 6, index, name.text, value);
  table_.insert(name.text, value, name.hash);
  recent = static_cast<std::uint8_t>(table_.inserted() - 1);
  return out;
}

char* FieldEncoder::literal(char* out, std::uint8_t pattern, unsigned bits, std::size_t index, std::string_view name,
                            std::string_view value) {
  out = put(out, pattern, bits, index);
  if (index == 0) out = put(out, name);
  return put(out, value);
}

}  // namespace edge::h2

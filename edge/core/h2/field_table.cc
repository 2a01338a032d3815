#include "edge/core/h2/field_table.h"

#include <algorithm>
#include <cstring>

namespace edge::h2 {
namespace {

constexpr std::size_t kFirstText = 128;
constexpr std::size_t kStepText = 64;
constexpr std::size_t kFirstSlots = 8;

constexpr std::array<FieldPair, kStaticFields> kAll{{
    {":authority", ""},
    {":method", "GET"},
    {":method", "POST"},
    {":path", "/"},
    {":path", "/index.html"},
    {":scheme", "http"},
    {":scheme", "https"},
    {":status", "200"},
    {":status", "204"},
    {":status", "206"},
    {":status", "304"},
    {":status", "400"},
    {":status", "404"},
    {":status", "500"},
    {"accept-charset", ""},
    {"accept-encoding", "gzip, deflate"},
    {"accept-language", ""},
    {"accept-ranges", ""},
    {"accept", ""},
    {"access-control-allow-origin", ""},
    {"age", ""},
    {"allow", ""},
    {"authorization", ""},
    {"cache-control", ""},
    {"content-disposition", ""},
    {"content-encoding", ""},
    {"content-language", ""},
    {"content-length", ""},
    {"content-location", ""},
    {"content-range", ""},
    {"content-type", ""},
    {"cookie", ""},
    {"date", ""},
    {"etag", ""},
    {"expect", ""},
    {"expires", ""},
    {"from", ""},
    {"host", ""},
    {"if-match", ""},
    {"if-modified-since", ""},
    {"if-none-match", ""},
    {"if-range", ""},
    {"if-unmodified-since", ""},
    {"last-modified", ""},
    {"link", ""},
    {"location", ""},
    {"max-forwards", ""},
    {"proxy-authenticate", ""},
    {"proxy-authorization", ""},
    {"range", ""},
    {"referer", ""},
    {"refresh", ""},
    {"retry-after", ""},
    {"server", ""},
    {"set-cookie", ""},
    {"strict-transport-security", ""},
    {"transfer-encoding", ""},
    {"user-agent", ""},
    {"vary", ""},
    {"via", ""},
    {"www-authenticate", ""},
}};

constexpr std::size_t kNamePlaces = 256;  // in which hardly two names meet

constexpr std::array<std::uint8_t, kNamePlaces> make_names() {
  std::array<std::uint8_t, kNamePlaces> places{};
  for (std::size_t i = 0; i < kStaticFields; ++i) {
    if (i > 0 && kAll[i].name == kAll[i - 1].name) continue;
    std::size_t place = name_hash(kAll[i].name) % kNamePlaces;
    while (places[place] != 0) place = (place + 1) % kNamePlaces;
    places[place] = static_cast<std::uint8_t>(i + 1);
  }
  return places;
}
constexpr std::array<std::uint8_t, kNamePlaces> kNames = make_names();

// Fields of the same name from that one on.
constexpr std::array<std::uint8_t, kStaticFields> make_runs() {
  std::array<std::uint8_t, kStaticFields> runs{};
  for (std::size_t i = kStaticFields; i-- > 0;) {
    const bool goes_on = i + 1 < kStaticFields && kAll[i].name == kAll[i + 1].name;
    runs[i] = static_cast<std::uint8_t>(goes_on ? runs[i + 1] + 1 : 1);
  }
  return runs;
}
constexpr std::array<std::uint8_t, kStaticFields> kRuns = make_runs();

const std::array<http::FieldId, kStaticFields + 1> kIds = [] {
  std::array<http::FieldId, kStaticFields + 1> ids{};
  for (std::size_t i = 0; i < kStaticFields; ++i) {
    if (!kAll[i].name.starts_with(':')) ids[i + 1] = http::field_id(kAll[i].name);
  }
  return ids;
}();

}  // namespace

http::FieldId field_id_at(std::uint8_t place) { return kIds[place]; }

const std::array<FieldPair, kStaticFields> kStaticTable = kAll;

StaticPlace find_static(std::string_view name, std::string_view value, std::uint16_t hash) {
  for (std::size_t place = hash % kNamePlaces; kNames[place] != 0; place = (place + 1) % kNamePlaces) {
    const std::uint8_t first = kNames[place];
    if (kAll[first - 1].name != name) continue;
    StaticPlace found{.name = first, .field = 0};
    for (std::size_t i = first; i < std::size_t{first} + kRuns[first - 1]; ++i) {
      if (kAll[i - 1].value != value) continue;
      found.field = static_cast<std::uint8_t>(i);
      break;
    }
    return found;
  }
  return {};
}

DynamicTable::~DynamicTable() {
  if (text_ != nullptr) memory_->deallocate(text_, text_capacity_, 1);
  if (slots_ != nullptr) memory_->deallocate(slots_, slots_capacity_ * sizeof(Slot), alignof(Slot));
}

FieldPair DynamicTable::at(std::size_t i) const {
  const Slot& found = slot(i);
  const char* const text = text_of(found);
  return {.name = {text, found.name}, .value = {text + found.name, found.value}};
}

bool DynamicTable::holds(std::size_t age, std::string_view name, std::string_view value) const {
  if (age >= count_) return false;
  const FieldPair found = at(age);
  return found.name == name && found.value == value;
}

DynamicTable::Found DynamicTable::find(std::string_view name, std::string_view value, std::uint16_t hash) const {
  Found found;
  for (std::size_t age = 0; age < count_; ++age) {
    if (slot(age).hash != hash) continue;
    const FieldPair pair = at(age);
    if (pair.name != name) continue;
    if (!found.name) found.name = age;
    ++found.names;
    if (pair.value != value) continue;
    found.field = age;
    break;
  }
  return found;
}

void DynamicTable::insert(std::string_view name, std::string_view value, std::uint16_t hash) {
  const std::size_t octets = name.size() + value.size();
  const std::size_t counts = octets + kOverhead;
  if (counts > most_) return evict_to(0);
  evict_to(most_ - counts);
  if (std::size_t{end_} + octets > text_capacity_) make_text_room(octets);
  if (count_ == slots_capacity_) make_slot_room();
  char* const text = text_ + end_;
  if (!name.empty()) std::memcpy(text, name.data(), name.size());
  if (!value.empty()) std::memcpy(text + name.size(), value.data(), value.size());
  slots_[next_++ & (slots_capacity_ - 1)] = {.at = static_cast<std::uint16_t>(base_ + end_),
                                             .name = static_cast<std::uint16_t>(name.size()),
                                             .value = static_cast<std::uint16_t>(value.size()),
                                             .hash = hash};
  ++count_;
  end_ = static_cast<std::uint16_t>(end_ + octets);
  size_ = static_cast<std::uint16_t>(size_ + counts);
}

void DynamicTable::set_most(std::size_t most) {
  most_ = static_cast<std::uint16_t>(most);
  evict_to(most);
}

void DynamicTable::evict_to(std::size_t size) {
  while (size_ > size) {
    const Slot& oldest = slot(count_ - 1U);
    const std::size_t octets = std::size_t{oldest.name} + oldest.value;
    begin_ = static_cast<std::uint16_t>(begin_ + octets);
    size_ = static_cast<std::uint16_t>(size_ - octets - kOverhead);
    --count_;
  }
  if (count_ == 0) base_ = begin_ = end_ = 0;
}

// At the front, or in a larger piece if more than three quarters are in use: one of which no more than that is used.
void DynamicTable::make_text_room(std::size_t n) {
  const std::size_t live = end_ - begin_;
  char* place = text_;
  std::size_t capacity = text_capacity_;
  if (live + n > capacity / 4 * 3 && capacity < most_) {
    const std::size_t needed = ((live + n) / 3 * 4 + kStepText) / kStepText * kStepText;
    capacity = std::min<std::size_t>(most_, std::max(needed, kFirstText));
    place = static_cast<char*>(memory_->allocate(capacity, 1));
  }
  if (live > 0) std::memmove(place, text_ + begin_, live);
  if (place != text_) {
    if (text_ != nullptr) memory_->deallocate(text_, text_capacity_, 1);
    text_ = place;
    text_capacity_ = static_cast<std::uint16_t>(capacity);
  }
  base_ = static_cast<std::uint16_t>(base_ + begin_);
  end_ = static_cast<std::uint16_t>(live);
  begin_ = 0;
}

void DynamicTable::make_slot_room() {
  const std::size_t capacity = std::max<std::size_t>(kFirstSlots, 2U * slots_capacity_);
  auto* const place = static_cast<Slot*>(memory_->allocate(capacity * sizeof(Slot), alignof(Slot)));
  for (std::size_t age = 0; age < count_; ++age) place[count_ - 1U - age] = slot(age);
  if (slots_ != nullptr) memory_->deallocate(slots_, slots_capacity_ * sizeof(Slot), alignof(Slot));
  slots_ = place;
  slots_capacity_ = static_cast<std::uint16_t>(capacity);
  next_ = count_;
}

}  // namespace edge::h2

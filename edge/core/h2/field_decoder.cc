#include "edge/core/h2/field_decoder.h"

#include <limits>

#include "edge/core/h2/huffman.h"

namespace edge::h2 {

void FieldDecoder::feed(std::string_view fragment, bool last) {
  if (last_) begun_ = false;
  last_ = last;
  if (rest_.size() > 0) {
    rest_.append(fragment);
    fragment = rest_.view();
  }
  at_ = fragment.data();
  end_ = at_ + fragment.size();
}

FieldDecoder::Got FieldDecoder::next() {
  Got got;
  while (at_ != end_) {
    got.known = 0;
    got.field = {};
    const bool resizes = (static_cast<std::uint8_t>(*at_) & 0xE0) == 0x20;
    const Read read = read_field(got);
    if (read == Read::error) return {};
    if (read == Read::short_) return stop();
    if (resizes) continue;
    begun_ = true;
    got.state = State::field;
    return got;
  }
  return stop();
}

// The fragment is used up, or what is left of it is a part of a field.
FieldDecoder::Got FieldDecoder::stop() {
  const auto left = static_cast<std::size_t>(end_ - at_);
  if (last_) {
    rest_.release();
    name_.release();
    value_.release();
    at_ = end_ = nullptr;
    return {.state = left == 0 ? State::end : State::error};
  }
  if (left > kMostWaiting) return {};
  if (left == 0) {
    rest_.clear();
  } else if (at_ != rest_.data()) {
    rest_.assign({at_, left});
  }
  at_ = end_ = nullptr;
  return {.state = State::more};
}

// 5.1
FieldDecoder::Number FieldDecoder::number(const char*& at, unsigned bits) const {
  const std::uint32_t most = (1U << bits) - 1;
  std::uint32_t value = static_cast<std::uint8_t>(*at++) & most;
  if (value < most) return {.read = Read::ok, .value = value};
  for (unsigned shift = 0; at != end_; shift += 7) {
    const auto octet = static_cast<std::uint8_t>(*at++);
    const std::uint32_t add = octet & 0x7F;
    if (shift >= 32 || add > std::numeric_limits<std::uint32_t>::max() >> shift) return {.read = Read::error};
    if (add << shift > std::numeric_limits<std::uint32_t>::max() - value) return {.read = Read::error};
    value += add << shift;
    if ((octet & 0x80) == 0) return {.read = Read::ok, .value = value};
  }
  return {.read = Read::short_};
}

// 5.2
FieldDecoder::Text FieldDecoder::text(const char*& at, OctetBuffer& decoded) const {
  if (at == end_) return {};
  const bool coded = (static_cast<std::uint8_t>(*at) & 0x80) != 0;
  const Number size = number(at, 7);
  if (size.read != Read::ok) return {.read = size.read, .text = {}};
  if (size.value > kMostString) return {.read = Read::error, .text = {}};
  if (size.value > static_cast<std::size_t>(end_ - at)) return {};
  const std::string_view octets(at, size.value);
  at += size.value;
  if (!coded) return {.read = Read::ok, .text = octets};
  decoded.clear();
  decoded.reserve(huffman_decoded_bound(octets.size()) + 1);
  const auto length = huffman_decode(octets, decoded.data());
  if (!length) return {.read = Read::error, .text = {}};
  return {.read = Read::ok, .text = {decoded.data(), *length}};
}

// 6
FieldDecoder::Read FieldDecoder::read_field(Got& got) {
  const auto first = static_cast<std::uint8_t>(*at_);
  if ((first & 0x80) != 0) return indexed(at_, got);
  if ((first & 0x40) != 0) return literal(at_, 6, got);
  if ((first & 0x20) != 0) return resize(at_);
  return literal(at_, 4, got);  // without indexing, or never to be: nobody indexes it behind us
}

FieldDecoder::Read FieldDecoder::indexed(const char* at, Got& got) {
  const Number index = number(at, 7);
  if (index.read != Read::ok) return index.read;
  if (!look_up(index.value, got)) return Read::error;
  at_ = at;
  return Read::ok;
}

FieldDecoder::Read FieldDecoder::literal(const char* at, unsigned bits, Got& got) {
  const Number index = number(at, bits);
  if (index.read != Read::ok) return index.read;
  if (index.value == 0) {
    const Text name = text(at, name_);
    if (name.read != Read::ok) return name.read;
    got.field.name = name.text;
  } else if (!look_up(index.value, got)) {
    return Read::error;
  }
  const Text value = text(at, value_);
  if (value.read != Read::ok) return value.read;
  got.field.value = value.text;
  if (bits == 6) {
    if (index.value > kStaticFields) {  // the entry may give way to the new one
      name_.assign(got.field.name);
      got.field.name = name_.view();
    }
    table_.insert(got.field.name, got.field.value, got.known);
  }
  at_ = at;
  return Read::ok;
}

// 6.3: before the first field of a block, and within what SETTINGS_HEADER_TABLE_SIZE says.
FieldDecoder::Read FieldDecoder::resize(const char* at) {
  const Number size = number(at, 5);
  if (size.read != Read::ok) return size.read;
  if (begun_ || size.value > DynamicTable::kMost) return Read::error;
  table_.set_most(size.value);
  at_ = at;
  return Read::ok;
}

bool FieldDecoder::look_up(std::uint32_t index, Got& got) const {
  if (index == 0) return false;
  if (index <= kStaticFields) {
    got.field = kStaticTable[index - 1];
    got.known = static_cast<std::uint8_t>(index);
    return true;
  }
  if (index - kStaticFields > table_.count()) return false;
  got.field = table_.at(index - kStaticFields - 1);
  got.known = static_cast<std::uint8_t>(table_.hash_at(index - kStaticFields - 1));
  return true;
}

}  // namespace edge::h2

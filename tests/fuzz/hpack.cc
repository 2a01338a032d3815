// HPACK of ours beside another one's (nghttp2): of any octets both decoders read the same fields or both refuse them,
// in whatever pieces ours has them; and what our encoder writes of them, both read back as it was.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "edge/core/h2/field_decoder.h"
#include "edge/core/h2/field_encoder.h"

namespace {

using edge::h2::FieldDecoder;
using edge::h2::FieldEncoder;
using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Read {
  bool whole = false;
  Pairs fields;
};

void require(bool condition) {
  if (!condition) std::abort();
}

Read inflate(nghttp2_hd_inflater* inflater, std::string_view block) {
  Read read;
  while (true) {
    nghttp2_nv field{};
    int flags = 0;
    const ssize_t used = nghttp2_hd_inflate_hd2(inflater, &field, &flags,
                                                reinterpret_cast<const std::uint8_t*>(block.data()), block.size(), 1);
    if (used < 0) return read;
    block.remove_prefix(static_cast<std::size_t>(used));
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
      read.fields.emplace_back(std::string(reinterpret_cast<char*>(field.name), field.namelen),
                               std::string(reinterpret_cast<char*>(field.value), field.valuelen));
    }
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
  }
  read.whole = true;
  nghttp2_hd_inflate_end_headers(inflater);
  return read;
}

Read decode(FieldDecoder& decoder, std::string_view block, std::size_t piece) {
  Read read;
  do {
    const std::string fragment(block.substr(0, piece));  // where it is not read beyond its end
    block.remove_prefix(fragment.size());
    decoder.feed(fragment, block.empty());
    FieldDecoder::Got got = decoder.next();
    for (; got.state == FieldDecoder::State::field; got = decoder.next()) {
      read.fields.emplace_back(got.field.name, got.field.value);
    }
    if (got.state == FieldDecoder::State::error) return read;
    require((got.state == FieldDecoder::State::end) == block.empty());
  } while (!block.empty());
  read.whole = true;
  require(decoder.memory() == decoder.table().memory());
  return read;
}

std::string encode(FieldEncoder& encoder, const Pairs& fields) {
  std::size_t size = FieldEncoder::kBegin;
  for (const auto& [name, value] : fields) size += FieldEncoder::bound(name, value);
  std::string block(size, '\0');
  char* at = encoder.begin(block.data());
  for (const auto& [name, value] : fields) at = encoder.add(at, name, value);
  block.resize(static_cast<std::size_t>(at - block.data()));
  return block;
}

struct Inflater {
  Inflater() { require(nghttp2_hd_inflate_new(&all) == 0); }
  ~Inflater() { nghttp2_hd_inflate_del(all); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  nghttp2_hd_inflater* all = nullptr;
};

}  // namespace

// Blocks, each behind two octets of its size; the first octet of all says in which pieces.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::size_t piece = 1 + data[0];
  std::pmr::memory_resource& memory = *std::pmr::new_delete_resource();
  Inflater theirs;
  Inflater back;
  FieldDecoder ours(memory);
  FieldDecoder our_back(memory);
  FieldEncoder encoder(memory);
  while (rest.size() >= 2) {
    const std::size_t length = static_cast<std::uint8_t>(rest[0]) | static_cast<std::uint8_t>(rest[1]) << 8;
    const std::string_view block = rest.substr(2, length);
    rest.remove_prefix(2 + block.size());
    const Read expected = inflate(theirs.all, block);
    const Read read = decode(ours, block, piece);
    require(read.whole == expected.whole);
    require(!read.whole || read.fields == expected.fields);
    require(ours.table().size() == nghttp2_hd_inflate_get_dynamic_table_size(theirs.all) || !read.whole);
    if (!read.whole) break;
    const std::string again = encode(encoder, read.fields);
    const Read first = inflate(back.all, again);
    const Read second = decode(our_back, again, again.size() + 1);
    require(first.whole && first.fields == read.fields);
    require(second.whole && second.fields == read.fields);
    require(encoder.table().memory() <= FieldEncoder::kMostTable + 64 * 8);
  }
  return 0;
}

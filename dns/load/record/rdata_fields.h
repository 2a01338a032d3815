#pragma once
// FieldReader: the fields of one record's data, from the tokens of a zone file to the wire, one reader for each kind of
// field. An error says what is wrong with which word. Used by RdataParser for one record, one thread.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "dns/core/wire/name.h"
#include "dns/load/record/master_reader.h"
#include "dns/load/record/rdata_types.h"
#include "dns/load/record/text_codec.h"
#include "shared/core/result.h"

namespace dns {

using shared::Result;

class FieldReader {
 public:
  // `origin` completes relative names. What is read goes to the end of `out`.
  FieldReader(std::span<const MasterToken> tokens, NameSpan origin, Octets& out)
      : tokens_(tokens), origin_(origin), out_(out) {}

  [[nodiscard]] Result<void> read(Field field);
  // Nothing may be left.
  [[nodiscard]] Result<void> end() const;

  // For what is made of simpler fields (rdata_records.h, service_params.h).
  [[nodiscard]] bool at_end() const { return tokens_.empty(); }
  // The next word, which must not be quoted.
  [[nodiscard]] Result<std::string_view> take_word();
  [[nodiscard]] const MasterToken* peek() const { return tokens_.empty() ? nullptr : &tokens_[0]; }
  void skip() { tokens_ = tokens_.subspan(1); }
  [[nodiscard]] Result<std::uint64_t> take_number(std::uint64_t largest);
  void put(std::uint64_t value, unsigned octets);
  void put(std::span<const std::uint8_t> octets) { out_.insert(out_.end(), octets.begin(), octets.end()); }
  [[nodiscard]] Octets& out() { return out_; }
  [[nodiscard]] Result<void> read_name();
  // The first name that was not written in ASCII; empty: all were.
  [[nodiscard]] std::string_view raw_name() const { return raw_name_; }

 private:
  [[nodiscard]] Result<void> read_number(unsigned octets);
  [[nodiscard]] Result<void> read_period();
  [[nodiscard]] Result<void> read_timestamp();
  [[nodiscard]] Result<void> read_type();
  [[nodiscard]] Result<void> read_address(Field field);
  [[nodiscard]] Result<void> read_quotable(Field field);
  [[nodiscard]] Result<void> read_string();
  [[nodiscard]] Result<void> read_strings();
  [[nodiscard]] Result<void> read_tag();
  [[nodiscard]] Result<void> read_text();
  [[nodiscard]] Result<void> read_hex();
  [[nodiscard]] Result<void> read_base64(Field field);
  [[nodiscard]] Result<void> read_salt();
  [[nodiscard]] Result<void> read_next_hash();
  [[nodiscard]] Result<void> read_types();
  [[nodiscard]] Result<void> read_groups(std::size_t count, std::size_t digits, char separator);
  [[nodiscard]] Result<std::string> take_string();
  [[nodiscard]] Result<std::string> take_rest(const char* what);

  std::span<const MasterToken> tokens_;
  NameSpan origin_;
  Octets& out_;
  std::string_view raw_name_;
};

// "1234" without sign, up to `largest`.
[[nodiscard]] std::optional<std::uint64_t> parse_decimal(std::string_view text, std::uint64_t largest);

// "3600", "1h30m": seconds, with the units s m h d w in any case; nothing if it is no time.
[[nodiscard]] std::optional<std::uint64_t> parse_ttl(std::string_view text);

[[nodiscard]] std::string quoted(std::string_view text);

}  // namespace dns

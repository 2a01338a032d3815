#include "dns/load/zone/zone_reader.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "dns/load/record/text_codec.h"
#include "shared/core/ascii.h"
#include "shared/load/idn.h"

namespace dns {

using shared::load::Position;

namespace {

constexpr std::uint32_t kMaxTtl = 0x7FFFFFFF;  // RFC 2181 section 8

using shared::equals_ignoring_case;
using shared::is_digit;

// RFC 1035 section 5.1 with the CLASSn of RFC 3597; `in`: the only class that is served.
enum class ClassWord : std::uint8_t { none, in, other };

ClassWord class_word(std::string_view text) {
  if (equals_ignoring_case(text, "IN") || equals_ignoring_case(text, "CLASS1")) return ClassWord::in;
  const bool other = equals_ignoring_case(text, "CH") || equals_ignoring_case(text, "CS") ||
                     equals_ignoring_case(text, "HS") ||
                     (text.size() > 5 && equals_ignoring_case(text.substr(0, 5), "CLASS") && is_digit(text[5]));
  return other ? ClassWord::other : ClassWord::none;
}

constexpr unsigned kMaxOutside = 10;  // records outside the zone that are named one by one

std::string quote(std::string_view text) { return "'" + std::string(text) + "'"; }

}  // namespace

ZoneReader::ZoneReader(const ZoneSource& source, const ZoneFileSettings& settings,
                       shared::load::Diagnostics& diagnostics)
    : source_(source),
      settings_(settings),
      diagnostics_(diagnostics),
      errors_before_(diagnostics.errors()),
      builder_(source.origin) {
  use_origin(source.origin);
}

std::shared_ptr<const Zone> ZoneReader::read() {
  read_file(source_.file, source_.at);
  if (full() || ranges_.empty()) return nullptr;  // empty: the file could not even be opened
  report_signatures();
  mark_policies();
  auto built = builder_.finish();
  report(built.problems);
  return diagnostics_.errors() == errors_before_ ? built.zone : nullptr;
}

// `from`: what names the file: the configuration, or an $INCLUDE.
void ZoneReader::read_file(const std::filesystem::path& file, const Position& from) {
  auto text = settings_.read_file(file);
  if (!text) {
    diagnostics_.error(from, "cannot read " + file.string() + ": " + text.error().message);
    return;
  }
  const Source source{std::make_shared<const std::string>(file.string()), std::move(*text), next_base_};
  const auto lines = static_cast<std::uint32_t>(std::count(source.text.begin(), source.text.end(), '\n')) + 2;
  if (lines > std::numeric_limits<std::uint32_t>::max() - next_base_) {
    diagnostics_.error(from, "the zone has more than 4,294,967,295 lines");
    return;
  }
  ranges_.push_back({next_base_, source.name});
  builder_.reserve(lines);
  next_base_ += lines;

  const Source* const outer = std::exchange(here_, &source);
  const std::uint32_t outer_line = std::exchange(line_, 1);
  if (source.text.find('\0') != std::string::npos) {
    diagnostics_.error({source.name, 0, 0}, "is not a text file: it contains a zero byte");
  } else if (source.text.starts_with("\xEF\xBB\xBF")) {
    diagnostics_.error({source.name, 1, 1}, "begins with a byte order mark: save it as UTF-8 without one");
  } else {
    read_entries(file);
  }
  here_ = outer;
  line_ = outer_line;
}

void ZoneReader::read_entries(const std::filesystem::path& file) {
  MasterReader reader(here_->text);
  while (!full()) {
    if (read_plain(reader)) continue;
    const auto entry = reader.next();
    line_ = reader.line();
    if (!entry) {
      error(entry.error().message);
    } else if (*entry == nullptr) {
      return;
    } else {
      read_entry(**entry, file);
    }
  }
}

// False: the line is not of the plain kind, or something is wrong with it; nothing has changed then.
bool ZoneReader::read_plain(MasterReader& reader) {
  const std::string_view line = reader.peek_line();
  PlainRecord& record = plain_[plain_owner_ ^ 1];
  if (!read_plain_record(line, origin_.wire(), record)) return false;
  if (!record.ttl && !default_ttl_ && !has_last_ttl_) return false;
  const std::uint32_t ttl = record.ttl ? *record.ttl : default_ttl_ ? *default_ttl_ : last_ttl_;
  const RrType type = record.ipv6 ? RrType::aaaa : RrType::a;
  const std::uint32_t where = here_->base + reader.next_line();
  if (!builder_.add({record.owner(), type, RrClass::in, ttl, record.rdata(), where})) return false;
  if (record.ttl) {
    last_ttl_ = ttl;
    has_last_ttl_ = true;
  }
  plain_owner_ ^= 1;
  owner_is_plain_ = has_owner_ = true;
  reader.take_line(line);
  return true;
}

// The owner of the last plain record becomes that of the next one that gives none.
void ZoneReader::settle_owner() {
  if (!owner_is_plain_) return;
  owner_is_plain_ = false;
  owner_ = Name::from_wire(plain_[plain_owner_].owner()).value_or(owner_);
}

void ZoneReader::read_entry(const MasterEntry& entry, const std::filesystem::path& file) {
  std::span<const MasterToken> tokens = entry.tokens;
  settle_owner();
  if (entry.blank_owner) {
    if (!has_owner_) return error(tokens[0], "the first record has no owner");
    return read_record(tokens);
  }
  if (!tokens[0].quoted && tokens[0].text.front() == '$') {
    if (!read_directive(entry, file)) error(tokens[0], "unknown directive " + quote(tokens[0].text));
    return;
  }
  auto owner = read_name(tokens[0]);
  if (!owner) return;
  owner_ = *owner;
  has_owner_ = true;
  if (tokens.size() == 1) return error(tokens[0], "a name without a record");
  read_record(tokens.subspan(1));
}

// False: there is no such directive.
bool ZoneReader::read_directive(const MasterEntry& entry, const std::filesystem::path& file) {
  const std::span<const MasterToken> tokens = entry.tokens;
  const std::string_view word = tokens[0].text;
  const auto arguments = tokens.subspan(1);
  if (equals_ignoring_case(word, "$ORIGIN")) {
    set_origin(arguments);
  } else if (equals_ignoring_case(word, "$TTL")) {
    set_ttl(arguments);
  } else if (equals_ignoring_case(word, "$INCLUDE")) {
    include(arguments, file);
  } else if (equals_ignoring_case(word, "$GENERATE")) {
    generate(arguments);
  } else {
    return false;
  }
  return true;
}

void ZoneReader::set_origin(std::span<const MasterToken> arguments) {
  if (arguments.size() != 1) return error("$ORIGIN takes one name");
  if (const auto origin = read_name(arguments[0])) use_origin(*origin);
}

void ZoneReader::set_ttl(std::span<const MasterToken> arguments) {
  if (arguments.size() != 1) return error("$TTL takes one time");
  if (const auto ttl = read_ttl(arguments[0])) default_ttl_ = ttl;
}

// The included file begins with the given origin or with ours, and changes neither our origin nor our owner (RFC 1035
// section 5.1); a $TTL in it holds on, as RFC 2308 section 4 says.
void ZoneReader::include(std::span<const MasterToken> arguments, const std::filesystem::path& file) {
  if (arguments.empty() || arguments.size() > 2) return error("$INCLUDE takes a file and, if need be, an origin");
  if (depth_ >= settings_.include_depth) {
    return error("$INCLUDE goes deeper than " + std::to_string(settings_.include_depth) + " files");
  }
  const Name outer_origin = origin_;
  const Name outer_owner = owner_;
  if (arguments.size() == 2) {
    const auto origin = read_name(arguments[1]);
    if (!origin) return;
    use_origin(*origin);
  }
  ++depth_;
  read_file(file.parent_path() / std::filesystem::path(arguments[0].text), {here_->name, line_, 1});
  --depth_;
  use_origin(outer_origin);
  owner_ = outer_owner;
  owner_is_plain_ = false;
}

void ZoneReader::generate(std::span<const MasterToken> arguments) {
  if (arguments.size() < 4) return error("$GENERATE takes a range, a name, a type and data");
  const auto range = parse_generate_range(arguments[0].text);
  if (!range) return error(arguments[0], range.error().message);
  if (range->count() > settings_.generated - generated_) {
    return error(arguments[0], "$GENERATE makes more than " + std::to_string(settings_.generated) + " records");
  }
  generated_ += static_cast<std::uint32_t>(range->count());
  for (std::uint64_t value = range->first; value <= range->last && !full(); value += range->step) {
    if (!generate_one(arguments.subspan(1), static_cast<std::uint32_t>(value))) return;
  }
}

// False: the pattern itself is wrong, and has been reported.
bool ZoneReader::generate_one(std::span<const MasterToken> pattern, std::uint32_t value) {
  std::vector<std::string> texts;
  texts.reserve(pattern.size());  // tokens point into them
  std::vector<MasterToken> tokens;
  for (const MasterToken& token : pattern) {
    auto text = expand_generate(token.text, value);
    if (!text) {
      error(token, text.error().message);
      return false;
    }
    texts.push_back(std::move(*text));
    tokens.push_back({texts.back(), token.quoted, token.joined});
  }
  const std::size_t errors = diagnostics_.errors();
  if (const auto owner = read_name(tokens[0])) {
    owner_ = *owner;
    has_owner_ = true;
    read_record(std::span<const MasterToken>(tokens).subspan(1));
  }
  return diagnostics_.errors() == errors;  // the rest would say the same again
}

void ZoneReader::read_record(std::span<const MasterToken> tokens) {
  const auto fields = read_fields(tokens);
  if (!fields) return;
  const RrType type{fields->type};
  const auto data = tokens.subspan(fields->count);
  const auto rdata = rdata_.parse(fields->type, data);
  if (!rdata) {
    const MasterToken& at = data.empty() ? tokens[fields->count - 1] : data[0];
    return error(at, type_to_text(fields->type) + " record: " + rdata.error().message);
  }
  if (!rdata_.raw_name().empty()) warn_of_raw(rdata_.raw_name());
  note_signature(fields->type);
  const bool known_ttl = fields->ttl || default_ttl_ || has_last_ttl_;
  if (type == RrType::soa && (!known_ttl || !early_.empty())) use_minimum(*rdata, !known_ttl);
  if (type != RrType::soa && !known_ttl) {
    early_.push_back({owner_, type, {rdata->begin(), rdata->end()}, here_->base + line_});
    return;
  }
  const std::uint32_t ttl = fields->ttl ? *fields->ttl : default_ttl_ ? *default_ttl_ : last_ttl_;
  if (fields->ttl) {
    last_ttl_ = ttl;
    has_last_ttl_ = true;
  }
  if (!owner_.is_within(source_.origin)) return leave_out(owner_, {here_->name, line_, 1});
  const auto added = builder_.add({owner_.wire(), type, RrClass::in, ttl, *rdata, here_->base + line_});
  if (!added) error(tokens[0], added.error().message);
}

// Octets are octets (RFC 2181 section 11), but nobody who types this name asks for them.
void ZoneReader::warn_of_raw(std::string_view name) {
  const auto ascii = shared::load::to_ascii(name);
  warning(quote(name) + " is not ASCII and is served as the octets that it is" +
          (ascii ? "; who types it asks for " + *ascii : std::string()));
}

void ZoneReader::note_signature(std::uint16_t type) {
  const bool signature = RrType{type} == RrType::rrsig || RrType{type} == RrType::dnskey;
  if (signature && !signed_at_ && owner_ == source_.origin) signed_at_ = Position{here_->name, line_, 1};
}

// Whoever validates would find no signature in our answers, and give its clients SERVFAIL.
void ZoneReader::report_signatures() {
  if (!signed_at_) return;
  const std::string zone = source_.origin.to_text();
  if (settings_.signed_zones == SignedZones::warn) {
    diagnostics_.warning(*signed_at_,
                         zone + " is signed, but its answers carry no signatures (`dns.signed_zones: warn`)");
    return;
  }
  diagnostics_.error(*signed_at_,
                     zone +
                         " is signed, but signatures are not served yet, and validating resolvers would "
                         "answer SERVFAIL: take the file from before the signing and the DS out of the parent "
                         "zone, or say `dns.signed_zones: warn`");
}

// Before $TTL there was, a zone without any TTL had that of its SOA's last field (RFC 1035 section 3.3.13). Records
// that stand before the SOA have waited for it.
void ZoneReader::use_minimum(std::span<const std::uint8_t> soa, bool from_here_on) {
  const std::uint32_t minimum = std::min(load_u32(soa.last(4).data()), kMaxTtl);
  if (from_here_on) default_ttl_ = minimum;
  warning("no TTL and no $TTL before " + std::string(early_.empty() ? "this record" : "the first record") +
          ": the SOA's minimum counts, " + std::to_string(minimum));
  for (const EarlyRecord& record : std::exchange(early_, {})) {
    if (!record.owner.is_within(source_.origin)) {
      leave_out(record.owner, place_of(record.where));
      continue;
    }
    const auto added =
        builder_.add({record.owner.wire(), record.type, RrClass::in, minimum, record.rdata, record.where});
    if (!added) diagnostics_.error(place_of(record.where), added.error().message);
  }
}

// As all peers do with data that is not of the zone: glue of strangers, mostly. Not one warning for each of a million.
void ZoneReader::leave_out(const Name& owner, const Position& at) {
  ++outside_;
  if (outside_ > kMaxOutside) return;
  diagnostics_.warning(at, owner.to_text() + ": outside the zone " + source_.origin.to_text() + ", left out" +
                               (outside_ == kMaxOutside ? "; more such records are not told one by one" : ""));
}

// [TTL] [class] type, or [class] [TTL] type.
std::optional<ZoneReader::Fields> ZoneReader::read_fields(std::span<const MasterToken> tokens) {
  Fields fields;
  bool has_class = false;
  for (const MasterToken& token : tokens) {
    ++fields.count;
    const ClassWord word = class_word(token.text);
    if (!token.quoted && !token.text.empty() && is_digit(token.text.front()) && !fields.ttl) {
      fields.ttl = read_ttl(token);
      if (!fields.ttl) return std::nullopt;
    } else if (word == ClassWord::other) {
      error(token, "class " + quote(token.text) + " is not served, only IN");
      return std::nullopt;
    } else if (word == ClassWord::in && !has_class) {
      has_class = true;
    } else if (const auto type = token.quoted ? std::nullopt : type_from_text(token.text)) {
      fields.type = *type;
      return fields;
    } else {
      error(token, "unknown record type " + quote(token.text));
      return std::nullopt;
    }
  }
  error("a record without a type");
  return std::nullopt;
}

std::optional<std::uint32_t> ZoneReader::read_ttl(const MasterToken& token) {
  const auto ttl = parse_ttl(token.text);
  if (!ttl || token.quoted) {
    error(token, quote(token.text) + " is not a TTL such as 3600 or 1h");
    return std::nullopt;
  }
  if (*ttl > kMaxTtl) {
    error(token, "TTL " + quote(token.text) + " is above 2147483647 seconds");
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(*ttl);
}

// "@", an absolute name, or a name below the origin.
std::optional<Name> ZoneReader::read_name(const MasterToken& token) {
  if (token.text == "@" && !token.quoted) return origin_;
  const auto name = dns::read_name(token.text);
  if (!name) {
    error(token, name.error().message);
    return std::nullopt;
  }
  if (!shared::load::is_ascii(token.text)) warn_of_raw(token.text);
  if (name->absolute) return Name::from_wire(name->wire());
  std::array<std::uint8_t, 2 * kMaxNameSize> wire;
  const auto labels = name->wire().first(name->wire().size() - 1);
  const auto end = std::copy(labels.begin(), labels.end(), wire.begin());
  const auto size = std::copy(origin_.wire().begin(), origin_.wire().end(), end) - wire.begin();
  auto whole = Name::from_wire({wire.data(), static_cast<std::size_t>(size)});
  if (!whole) error(token, quote(token.text) + " with its origin is longer than 255 octets");
  return whole;
}

void ZoneReader::use_origin(const Name& origin) {
  origin_ = origin;
  rdata_.set_origin(origin.wire());
}

void ZoneReader::mark_policies() {
  marks_base_ = next_base_;
  for (std::size_t i = 0; i < source_.marks.size(); ++i) {
    const PolicyMark& mark = source_.marks[i];
    const auto where = marks_base_ + static_cast<std::uint32_t>(i);
    const auto marked = builder_.mark_policy(mark.name, mark.policy, where, mark.types);
    if (!marked) diagnostics_.error(mark.at, marked.error().message);
  }
}

void ZoneReader::report(const std::vector<ZoneProblem>& problems) {
  for (const ZoneProblem& problem : problems) {
    if (full()) return;
    if (problem.severity == ZoneProblem::Severity::error) {
      diagnostics_.error(place_of(problem.where), problem.text);
    } else {
      diagnostics_.warning(place_of(problem.where), problem.text);
    }
  }
}

void ZoneReader::warning(std::string message) { diagnostics_.warning({here_->name, line_, 1}, std::move(message)); }

void ZoneReader::error(std::string message) { diagnostics_.error({here_->name, line_, 1}, std::move(message)); }

void ZoneReader::error(const MasterToken& token, std::string message) {
  const std::string& text = here_->text;
  const char* const begin = text.data();
  if (token.text.data() < begin || token.text.data() > begin + text.size()) return error(std::move(message));
  const std::string_view before(begin, static_cast<std::size_t>(token.text.data() - begin));
  const auto line = static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n')) + 1;
  const std::size_t start = before.rfind('\n') + 1;  // npos + 1 is 0
  const auto column = static_cast<std::uint32_t>(before.size() - start) + (token.quoted ? 0 : 1);
  diagnostics_.error({here_->name, line, column}, std::move(message));
}

Position ZoneReader::place_of(std::uint32_t where) const {
  if (where >= marks_base_ && where - marks_base_ < source_.marks.size()) return source_.marks[where - marks_base_].at;
  const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), where,
                                      [](std::uint32_t value, const Range& range) { return value < range.base; });
  if (after == ranges_.begin()) return {};
  const Range& range = *std::prev(after);
  return {range.name, where - range.base, where == range.base ? 0U : 1U};
}

}  // namespace dns

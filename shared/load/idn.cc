#include "shared/load/idn.h"

#include <idn2.h>

#include <algorithm>
#include <cstdint>
#include <memory>

namespace shared::load {

namespace {

struct FreeIdn {
  void operator()(void* text) const { ::idn2_free(text); }
};

// Calls convert(label) for each label and joins what it returns.
template <class Convert>
Result<std::string> for_labels(std::string_view name, Convert&& convert) {
  std::string out;
  while (true) {
    const std::size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    Result<std::string> converted = convert(label);
    if (!converted) return converted;
    out += *converted;
    if (dot == std::string_view::npos) return out;
    out += '.';
    name.remove_prefix(dot + 1);
  }
}

Result<std::string> label_to_ascii(std::string_view label) {
  if (is_ascii(label)) return std::string(label);
  const std::string text(label);
  std::uint8_t* raw = nullptr;
  const int status = ::idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(text.c_str()), &raw,
                                      IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<std::uint8_t, FreeIdn> ascii(raw);
  if (status != IDN2_OK) return fail("'" + text + "' has no form in ASCII (IDNA2008): " + ::idn2_strerror(status));
  return std::string(reinterpret_cast<const char*>(ascii.get()));
}

Result<std::string> label_to_unicode(std::string_view label) {
  if (!label.starts_with("xn--") && !label.starts_with("XN--")) return std::string(label);
  std::string text(label);
  char* raw = nullptr;
  const int status = ::idn2_to_unicode_8z8z(text.c_str(), &raw, 0);
  const std::unique_ptr<char, FreeIdn> unicode(raw);
  if (status != IDN2_OK) return text;
  return std::string(unicode.get());
}

}  // namespace

bool is_ascii(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

Result<std::string> to_ascii(std::string_view name) {
  return is_ascii(name) ? Result<std::string>(name) : for_labels(name, label_to_ascii);
}

std::string to_unicode(std::string_view name) { return for_labels(name, label_to_unicode).value_or(std::string(name)); }

std::string ascii_name(const std::string& name, const Position& at, Diagnostics& diagnostics) {
  if (is_ascii(name)) return name;
  const auto ascii = to_ascii(name);
  if (!ascii) {
    diagnostics.error(at, "'" + name + "': " + ascii.error().message);
    return name;
  }
  diagnostics.warning(at,
                      "'" + name + "' is not ASCII: on the wire, and from here on, it is " + *ascii + " (IDNA2008)");
  return *ascii;
}

}  // namespace shared::load

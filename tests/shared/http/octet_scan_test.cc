#include "shared/http/octet_scan.h"

#include <random>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace http::octet_scan_test {
namespace {

// What a run is, said once more and slowly.
bool is_control(unsigned char c) { return c < 0x20 || c == 0x7F; }
bool is_odd(unsigned char c) { return !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && c != '-'; }
bool is_no_target(unsigned char c) { return c < 0x21 || c > 0x7E || c == '#'; }

template <class Ends>
std::size_t slowly(std::string_view text, Ends&& ends) {
  std::size_t at = 0;
  while (at < text.size() && !ends(static_cast<unsigned char>(text[at]))) ++at;
  return at;
}

std::size_t control_in(std::string_view text) {
  return static_cast<std::size_t>(find_control(text.data(), text.data() + text.size()) - text.data());
}
std::size_t odd_in(std::string_view text) {
  return static_cast<std::size_t>(find_odd(text.data(), text.data() + text.size()) - text.data());
}
std::size_t target_in(std::string_view text) {
  return static_cast<std::size_t>(find_target_end(text.data(), text.data() + text.size()) - text.data());
}
// As a processor without SSE2 does it.
template <class Kind>
std::size_t by_words_in(std::string_view text) {
  return static_cast<std::size_t>(scan::by_words<Kind>(text.data(), text.data() + text.size()) - text.data());
}

// Each octet, at each place of a text of each length that one, two or three steps take.
TEST(OctetScan, EveryOctetEndsARunOrDoesNot) {
  for (std::size_t size = 1; size <= 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'x');
      for (int octet = 0; octet < 256; ++octet) {
        text[at] = static_cast<char>(octet);
        const std::size_t control = slowly(text, is_control);
        const std::size_t odd = slowly(text, is_odd);
        ASSERT_EQ(control_in(text), control) << octet << " at " << at << " of " << size;
        const std::size_t target = slowly(text, is_no_target);
        ASSERT_EQ(odd_in(text), odd) << octet << " at " << at << " of " << size;
        ASSERT_EQ(target_in(text), target) << octet << " at " << at << " of " << size;
        ASSERT_EQ(by_words_in<scan::NoTarget>(text), target) << octet << " at " << at << " of " << size;
        ASSERT_EQ(by_words_in<scan::Control>(text), control) << octet << " at " << at << " of " << size;
        ASSERT_EQ(by_words_in<scan::Odd>(text), odd) << octet << " at " << at << " of " << size;
      }
    }
  }
}

// Octets beside the first that ends it must not hide it.
TEST(OctetScan, NeighboursDoNotMatter) {
  std::mt19937 random(17);
  for (int round = 0; round < 20000; ++round) {
    std::string text(random() % 50, '\0');
    for (char& c : text) {
      constexpr std::string_view kTricky = "#\"!\x1f\x20\x7e\x7f\x80\xff-az{`AZ@[\r\n\t:";
      c = random() % 3 == 0 ? static_cast<char>(random() & 0xFF) : kTricky[random() % kTricky.size()];
      if (random() % 2 == 0) c = 'm';
    }
    ASSERT_EQ(control_in(text), slowly(text, is_control)) << text;
    ASSERT_EQ(odd_in(text), slowly(text, is_odd)) << text;
    ASSERT_EQ(target_in(text), slowly(text, is_no_target)) << text;
    ASSERT_EQ(by_words_in<scan::NoTarget>(text), slowly(text, is_no_target)) << text;
    ASSERT_EQ(by_words_in<scan::Control>(text), slowly(text, is_control)) << text;
    ASSERT_EQ(by_words_in<scan::Odd>(text), slowly(text, is_odd)) << text;
  }
}

}  // namespace
}  // namespace http::octet_scan_test

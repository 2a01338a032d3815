#include "shared/load/idn.h"

#include <gtest/gtest.h>

namespace shared::load::idn_test {
namespace {

TEST(Idn, ConvertsToTheFormOfTheWire) {
  EXPECT_EQ(to_ascii("b\u00fccher.example").value(), "xn--bcher-kva.example");
  EXPECT_EQ(to_ascii("B\u00dcCHER.Example").value(), "xn--bcher-kva.Example") << "mapped to lower case first";
  EXPECT_EQ(to_ascii("*.stra\u00dfe.example.").value(), "*.xn--strae-oqa.example.") << "IDNA2008 keeps the sharp s";
  EXPECT_EQ(to_ascii("_sip._tcp.\u4f8b\u3048.example").value(), "_sip._tcp.xn--r8jz45g.example");
  EXPECT_EQ(to_ascii("bu\u0308cher").value(), "xn--bcher-kva") << "composed first (NFC)";
  EXPECT_EQ(to_ascii("b\\195\\188cher.a..b").value(), "b\\195\\188cher.a..b") << "ASCII is left alone";
}

TEST(Idn, RefusesWhatHasNoForm) {
  const std::string long_label = "\u00fc" + std::string(63, 'a');
  for (const std::string& name :
       {std::string("\u2603\u0000", 3) + "\xff", std::string("-\u00fc"), std::string("\xc3"), long_label}) {
    EXPECT_FALSE(to_ascii(name)) << name;
  }
}

TEST(Idn, ShowsWhatPeopleRead) {
  EXPECT_EQ(to_unicode("xn--bcher-kva.example."), "b\u00fccher.example.");
  EXPECT_EQ(to_unicode("www.example."), "www.example.");
  EXPECT_EQ(to_unicode("xn--\\255.example"), "xn--\\255.example");
}

TEST(Idn, WarnsWithBothForms) {
  Diagnostics diagnostics;
  EXPECT_EQ(ascii_name("example.com", {}, diagnostics), "example.com");
  EXPECT_EQ(diagnostics.render(), "");
  EXPECT_EQ(ascii_name("b\u00fccher.example", {}, diagnostics), "xn--bcher-kva.example");
  EXPECT_EQ(diagnostics.render(),
            "configuration: warning: 'b\u00fccher.example' is not ASCII: on the wire, and from here on, it is "
            "xn--bcher-kva.example (IDNA2008)\n");
  EXPECT_EQ(ascii_name("-\u00fc", {}, diagnostics), "-\u00fc");
  EXPECT_EQ(diagnostics.errors(), 1U);
}

}  // namespace
}  // namespace shared::load::idn_test

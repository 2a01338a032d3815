#include "edge/core/content/accept_encoding.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace edge::accept_encoding_test {
namespace {

AcceptedCodings accepted(const std::vector<std::string>& lines) {
  http::FieldList fields;
  for (const std::string& line : lines) {
    EXPECT_TRUE(fields.push({.name = "Accept-Encoding", .value = line, .id = http::FieldId::accept_encoding}));
  }
  return AcceptedCodings(fields);
}

std::string chosen(const std::vector<std::string>& lines) {
  constexpr Coding kOffered[] = {Coding::br, Coding::gzip};
  const std::string_view name = coding_name(accepted(lines).choose(kOffered));
  return name.empty() ? "identity" : std::string(name);
}

TEST(AcceptEncoding, TheBestLikedIsChosenAndBetweenEqualsTheFirstOffered) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"gzip", "gzip"},
      {"gzip, br", "br"},
      {"br;q=0.5, gzip", "gzip"},
      {"br;q=0.5, gzip;q=0.501", "gzip"},
      {"GZip ; Q=0.5", "gzip"},
      {"x-gzip", "gzip"},
      {"*", "br"},
      {"*;q=0.5, br;q=0", "gzip"},
      {"gzip, identity", "gzip"},
      {"gzip;q=0.5, identity", "identity"},
      {"gzip;q=0.5, *;q=1", "br"},
      {"deflate, compress", "identity"},
      {"", "identity"},
      {"identity", "identity"},
      {"gzip;q=0", "identity"},
      {"gzip;q=0.0, br;q=0.000", "identity"},
      {"identity;q=0", "identity"},
      {"*;q=0", "identity"},
      {"identity;q=0, gzip;q=0.001", "gzip"},
      {"gzip;q=1.001", "identity"},
      {"gzip;q=", "identity"},
      {"gzip;q=2", "identity"},
      {"gzip;q=-1", "identity"},
      {"gzip;q=0.0001", "identity"},
      {"gzip;level=9", "gzip"},
      {"gzip, gzip;q=0", "gzip"},
      {"gzipped, xbr", "identity"},
      {",,gzip,", "gzip"},
  };
  for (const auto& [line, name] : cases) EXPECT_EQ(chosen({line}), name) << line;
}

TEST(AcceptEncoding, ItsLinesAreOneListAndWithoutAnyNothingIsEncoded) {
  EXPECT_EQ(chosen({"deflate", "gzip;q=0.5"}), "gzip");
  EXPECT_EQ(chosen({}), "identity");
  EXPECT_EQ(AcceptedCodings().choose({}), Coding::identity);
  EXPECT_EQ(accepted({"gzip"}).choose({}), Coding::identity);
}

TEST(AcceptEncoding, QualitiesAreThousandths) {
  for (const auto& [text, value] : std::vector<std::pair<std::string, int>>{{"0", 0},
                                                                            {"1", 1000},
                                                                            {"0.", 0},
                                                                            {"1.", 1000},
                                                                            {"0.5", 500},
                                                                            {"0.25", 250},
                                                                            {"0.125", 125},
                                                                            {"1.000", 1000},
                                                                            {"1.001", -1},
                                                                            {"0.1234", -1},
                                                                            {"2", -1},
                                                                            {".5", -1},
                                                                            {"00", -1},
                                                                            {"0,5", -1},
                                                                            {"0.5 ", -1},
                                                                            {"0.a", -1},
                                                                            {"", -1}}) {
    EXPECT_EQ(parse_quality(text), value) << text;
  }
}

}  // namespace
}  // namespace edge::accept_encoding_test

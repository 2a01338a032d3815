#include "dns/load/config/cname_names.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "dns/load/world/world.h"

namespace dns::cname_names_test {
namespace {

constexpr const char* kZone = "$TTL 60\n@ SOA ns host 5 2 3 4 60\n@ NS ns\nns A 192.0.2.53\n";

// A name whose policy may choose an edge or a platform, shop.cdn.example.
class CnameNames : public testing::Test {
 protected:
  CnameNames() : folder_(std::filesystem::path(testing::TempDir()) / ("cname_names." + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~CnameNames() override { std::filesystem::remove_all(folder_); }

  // What is wrong with a configuration of that name, over these zones.
  std::string problems(const std::string& name, const std::string& zone = kZone,
                       const std::string& target = "shop.cdn.example") {
    write("zone", zone);
    write("other", "$TTL 60\n@ SOA ns host 5 2 3 4 60\n@ NS www.example.com.\n");
    write("c.yaml", "service: test\nregions:\n  eu: {edges: [192.0.2.1]}\n  cdn: {cname: " + target +
                        "}\ndns:\n  listen: \"127.0.0.1:0\"\n  zones: {example.com: zone" + more_zones_ +
                        "}\n  policies: {all: [{failover: [cdn, eu]}]}\n  names: {" + name + ": {policy: all}}\n");
    shared::load::Diagnostics diagnostics;
    const auto world = load_world((folder_ / "c.yaml").string(), diagnostics);
    EXPECT_EQ(world.has_value(), !diagnostics.failed());
    return diagnostics.failed() ? diagnostics.render() : "";
  }
  void write(const std::string& name, const std::string& text) const { std::ofstream(folder_ / name) << text; }

  std::filesystem::path folder_;
  std::string more_zones_;
};

TEST_F(CnameNames, ANameOfItsOwnMayBeOne) { EXPECT_EQ(problems("www.example.com"), ""); }

TEST_F(CnameNames, TheApexMayNot) {
  const std::string said = problems("example.com");
  EXPECT_NE(
      said.find("c.yaml:9:11: error: example.com. is the apex of its zone, where SOA and NS stand, but its policy "
                "may choose region 'cdn', which is a CNAME (shop.cdn.example.)"),
      std::string::npos)
      << said;
}

TEST_F(CnameNames, NothingMayStandBesideIt) {
  const std::string said = problems("www.example.com", std::string(kZone) + "www TXT x\nwww MX 10 ns\n");
  EXPECT_NE(said.find("www.example.com. has other data in the zone file (MX, TXT)"), std::string::npos) << said;
}

TEST_F(CnameNames, WhatLiesBelowItIsNoOtherData) {
  EXPECT_EQ(problems("www.example.com", std::string(kZone) + "a.www TXT x\n"), "");
}

TEST_F(CnameNames, ItIsNotItsOwnTarget) {
  const std::string said = problems("www.example.com", kZone, "www.example.com");
  EXPECT_NE(said.find("www.example.com.: region 'cdn' is a CNAME to itself"), std::string::npos) << said;
}

// RFC 2181 section 10.3.
TEST_F(CnameNames, ItServesNoZone) {
  std::string said = problems("www.example.com", "$TTL 60\n@ SOA ns host 5 2 3 4 60\n@ NS www\n");
  EXPECT_NE(said.find("www.example.com. is a name server of example.com."), std::string::npos) << said;
  more_zones_ = ", other.example: other";
  said = problems("www.example.com");
  EXPECT_NE(said.find("www.example.com. is a name server of other.example."), std::string::npos) << said;
  EXPECT_EQ(said.find("is a name server of example.com."), std::string::npos) << said;
}

}  // namespace
}  // namespace dns::cname_names_test

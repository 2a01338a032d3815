#include "cli/init.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "cli/app.h"
#include "cli/config_schema.h"

namespace cli::init_test {
namespace {

int meridian(std::vector<const char*> arguments, std::string& complained) {
  arguments.insert(arguments.begin(), "meridian");
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const int status = run(static_cast<int>(arguments.size()), arguments.data(), "1.2.3");
  complained = ::testing::internal::GetCapturedStderr() + ::testing::internal::GetCapturedStdout();
  return status;
}

TEST(Init, WhatItWritesPassesTheCheck) {
  const auto folder = std::filesystem::temp_directory_path() / ("meridian-init-" + std::to_string(::getpid()));
  std::string said;
  const std::string place = folder.string();
  const std::vector<const char*> words = {"init",       place.c_str(),
                                          "--zone",     "example.com",
                                          "--node",     "192.0.2.53",
                                          "--node",     "2001:db8::53",
                                          "--region",   "eu=203.0.113.11",
                                          "--region",   "us=192.0.2.11,192.0.2.12",
                                          "--backend",  "eu=10.3.0.10:8080",
                                          "--backend",  "us=10.1.0.10:8080,10.1.0.11:8080",
                                          "--name",     "@",
                                          "--name",     "www",
                                          "--location", "eu=53.35,-6.26"};
  EXPECT_EQ(meridian(words, said), 0) << said;
  const std::string file = (folder / "meridian.yaml").string();
  EXPECT_EQ(meridian({"check", file.c_str()}, said), 0) << said;
  EXPECT_EQ(said.find("warning"), std::string::npos) << said;
  EXPECT_EQ(meridian(words, said), 1) << "it does not write over what is there";
  EXPECT_NE(said.find("--force"), std::string::npos) << said;
  std::filesystem::remove_all(folder);
}

TEST(Init, WhatYamlWouldTakeForSomethingElseIsQuoted) {
  const auto folder = std::filesystem::temp_directory_path() / ("meridian-init-odd-" + std::to_string(::getpid()));
  std::string said;
  const std::string place = folder.string();
  EXPECT_EQ(meridian({"init", place.c_str(), "--zone", "b\xc3\xbc\x63her.example", "--service", "true", "--node",
                      "192.0.2.53", "--region", "no=203.0.113.11", "--backend", "no=10.3.0.10:8080", "--name",
                      "www.b\xc3\xbc\x63her.example", "--name", "*"},
                     said),
            0)
      << said;
  const std::string file = (folder / "meridian.yaml").string();
  EXPECT_EQ(meridian({"check", file.c_str()}, said), 0) << said;
  std::ifstream in(file);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  EXPECT_NE(text.find("\"www.b\xc3\xbc\x63her.example\": {policy"), std::string::npos) << "once in the zone\n" << text;
  std::filesystem::remove_all(folder);
}

TEST(Init, ANameInTheZonesOtherScriptIsInIt) {
  const auto folder = std::filesystem::temp_directory_path() / ("meridian-init-idn-" + std::to_string(::getpid()));
  std::string said;
  const std::string place = folder.string();
  EXPECT_EQ(meridian({"init", place.c_str(), "--zone", "b\xc3\xbc\x63her.example", "--node", "192.0.2.53", "--region",
                      "eu=203.0.113.11", "--backend", "eu=10.3.0.10:8080", "--name", "www.xn--bcher-kva.example",
                      "--name", "XN--BCHER-KVA.example", "--name", "wwwxn--bcher-kva.example"},
                     said),
            0)
      << said;
  std::ifstream in(folder / "meridian.yaml");
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  EXPECT_NE(text.find("    \"www.b\xc3\xbc\x63her.example\": {policy"), std::string::npos) << text;
  EXPECT_NE(text.find("    \"b\xc3\xbc\x63her.example\": {policy"), std::string::npos) << text;
  EXPECT_NE(text.find("    \"wwwxn--bcher-kva.example.b\xc3\xbc\x63her.example\": {policy"), std::string::npos) << text;
  std::filesystem::remove_all(folder);
}

TEST(Init, NamesThatTheDnsCannotHaveAreRefused) {
  std::string said;
  const auto init = [&](const char* zone, const char* name) {
    return meridian({"init", "/nonexistent", "--zone", zone, "--name", name, "--node", "192.0.2.53", "--region",
                     "eu=192.0.2.1", "--backend", "eu=192.0.2.2:80"},
                    said);
  };
  for (const char* const zone : {".", "a..b", "a b.example", "a\nb.example", "../example", "a.example\t"}) {
    EXPECT_EQ(init(zone, "www"), 2) << zone;
    EXPECT_NE(said.find("--zone '"), std::string::npos) << said;
  }
  EXPECT_EQ(init("a.example", "b b"), 2);
  EXPECT_NE(said.find("--name 'b b.a.example'"), std::string::npos) << said;
}

TEST(Init, WhatIsMissingOrWrongIsToldWithAnExample) {
  std::string said;
  for (const auto& [words, remedy] : std::vector<std::pair<std::vector<const char*>, std::string>>{
           {{"init", "--zone", "example.com"}, "--region eu=203.0.113.11"},
           {{"init", "--region", "eu"}, "NAME=ADDRESS"},
           {{"init", "--region", "eu=nowhere"}, "'nowhere' is no address"},
           {{"init", "--region", "eu=192.0.2.1"}, "--backend eu=ADDRESS:PORT is missing"},
           {{"init", "--region", "eu=192.0.2.1", "--location", "eu=1.0,2.0}, us: {"}, "LATITUDE,LONGITUDE in degrees"},
           {{"init", "--region", "eu=192.0.2.1", "--location", "eu=Dublin"}, "LATITUDE,LONGITUDE in degrees"},
           {{"init", "--region", "eu=192.0.2.1", "--location", "eu=91,0"}, "LATITUDE,LONGITUDE in degrees"},
           {{"init", "--region", "eu=192.0.2.1", "--location", "eu=nan,0"}, "LATITUDE,LONGITUDE in degrees"},
           {{"init", "--region", "eu=192.0.2.1", "--location", "eu=53.35, -6.26"},
            "--backend eu=ADDRESS:PORT is missing"},
           {{"init", "--region", "eu=192.0.2.1", "--backend", "us=192.0.2.2:80"}, "with a region that --region names"},
           {{"init", "--region", "eu=192.0.2.1", "--backend", "eu=192.0.2.2:80"}, "--zone is missing"}}) {
    EXPECT_EQ(meridian(words, said), 2) << remedy;
    EXPECT_NE(said.find(remedy), std::string::npos) << said;
  }
}

TEST(ConfigSchema, EveryReferenceHasItsDefinition) {
  const auto schema = boost::json::parse(configuration_schema()).as_object();
  const auto& definitions = schema.at("$defs").as_object();
  EXPECT_GT(definitions.size(), 30U);
  const std::string text = configuration_schema();
  constexpr std::string_view mark = "\"$ref\": \"#/$defs/";
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
    const auto begin = at + mark.size();
    const std::string title = text.substr(begin, text.find('"', begin) - begin);
    EXPECT_TRUE(definitions.contains(title)) << title;
  }
}

TEST(ConfigSchema, ItKnowsRangesChoicesAndLists) {
  const auto schema = boost::json::parse(configuration_schema());
  const auto& health = schema.at("$defs").at("health.edge").at("properties");
  EXPECT_EQ(health.at("port").at("anyOf").at(0).at("maximum").to_number<int>(), 65535);
  EXPECT_EQ(health.at("kind").at("anyOf").at(0).at("enum").as_array().size(), 3U);
  const auto& region = schema.at("$defs").at("regions.NAME").at("properties");
  EXPECT_EQ(region.at("edges").at("type"), "array");
  EXPECT_EQ(schema.at("additionalProperties"), false);
}

}  // namespace
}  // namespace cli::init_test

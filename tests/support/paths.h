#pragma once
// Where the sources and the build are, for the tests that read files of them. Absolute paths stand in paths.cc alone,
// so that the compiler cache serves every checkout with all the other tests.

#include <filesystem>
#include <string>

namespace test {

[[nodiscard]] std::filesystem::path source_file(const std::string& name);  // "zones/shop.yaml"
[[nodiscard]] std::filesystem::path build_file(const std::string& name);   // "geo/city.mmdb"

}  // namespace test

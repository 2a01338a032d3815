#include "tests/support/paths.h"

namespace test {

std::filesystem::path source_file(const std::string& name) { return std::filesystem::path(MERIDIAN_SOURCE_DIR) / name; }

std::filesystem::path build_file(const std::string& name) { return std::filesystem::path(MERIDIAN_BINARY_DIR) / name; }

}  // namespace test

#pragma once
// The networks of countries, of a geo database as the DNS tier has it (MaxMind DB). Reads the file; the Builder's
// thread.

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/core/ip.h"
#include "shared/core/result.h"

namespace edge {

// By code (ISO 3166-1): "DE".
using CountryNetworks = std::map<std::string, std::vector<shared::Prefix>, std::less<>>;

// Two letters, upper case.
[[nodiscard]] bool is_country_code(std::string_view text);

// Fills in those of `wanted`; others are passed over. A network is in the country where it is, else, as databases have
// it, where it is registered.
[[nodiscard]] shared::Result<void> read_countries(std::span<const std::uint8_t> bytes, CountryNetworks& wanted);
[[nodiscard]] shared::Result<void> read_countries(const std::filesystem::path& file, CountryNetworks& wanted);

}  // namespace edge

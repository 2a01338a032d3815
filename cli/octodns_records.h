#pragma once
// The plain records of octoDNS's zones as lines of a master file. Pure.

#include <string>
#include <vector>

#include "shared/core/result.h"
#include "shared/load/node.h"

namespace cli {

// The data of each record (RFC 1035 section 5.1): `10 mail.example.com.`. An error: the type is not known here.
[[nodiscard]] shared::Result<std::vector<std::string>> octodns_records(const std::string& type,
                                                                       const shared::load::Node& record);

}  // namespace cli

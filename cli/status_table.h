#pragma once
// The status of an edge as a table for a terminal: one line for each server, those in trouble marked. Pure, any thread.

#include <string>
#include <string_view>

#include "shared/core/result.h"

namespace cli {

// What was shown before, for the rates of a live table.
struct EarlierStatus {
  std::string_view json;  // empty: none
  double seconds = 0;     // between the two
};

// Nothing when the JSON is not an edge's.
[[nodiscard]] shared::Result<std::string> edge_table(std::string_view json, const EarlierStatus& earlier);

}  // namespace cli

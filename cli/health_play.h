#pragma once
// What `--down` plays: every edge up, but for some regions. Pure, any thread.

#include <string>
#include <vector>

#include "dns/core/steer/answer_sets.h"
#include "shared/core/result.h"

namespace cli {

[[nodiscard]] shared::Result<dns::HealthView> play_down(const std::vector<dns::Region>& regions,
                                                        const std::vector<std::string>& down);

}  // namespace cli

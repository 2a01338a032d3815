#include "shared/serve/os/utc.h"

#include <chrono>
#include <ctime>

namespace shared {

std::string utc(WallTime time) {
  const std::time_t whole = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&whole, &parts);
  std::string text(sizeof "2026-01-01T00:00:00Z" - 1, '\0');
  text.resize(std::strftime(text.data(), text.size() + 1, "%Y-%m-%dT%H:%M:%SZ", &parts));
  return text;
}

}  // namespace shared

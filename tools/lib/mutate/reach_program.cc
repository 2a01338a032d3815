// Linked into the programs by tools/mutate: what they reach is noted in the file that MERIDIAN_MUTANT_REACH names,
// which they map, so that it is there also when they are killed.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/lib/mutate/switch.h"

namespace {

[[maybe_unused]] const bool kWatching = [] {
  const char* path = std::getenv("MERIDIAN_MUTANT_REACH");
  const int file = path == nullptr ? -1 : ::open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return false;
  void* at = ::mmap(nullptr, mutate::kMost, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (at == MAP_FAILED) return false;
  mutate::reached_at = static_cast<std::atomic<std::uint8_t>*>(at);
  return true;
}();

}  // namespace

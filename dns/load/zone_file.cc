#include "dns/load/zone_file.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>

#include "dns/load/zone_reader.h"

namespace dns {

using shared::fail;
using shared::Result;

namespace {

// ldns takes 64 KiB for each record and gives them back; with glibc's default the top of the heap goes back to the
// kernel and comes again each time: 9 us for a record instead of 1.3.
void keep_heap_top() {
  static std::once_flag once;
  std::call_once(once, [] { ::mallopt(M_TRIM_THRESHOLD, 16 << 20); });
}

class OpenFile {
 public:
  explicit OpenFile(const char* path) : fd_(::open(path, O_RDONLY | O_CLOEXEC)) {}
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

std::string reason() { return std::strerror(errno); }

Result<std::string> read_whole(const std::filesystem::path& path) {
  const OpenFile file(path.c_str());
  struct stat facts{};
  if (file.get() < 0 || ::fstat(file.get(), &facts) != 0) return fail(reason());
  if (!S_ISREG(facts.st_mode)) return fail("not a regular file");
  std::string text(static_cast<std::size_t>(facts.st_size), '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + have, text.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(reason());
    if (got == 0) break;  // became shorter meanwhile
    have += static_cast<std::size_t>(got);
  }
  text.resize(have);
  return text;
}

}  // namespace

ZoneFileSettings::ZoneFileSettings() : read_file(read_whole) {}

std::shared_ptr<const Zone> load_zone_file(const ZoneSource& source, const ZoneFileSettings& settings,
                                           shared::load::Diagnostics& diagnostics) {
  keep_heap_top();
  return ZoneReader(source, settings, diagnostics).read();
}

}  // namespace dns

#include "shared/load/file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace shared::load {
namespace {

constexpr std::size_t kBlock = 64 * 1024;
constexpr std::size_t kMiB = 1024 * 1024;

// To open a pipe waits for its writer, and to read one for what it writes, unless they are told not to.
class OpenFile {
 public:
  explicit OpenFile(const char* path) : fd_(::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

tl::unexpected<Error> too_large(std::size_t largest) {
  const bool round = largest % kMiB == 0;
  return fail("it is larger than " +
              (round ? std::to_string(largest / kMiB) + " MiB" : std::to_string(largest) + " octets"));
}

// Until there is something to read, or its end; false: none in time. The end of a pipe that nobody has written to yet
// is no end: read() says so all the same.
bool wait_to_read(int fd, std::chrono::steady_clock::time_point until) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
    const int got = ::poll(&one, 1, static_cast<int>(left.count()));
    if (got > 0 || (got < 0 && errno != EINTR)) return true;
  }
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, const FileRules& rules) {
  const OpenFile file(path.c_str());
  struct stat facts{};
  if (file.get() < 0 || ::fstat(file.get(), &facts) != 0) return fail(std::strerror(errno));
  if (S_ISDIR(facts.st_mode)) return fail("it is a folder, not a regular file");
  const bool waits = !S_ISREG(facts.st_mode);
  if (waits && !rules.pipes) return fail("not a regular file");
  const auto until = std::chrono::steady_clock::now() + rules.patience;
  const auto size = static_cast<std::size_t>(std::max<off_t>(0, facts.st_size));
  if (size > rules.largest) return too_large(rules.largest);
  // One octet more than it has, to meet the end without growing. A size of 0 may be one that is not known (/proc).
  std::string text(size > 0 ? size + 1 : kBlock, '\0');
  std::size_t have = 0;
  while (true) {
    if (have == text.size()) text.resize(2 * have);
    if (waits && !wait_to_read(file.get(), until)) return fail("a pipe that nobody has written to its end in time");
    const ssize_t got = ::read(file.get(), text.data() + have, text.size() - have);
    if (got < 0 && (errno == EINTR || (waits && errno == EAGAIN))) continue;
    if (got < 0) return fail(std::strerror(errno));
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
    if (have > rules.largest) return too_large(rules.largest);
  }
  text.resize(have);
  return text;
}

namespace {

bool allows(const std::filesystem::path& path, mode_t any_of) {
  struct stat facts{};
  return ::stat(path.c_str(), &facts) == 0 && (facts.st_mode & any_of) != 0;
}

}  // namespace

bool is_open_to_all(const std::filesystem::path& path) { return allows(path, S_IROTH | S_IWOTH); }

bool is_writable_by_all(const std::filesystem::path& path) { return allows(path, S_IWOTH); }

}  // namespace shared::load

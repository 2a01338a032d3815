#include "shared/serve/process/state.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>

namespace shared {
namespace {

std::string why() { return std::strerror(errno); }

// Writes all of it, through short writes and interruptions.
bool write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

std::optional<std::string> read_all(int fd) {
  std::string out;
  std::array<char, 16384> chunk{};
  while (true) {
    const ssize_t n = ::read(fd, chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) return out;
    out.append(chunk.data(), static_cast<std::size_t>(n));
  }
}

Result<UniqueFd> take_lock(const std::string& path, int directory) {
  UniqueFd lock(::openat(directory, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!lock.valid()) return fail("cannot open " + path + "/lock: " + why());
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  const std::string holder = read_all(lock.get()).value_or("");
  return fail("state directory " + path + " is in use" + (holder.empty() ? "" : " by process " + holder) +
              ": stop that server, take over from it with --upgrade, or give this one a state directory of its own");
}

// Only for the message above; the lock is the flock, which dies with the last process that holds it.
bool sign(int lock) {
  return ::lseek(lock, 0, SEEK_SET) == 0 && ::ftruncate(lock, 0) == 0 && write_all(lock, std::to_string(::getpid()));
}

Result<UniqueFd> open_directory(const std::string& path) {
  UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return fail("cannot open the state directory " + path + ": " + why());
  return directory;
}

bool is_draft(std::string_view name) { return name.starts_with('.') && name.find(".new.") != std::string_view::npos; }

// What a process that was killed while it wrote has left.
void remove_drafts(int directory) {
  const int copy = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const listing = copy < 0 ? nullptr : ::fdopendir(copy);
  if (listing == nullptr) return;
  for (const dirent* entry = ::readdir(listing); entry != nullptr; entry = ::readdir(listing)) {
    if (is_draft(entry->d_name)) ::unlinkat(directory, entry->d_name, 0);
  }
  ::closedir(listing);
}

}  // namespace

Result<StateDirectory> StateDirectory::open(const std::string& path) {
  if (::mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) {
    return fail("cannot make the state directory " + path + ": " + why());
  }
  Result<UniqueFd> directory = open_directory(path);
  if (!directory) return tl::unexpected(directory.error());
  Result<UniqueFd> lock = take_lock(path, directory->get());
  if (!lock) return tl::unexpected(lock.error());
  if (!sign(lock->get())) return fail("cannot write " + path + "/lock: " + why());
  remove_drafts(directory->get());
  return StateDirectory(path, std::move(*directory), std::move(*lock));
}

Result<StateDirectory> StateDirectory::adopt(const std::string& path, UniqueFd lock) {
  Result<UniqueFd> directory = open_directory(path);
  if (!directory) return tl::unexpected(directory.error());
  if (!sign(lock.get())) return fail("cannot write " + path + "/lock: " + why());
  return StateDirectory(path, std::move(*directory), std::move(lock));
}

bool StateDirectory::in_use(const std::string& path) {
  const UniqueFd lock(::open((path + "/lock").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  return lock.valid() && ::flock(lock.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

Result<void> StateDirectory::write(std::string_view name, std::string_view content) const {
  assert(!name.empty() && name.find('/') == std::string_view::npos);
  const std::string target(name);
  const std::string draft = "." + target + ".new." + std::to_string(::getpid());
  const auto failed = [&](std::string_view step) {
    return fail("cannot " + std::string(step) + " " + path_ + "/" + target + ": " + why());
  };
  const UniqueFd file(
      ::openat(directory_.get(), draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!file.valid()) return failed("create");
  if (!write_all(file.get(), content)) return failed("write");
  if (::fsync(file.get()) != 0) return failed("sync");
  if (::renameat(directory_.get(), draft.c_str(), directory_.get(), target.c_str()) != 0) return failed("replace");
  if (::fsync(directory_.get()) != 0) return failed("sync the directory of");
  return {};
}

Result<std::optional<std::string>> StateDirectory::read(std::string_view name) const {
  assert(!name.empty() && name.find('/') == std::string_view::npos);
  const std::string target(name);
  const UniqueFd file(::openat(directory_.get(), target.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.valid() && errno == ENOENT) return std::optional<std::string>();
  if (!file.valid()) return fail("cannot open " + path_ + "/" + target + ": " + why());
  std::optional<std::string> content = read_all(file.get());
  if (!content) return fail("cannot read " + path_ + "/" + target + ": " + why());
  return content;
}

}  // namespace shared

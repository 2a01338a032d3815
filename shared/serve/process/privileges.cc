#include "shared/serve/process/privileges.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "shared/serve/os/log.h"
#include "shared/serve/os/system_calls.h"
#include "shared/serve/os/unique_fd.h"

namespace shared {
namespace {

constexpr std::size_t kUserBuffer = 16384;
constexpr std::string_view kRoot = "root";
constexpr std::string_view kServiceUser = "meridian";
constexpr const char* kAllowRoot = "MERIDIAN_ALLOW_ROOT";

struct User {
  std::string name;
  uid_t id;
  gid_t group;
};

tl::unexpected<Error> failed(const std::string& what) { return fail(what + ": " + std::strerror(errno)); }

Result<User> find_user(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(kUserBuffer);
  const int error = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found != nullptr) return User{name, found->pw_uid, found->pw_gid};
  return fail("user: there is no user '" + name + "' on this machine" +
              (error != 0 ? std::string(": ") + std::strerror(error) : "; `adduser --system --group` makes one"));
}

// Plain files only, and none with a second name: the directory may have been the user's already.
void give_files(int directory, const User& user) {
  DIR* const listing = ::fdopendir(::dup(directory));
  if (listing == nullptr) return;
  for (const dirent* entry = ::readdir(listing); entry != nullptr; entry = ::readdir(listing)) {
    const UniqueFd file(::openat(directory, entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat what{};
    if (!file.valid() || ::fstat(file.get(), &what) != 0 || !S_ISREG(what.st_mode) || what.st_nlink != 1) continue;
    if (::fchown(file.get(), user.id, user.group) != 0) continue;  // it says so itself when it is used
  }
  ::closedir(listing);
}

Result<void> give_directory(const std::filesystem::path& path, const User& user) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (error) return fail("cannot make the state directory " + path.string() + ": " + error.message());
  if (::mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) return failed("cannot make " + path.string());
  const UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory.valid()) return failed("cannot open " + path.string());
  if (::fchown(directory.get(), user.id, user.group) != 0) return failed("cannot give away " + path.string());
  give_files(directory.get(), user);
  return {};
}

// At most CAP_NET_BIND_SERVICE, and only if we have it.
bool keep_one_capability() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return false;
  const std::uint32_t kept = sets[0].permitted & (1U << CAP_NET_BIND_SERVICE);
  sets = {};
  sets[0].effective = sets[0].permitted = kept;
  return ::syscall(SYS_capset, &header, sets.data()) == 0 &&
         ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0;
}

// The Builder comes back from the background, to a niceness of 10 (builder.h).
void allow_niceness() {
  constexpr rlim_t kLeastNice10 = 20 - 10;  // getrlimit(2)
  rlimit limit{};
  if (::getrlimit(RLIMIT_NICE, &limit) != 0 || limit.rlim_cur >= kLeastNice10) return;
  limit = {.rlim_cur = kLeastNice10, .rlim_max = std::max(limit.rlim_max, kLeastNice10)};
  ::setrlimit(RLIMIT_NICE, &limit);
}

// What no program that this process might become can have.
void shrink_bounding_set() {
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (capability != CAP_NET_BIND_SERVICE) ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
}

Result<void> become(const User& user) {
  allow_niceness();
  shrink_bounding_set();
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return failed("cannot keep capabilities");
  if (::initgroups(user.name.c_str(), user.group) != 0) return failed("cannot take the groups of " + user.name);
  if (::setresgid(user.group, user.group, user.group) != 0) return failed("cannot take the group of " + user.name);
  if (::setresuid(user.id, user.id, user.id) != 0) return failed("cannot become " + user.name);
  if (!keep_one_capability()) return failed("cannot give up capabilities");
  return {};
}

// Whom root becomes; nothing: root stays root, because somebody has said so.
Result<std::optional<User>> successor_of_root(const std::string& configured) {
  const char* const allowed = std::getenv(kAllowRoot);
  if (configured == kRoot || (configured.empty() && allowed != nullptr && std::string_view(allowed) == "1")) {
    log_event(Level::warn, "runs_as_root", {{"remedy", "say `user: NAME` in the configuration"}});
    return std::optional<User>();
  }
  auto user = find_user(configured.empty() ? std::string(kServiceUser) : configured);
  if (user) return std::optional(std::move(*user));
  if (!configured.empty()) return tl::unexpected(user.error());
  return fail(
      "started by root, and nobody says whom to become: say `user: NAME` in the configuration, or make the user '" +
      std::string(kServiceUser) + "' (`adduser --system --group`); `user: root` stays root");
}

Result<void> leave_root(const Privileges& privileges) {
  const auto user = successor_of_root(privileges.user);
  if (!user) return tl::unexpected(user.error());
  if (!*user) return {};
  if (auto given = give_directory(privileges.state_directory, **user); !given) return given;
  if (auto changed = become(**user); !changed) return changed;
  log_event(Level::info, "user_changed", {{"user", (*user)->name}});
  return {};
}

Result<void> change_user(const Privileges& privileges) {
  if (::geteuid() == 0) return leave_root(privileges);
  if (!privileges.user.empty()) {
    const auto user = find_user(privileges.user);
    if (!user) return tl::unexpected(user.error());
    if (user->id != ::geteuid()) {
      log_event(Level::warn, "user_not_changed", {{"user", user->name}, {"reason", "only root can"}});
    }
  }
  if (!keep_one_capability()) return failed("cannot give up capabilities");
  return {};
}

}  // namespace

Result<void> confine(const Privileges& privileges) {
  if (auto changed = change_user(privileges); !changed) return changed;
  // Its memory holds keys: no core file, and no debugger of the same user.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return failed("cannot forbid core files");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("cannot set no-new-privileges");
  return filter_system_calls(privileges.system_calls);
}

}  // namespace shared

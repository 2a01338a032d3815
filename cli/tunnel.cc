#include "cli/tunnel.h"

#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace cli {
namespace {

using shared::fail;
using shared::Result;

constexpr auto kPatience = std::chrono::seconds(15);
constexpr auto kLook = std::chrono::milliseconds(20);

std::string program() {
  const char* const other = std::getenv("MERIDIAN_SSH");
  return other != nullptr && *other != '\0' ? other : "ssh";
}

}  // namespace

Result<std::unique_ptr<Tunnel>> Tunnel::open(const std::string& destination, const std::string& socket) {
  std::unique_ptr<Tunnel> tunnel(new Tunnel());
  std::string folder = "/tmp/meridian-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return fail("cannot make a folder in /tmp: " + std::string(strerror(errno)));
  tunnel->folder_ = std::move(folder);
  if (const auto started = tunnel->start(destination, socket); !started) return fail(started.error().message);
  if (const auto stands = tunnel->wait(destination); !stands) return fail(stands.error().message);
  return tunnel;
}

Result<void> Tunnel::start(const std::string& destination, const std::string& socket) {
  const std::string ssh = program();
  const std::string forward = path() + ":" + socket;
  const std::array<const char*, 13> arguments = {ssh.c_str(), "-nNT",
                                                 "-o",        "BatchMode=yes",
                                                 "-o",        "ConnectTimeout=5",
                                                 "-o",        "ExitOnForwardFailure=yes",
                                                 "-L",        forward.c_str(),
                                                 "--",        destination.c_str(),
                                                 nullptr};
  const int problem =
      ::posix_spawnp(&child_, ssh.c_str(), nullptr, nullptr, const_cast<char* const*>(arguments.data()), environ);
  if (problem == 0) return {};
  child_ = -1;
  return fail("cannot run " + ssh + ": " + strerror(problem));
}

Result<void> Tunnel::wait(const std::string& destination) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  struct stat facts{};
  while (::stat(path().c_str(), &facts) != 0) {
    int status = 0;
    if (::waitpid(child_, &status, WNOHANG) == child_) {
      child_ = -1;
      return fail("cannot reach " + destination + ": " + program() + " ended" +
                  (WIFEXITED(status) ? " with exit status " + std::to_string(WEXITSTATUS(status)) : ""));
    }
    if (std::chrono::steady_clock::now() > end) return fail("cannot reach " + destination + " by ssh within 15 s");
    std::this_thread::sleep_for(kLook);
  }
  return {};
}

Tunnel::~Tunnel() {
  if (child_ > 0) {
    ::kill(child_, SIGTERM);
    ::waitpid(child_, nullptr, 0);
  }
  if (folder_.empty()) return;
  ::unlink(path().c_str());
  ::rmdir(folder_.c_str());
}

}  // namespace cli

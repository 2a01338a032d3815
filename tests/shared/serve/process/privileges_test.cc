// Privileges and the filter of system calls, each in a process of its own: what is given up does not come back.
#include "shared/serve/process/privileges.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "shared/serve/os/log.h"
#include "shared/serve/os/socket.h"
#include "shared/serve/os/system_calls.h"
#include "shared/serve/process/state.h"

namespace shared::privileges_test {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kFiltered = false;
#else
constexpr bool kFiltered = true;
#endif

// What `body` says in a child process; empty: nothing is wrong.
std::string in_a_child(const std::function<std::string()>& body) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe(ends.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string said = body();
    if (::write(ends[1], said.data(), said.size()) < 0) ::_exit(1);
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string said;
  std::array<char, 512> chunk{};
  for (ssize_t n = 0; (n = ::read(ends[0], chunk.data(), chunk.size())) > 0;)
    said.append(chunk.data(), static_cast<std::size_t>(n));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!WIFEXITED(status)) said += " killed by signal " + std::to_string(WTERMSIG(status));
  return said;
}

std::string status_field(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name + ":")) return line.substr(line.find_first_not_of(" \t", name.size() + 1));
  }
  return {};
}

std::string expect(bool holds, const std::string& what) {
  return holds ? "" : what + " (" + std::to_string(errno) + "); ";
}

TEST(SystemCallsTest, WhatAnIntruderWouldNeedIsRefused) {
  if (!kFiltered) GTEST_SKIP() << "sanitizers need more system calls";
  EXPECT_EQ(in_a_child([] {
              std::string wrong;
              if (const auto done = confine({"root", Mode::enforce, {}}); !done) return done.error().message;
              std::array<char*, 1> none{nullptr};
              const auto refused = [&](bool failed, const char* what) {
                wrong += expect(failed && errno == EPERM, what);
              };
              refused(::execve("/bin/true", none.data(), none.data()) == -1, "execve");
              refused(::ptrace(PTRACE_ATTACH, ::getppid(), nullptr, nullptr) == -1, "ptrace");
              refused(::fork() == -1, "fork");
              refused(::kill(::getppid(), 0) == -1, "kill");
              refused(::setuid(0) == -1, "setuid");
              refused(::chroot("/") == -1, "chroot");
              refused(::socket(AF_PACKET, SOCK_RAW, 0) == -1, "packet socket");
              refused(::socket(AF_NETLINK, SOCK_RAW, 0) == -1, "netlink socket");
              void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
              wrong += expect(page != MAP_FAILED, "mmap");
              refused(::mprotect(page, 4096, PROT_READ | PROT_EXEC) == -1, "executable memory");
              refused(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == -1, "prctl");
              wrong += expect(status_field("Seccomp") == "2", "Seccomp " + status_field("Seccomp"));
              wrong += expect(status_field("NoNewPrivs") == "1", "NoNewPrivs");
              return wrong;
            }),
            "");
}

TEST(SystemCallsTest, WhatTheServersDoGoesOn) {
  const std::string folder = testing::TempDir() + "/filtered_" + std::to_string(::getpid());
  EXPECT_EQ(in_a_child([&] {
              std::string wrong;
              if (const auto done = filter_system_calls(Mode::enforce); !done) return done.error().message;
              int ran = 0;
              std::thread([&] { ran = 1; }).join();
              wrong += expect(ran == 1, "a thread");
              const auto sockets = listen_tcp(*Endpoint::parse("127.0.0.1:0"), 2);
              if (!sockets) return sockets.error().message;
              const auto state = StateDirectory::open(folder);
              if (!state) return state.error().message;
              const auto written = state->write("file", "text");
              return wrong + (written ? "" : written.error().message);
            }),
            "");
  std::filesystem::remove_all(folder);
}

TEST(SystemCallsTest, ShadowAndDisabledRefuseNothing) {
  for (const Mode mode : {Mode::shadow, Mode::disabled}) {
    EXPECT_EQ(in_a_child([mode] {
                if (const auto done = confine({"root", mode, {}}); !done) return done.error().message;
                return expect(::kill(::getppid(), 0) == 0, "kill");
              }),
              "");
  }
}

TEST(PrivilegesTest, RootBecomesTheUserWithOneCapability) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  // Not below TempDir(), which the other user may not be able to enter.
  const std::filesystem::path folder = "/tmp/meridian_privileges_" + std::to_string(::getpid());
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "secret") << "root's";
  ::chmod((folder / "secret").c_str(), 0600);
  std::filesystem::create_directories(folder / "state/dns");
  std::ofstream(folder / "state/dns/health") << "kept";
  const auto body = [&] {
    const LogCapture quiet;
    std::string wrong;
    const std::array<gid_t, 2> of_root{0, 12345};
    if (::setgroups(of_root.size(), of_root.data()) != 0) return std::string("setgroups");
    if (const auto done = confine({"nobody", Mode::enforce, folder / "state/dns"}); !done) return done.error().message;
    std::istringstream groups(status_field("Groups"));
    for (gid_t group = 0; groups >> group;) wrong += expect(group == ::getgid(), "in group " + std::to_string(group));
    wrong += expect(::getuid() != 0 && ::geteuid() != 0 && ::getgid() != 0, "still root");
    constexpr const char* kBindService = "0000000000000400";
    for (const char* set : {"CapEff", "CapPrm", "CapBnd"}) {
      wrong += expect(status_field(set) == kBindService, std::string(set) + " " + status_field(set));
    }
    wrong += expect(status_field("CapAmb") == "0000000000000000", "CapAmb");
    wrong += expect(status_field("NoNewPrivs") == "1", "NoNewPrivs");
    wrong += expect(::open((folder / "secret").c_str(), O_RDONLY) == -1 && errno == EACCES, "root's file");
    wrong += expect(::open("/etc/shadow", O_RDONLY) == -1 && errno == EACCES, "/etc/shadow");
    const auto low = bind_udp(*Endpoint::parse("127.9.8.7:53"), 1);
    wrong += expect(low.has_value(), "a port below 1024");
    const auto state = StateDirectory::open((folder / "state/dns").string());
    if (!state) return wrong + state.error().message;
    const auto kept = state->read("health");
    wrong += expect(kept && *kept == "kept", "its state");
    const auto written = state->write("health", "new");
    return wrong + (written ? "" : written.error().message);
  };
  EXPECT_EQ(in_a_child(body), "");
  std::filesystem::remove_all(folder);
}

TEST(PrivilegesTest, RootDoesNotStayRootUnlessItIsSaid) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const std::filesystem::path folder = "/tmp/meridian_unsaid_" + std::to_string(::getpid());
  std::filesystem::create_directories(folder);
  const auto confined = [&](const std::string& user, const char* allowed) {
    return in_a_child([&] {
      const LogCapture quiet;
      ::unsetenv("MERIDIAN_ALLOW_ROOT");
      if (allowed != nullptr) ::setenv("MERIDIAN_ALLOW_ROOT", allowed, 1);
      const auto done = confine({user, Mode::disabled, folder / "state"});
      if (!done) return "refused: " + done.error().message;
      return std::string(::geteuid() == 0 ? "root" : "not root");
    });
  };
  const bool has_user = ::getpwnam("meridian") != nullptr;
  const std::string unsaid = confined("", nullptr);
  EXPECT_EQ(unsaid.substr(0, 8), has_user ? "not root" : "refused:") << unsaid;
  EXPECT_EQ(confined("", "0"), unsaid);
  EXPECT_EQ(confined("", "1"), "root");
  EXPECT_EQ(confined("root", nullptr), "root");
  std::filesystem::remove_all(folder);
}

TEST(PrivilegesTest, NobodyCanReadTheMemoryOfAServer) {
  for (const uid_t user : {uid_t{0}, uid_t{65534}}) {
    if (::geteuid() != 0 && user == 0) continue;
    EXPECT_EQ(in_a_child([user] {
                const LogCapture quiet;
                if (::geteuid() == 0 && ::setresuid(user, user, user) != 0) return std::string("setresuid");
                ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
                const std::string configured = ::geteuid() == 0 ? "root" : "";
                if (const auto done = confine({configured, Mode::disabled, {}}); !done) return done.error().message;
                return expect(::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0, "it is dumpable");
              }),
              "")
        << user;
  }
}

TEST(PrivilegesTest, AUserThatIsNotThereIsAnError) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  EXPECT_EQ(in_a_child([] {
              const auto done = confine({"nobody-of-that-name", Mode::enforce, "/tmp/meridian_never_made"});
              return done ? std::string() : done.error().message;
            }),
            "user: there is no user 'nobody-of-that-name' on this machine; `adduser --system --group` makes one");
}

}  // namespace
}  // namespace shared::privileges_test

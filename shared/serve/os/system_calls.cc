#include "shared/serve/os/system_calls.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

#include "shared/serve/os/log.h"

namespace shared {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kMachine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kMachine = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kMachine = 0;  // no list for this machine
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// The path first. Since Linux 5.11 the kernel keeps a bitmap of what is always allowed, and asks no program for it.
// clang-format off
constexpr auto kAllowed = std::to_array<long>({
    // packets, requests, events
    SYS_recvmmsg, SYS_sendmmsg, SYS_epoll_pwait, SYS_recvfrom, SYS_sendto, SYS_recvmsg, SYS_sendmsg, SYS_read,
    SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_epoll_ctl, SYS_accept4, SYS_accept, SYS_close,
    SYS_futex, SYS_clock_gettime, SYS_gettimeofday, SYS_timerfd_settime, SYS_timerfd_gettime, SYS_timerfd_create,
    SYS_eventfd2, SYS_epoll_create1, SYS_ppoll, SYS_pselect6, SYS_splice, SYS_pipe2, SYS_sendfile, SYS_preadv2,
    // sockets
    SYS_connect, SYS_bind, SYS_listen, SYS_shutdown, SYS_getsockname, SYS_getpeername, SYS_setsockopt, SYS_getsockopt,
    SYS_socketpair,
    // files: configuration, zones, databases, certificates; state and the access log
    SYS_openat, SYS_openat2, SYS_newfstatat, SYS_fstat, SYS_statx, SYS_lseek, SYS_faccessat, SYS_faccessat2,
    SYS_readlinkat,
    SYS_getdents64, SYS_mkdirat, SYS_unlinkat, SYS_renameat, SYS_renameat2, SYS_fsync, SYS_fdatasync, SYS_ftruncate,
    SYS_flock, SYS_fcntl, SYS_dup, SYS_dup3, SYS_fchmod, SYS_fchmodat, SYS_umask, SYS_getcwd, SYS_fadvise64,
    SYS_fstatfs, SYS_statfs, SYS_memfd_create,
    // memory
    SYS_munmap, SYS_mremap, SYS_madvise, SYS_brk, SYS_mlock, SYS_munlock, SYS_membarrier,
    // threads and signals, one's own
    SYS_set_robust_list, SYS_rseq, SYS_set_tid_address, SYS_exit, SYS_exit_group, SYS_rt_sigaction,
    SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack, SYS_tgkill, SYS_gettid, SYS_getpid, SYS_getppid,
    SYS_sched_yield, SYS_sched_getaffinity, SYS_sched_setaffinity, SYS_getpriority, SYS_setpriority, SYS_getcpu,
    SYS_sched_setscheduler, SYS_restart_syscall, SYS_nanosleep, SYS_clock_nanosleep, SYS_clock_getres,
    // who and where we are
    SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_prlimit64, SYS_getrlimit, SYS_setrlimit, SYS_getrusage,
    SYS_uname, SYS_sysinfo, SYS_getrandom,
#if defined(__x86_64__)
    // the older names of some of them, which glibc still uses here
    SYS_epoll_wait, SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_mkdir, SYS_unlink, SYS_rename,
    SYS_chmod, SYS_poll, SYS_select, SYS_pipe, SYS_dup2, SYS_time, SYS_arch_prctl,
#endif
});
// clang-format on

// A BPF program that is written from top to bottom: the accumulator holds the call's number between the rules.
class Program {
 public:
  explicit Program(std::uint32_t otherwise) : otherwise_(otherwise) {
    load(offsetof(seccomp_data, arch));
    jump(BPF_JEQ, kMachine, 1, 0);
    give(SECCOMP_RET_KILL_PROCESS);  // a call of another machine's numbers
    load(offsetof(seccomp_data, nr));
  }

  void allow(long call) { rule(call, SECCOMP_RET_ALLOW); }
  void refuse(long call, int error) { rule(call, SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error)); }

  // Only with one of these values.
  void allow_with(long call, unsigned argument, std::initializer_list<std::uint32_t> values) {
    jump(BPF_JEQ, static_cast<std::uint32_t>(call), 0, static_cast<std::uint8_t>(2 + 2 * values.size()));
    load(offset_of(argument));
    for (const std::uint32_t value : values) {
      jump(BPF_JEQ, value, 0, 1);
      give(SECCOMP_RET_ALLOW);
    }
    give(otherwise_);
  }

  // Only with, or without, these bits.
  void allow_with_bits(long call, unsigned argument, std::uint32_t bits) { bit_rule(call, argument, bits, 0, 1); }
  void allow_without_bits(long call, unsigned argument, std::uint32_t bits) { bit_rule(call, argument, bits, 1, 0); }

  [[nodiscard]] std::vector<sock_filter> finish() {
    give(otherwise_);
    return std::move(code_);
  }

 private:
  static std::uint32_t offset_of(unsigned argument) {  // its lower half: both machines are little-endian
    return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + argument * sizeof(std::uint64_t));
  }
  void load(std::size_t offset) {
    code_.push_back({BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)});
  }
  void jump(unsigned test, std::uint32_t value, std::uint8_t when_true, std::uint8_t when_false) {
    code_.push_back({static_cast<std::uint16_t>(BPF_JMP | BPF_K | test), when_true, when_false, value});
  }
  void give(std::uint32_t verdict) { code_.push_back({BPF_RET | BPF_K, 0, 0, verdict}); }
  void rule(long call, std::uint32_t verdict) {
    jump(BPF_JEQ, static_cast<std::uint32_t>(call), 0, 1);
    give(verdict);
  }
  void bit_rule(long call, unsigned argument, std::uint32_t bits, std::uint8_t when_set, std::uint8_t when_clear) {
    jump(BPF_JEQ, static_cast<std::uint32_t>(call), 0, 4);
    load(offset_of(argument));
    jump(BPF_JSET, bits, when_set, when_clear);
    give(SECCOMP_RET_ALLOW);
    give(otherwise_);
  }

  std::uint32_t otherwise_;
  std::vector<sock_filter> code_;
};

std::vector<sock_filter> make_program(Mode mode) {
  Program program(mode == Mode::shadow ? SECCOMP_RET_LOG : SECCOMP_RET_ERRNO | EPERM);
  for (const long call : kAllowed) program.allow(call);
  program.allow_without_bits(SYS_mmap, 2, PROT_EXEC);
  program.allow_without_bits(SYS_mprotect, 2, PROT_EXEC);
  program.allow_with(SYS_socket, 0, {AF_INET, AF_INET6, AF_UNIX});
  program.allow_with(SYS_ioctl, 1, {FIONBIO, FIONREAD, TCGETS, TIOCGWINSZ});
  program.allow_with(SYS_prctl, 0, {PR_SET_NAME, PR_GET_NAME, PR_SET_VMA});
  // Threads, no processes. clone3 passes its flags by pointer, where no filter sees them: glibc then takes clone.
  program.allow_with_bits(SYS_clone, 0, CLONE_THREAD);
  program.refuse(SYS_clone3, ENOSYS);
  return program.finish();
}

}  // namespace

Result<void> filter_system_calls(Mode mode) {
  if (mode == Mode::disabled) return {};
  if (kSanitized || kMachine == 0) {
    log_event(Level::info, "system_calls_not_filtered", {{"reason", "not in such a build"}});
    return {};
  }
  std::vector<sock_filter> code = make_program(mode);
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  // Without SPEC_ALLOW older kernels slow every thread down for the sake of filtered programs that run foreign code.
  for (const unsigned long flags : {SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW,
                                    static_cast<unsigned long>(SECCOMP_FILTER_FLAG_TSYNC)}) {
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0) return {};
  }
  if (errno != EINVAL && errno != ENOSYS) {
    return fail(std::string("cannot filter system calls: ") + std::strerror(errno) +
                "; `system_calls: disabled` starts without");
  }
  log_event(Level::warn, "system_calls_not_filtered", {{"reason", "this kernel has no seccomp filters"}});
  return {};
}

}  // namespace shared

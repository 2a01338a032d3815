#pragma once
// The filter of system calls (seccomp(2)): an allow-list of what the servers use; everything else gives EPERM. What is
// not there: to run a program, to trace or signal a process, to load or mount anything, to become somebody, to make
// memory executable, sockets other than IP and Unix. A BPF program of our own, for all threads and for ever; see
// docs/decisions/009-own-system-call-filter.md. Called once by main, through confine().

#include "shared/core/mode.h"
#include "shared/core/result.h"

namespace shared {

// shadow: lets everything pass and has the kernel log what it would have refused (dmesg, auditd). A build with
// sanitizers, which need more, is not filtered; nor is a machine whose kernel cannot, and the log says so.
[[nodiscard]] Result<void> filter_system_calls(Mode mode);

}  // namespace shared

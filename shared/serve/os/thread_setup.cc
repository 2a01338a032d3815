#include "shared/serve/os/thread_setup.h"

#include <pthread.h>
#include <sched.h>

#include <csignal>

#include "shared/serve/os/log.h"

namespace shared {

namespace {

void pin_to(unsigned core, const std::string& name) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core, &cores);
  if (core < CPU_SETSIZE && pthread_setaffinity_np(pthread_self(), sizeof cores, &cores) == 0) return;
  log_event(Level::warn, "worker_not_pinned", {{"worker", name}, {"core", core}});
}

}  // namespace

void begin_thread(const std::string& name, std::optional<unsigned> core) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
  sigset_t handled;
  sigemptyset(&handled);
  for (const int signal : {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2}) sigaddset(&handled, signal);
  pthread_sigmask(SIG_BLOCK, &handled, nullptr);
  if (core) pin_to(*core, name);
}

}  // namespace shared

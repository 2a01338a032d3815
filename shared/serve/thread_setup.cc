#include "shared/serve/thread_setup.h"

#include <pthread.h>

#include <csignal>

namespace shared {

void begin_thread(const std::string& name) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
  sigset_t handled;
  sigemptyset(&handled);
  for (const int signal : {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2}) sigaddset(&handled, signal);
  pthread_sigmask(SIG_BLOCK, &handled, nullptr);
}

}  // namespace shared

#include "shared/serve/worker_thread.h"

#include <pthread.h>
#include <sched.h>

#include <cassert>

#include "shared/core/time.h"
#include "shared/serve/log.h"
#include "shared/serve/thread_setup.h"

namespace shared {
namespace {

constexpr milliseconds kBeat{100};

void pin_to(unsigned core, const std::string& name) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core, &cores);
  if (core < CPU_SETSIZE && pthread_setaffinity_np(pthread_self(), sizeof cores, &cores) == 0) return;
  log_event(Level::warn, "worker_not_pinned", {{"worker", name}, {"core", core}});
}

}  // namespace

WorkerThread::WorkerThread(WorkerSettings settings)
    : settings_(std::move(settings)), work_(asio::make_work_guard(loop_)), beat_timer_(loop_) {}

WorkerThread::~WorkerThread() {
  stop();
  join();
}

void WorkerThread::start() {
  assert(!thread_.joinable());
  thread_ = std::thread([this] { run(); });
}

void WorkerThread::run() {
  begin_thread(settings_.name);
  if (settings_.core) pin_to(*settings_.core, settings_.name);
  beat();
  loop_.run();
}

void WorkerThread::beat() {
  heartbeats_.add();
  beat_timer_.expires_after(kBeat);
  beat_timer_.async_wait([this](error_code error) {
    if (!error) beat();
  });
}

void WorkerThread::stop() { loop_.stop(); }

void WorkerThread::join() {
  if (thread_.joinable()) thread_.join();
}

std::vector<unsigned> usable_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  std::vector<unsigned> out;
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) return {0};
  for (unsigned core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &cores)) out.push_back(core);
  }
  return out;
}

}  // namespace shared

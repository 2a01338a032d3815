#include "shared/serve/loop/worker_thread.h"

#include <sched.h>

#include <cassert>

#include "shared/core/time.h"
#include "shared/serve/os/thread_setup.h"

namespace shared {
namespace {

constexpr milliseconds kBeat{100};

}  // namespace

WorkerThread::WorkerThread(WorkerThreadSettings settings)
    : settings_(std::move(settings)), next_beat_([](void* self) { static_cast<WorkerThread*>(self)->beat(); }, this) {}

WorkerThread::~WorkerThread() { stop(); }

void WorkerThread::start() {
  assert(!thread_.joinable());
  thread_ = std::thread([this] { run(); });
}

void WorkerThread::run() {
  begin_thread(settings_.name, settings_.core);
  beat();
  loop_.run();
  if (settings_.at_end) settings_.at_end();
}

void WorkerThread::beat() {
  heartbeats_.add();
  loop_.timers().set(next_beat_, loop_.now() + kBeat);
}

void WorkerThread::stop() {
  if (!thread_.joinable()) return;
  loop_.post([this] { loop_.stop(); });
  thread_.join();
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

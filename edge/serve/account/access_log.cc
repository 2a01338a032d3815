#include "edge/serve/account/access_log.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/core/ascii.h"
#include "shared/serve/os/log.h"
#include "shared/serve/os/thread_setup.h"
#include "shared/serve/os/unique_fd.h"

namespace edge {
namespace {

constexpr shared::Duration kCarryEvery = shared::milliseconds(100);
constexpr shared::Duration kPatience = shared::seconds(1);  // at start and stop, with a file that does not answer
constexpr int kPollMs = 50;

constexpr bool is_plain(char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; }

void append_escaped(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (c == '"' || c == '\\') {
    out.push_back('\\');
    out.push_back(c);
    return;
  }
  out.append("\\u00");
  out.push_back(shared::kHexDigits[byte >> 4]);
  out.push_back(shared::kHexDigits[byte & 15]);
}

// RFC 8259 section 7; what a client sends is bytes, so all above 0x7E is escaped as if it were Latin-1. Nearly every
// text is plain, and taken as one piece.
void append_text(std::string& out, std::string_view key, std::string_view value) {
  out.append(",\"").append(key).append("\":\"");
  while (!value.empty()) {
    const auto run = static_cast<std::size_t>(std::ranges::find_if_not(value, is_plain) - value.begin());
    out.append(value.substr(0, run));
    if (run < value.size()) append_escaped(out, value[run]);
    value.remove_prefix(std::min(run + 1, value.size()));
  }
  out.push_back('"');
}

void append_number(std::string& out, std::string_view key, std::uint64_t value) {
  std::array<char, 20> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(",\"").append(key).append("\":").append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

void put_digits(char* at, std::size_t count, unsigned value) {
  for (std::size_t i = count; i > 0; --i, value /= 10) at[i - 1] = static_cast<char>('0' + value % 10);
}

// "2026-11-30T10:31:00.123Z": by hand, as a line costs less than what the C library takes for this.
void append_time(std::string& out, shared::WallTime time) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(ms);
  const std::chrono::year_month_day date(day);
  const auto of_day = static_cast<unsigned>((ms - day).count());
  std::array<char, 24> text{'0', '0', '0', '0', '-', '0', '0', '-', '0', '0', 'T', '0',
                            '0', ':', '0', '0', ':', '0', '0', '.', '0', '0', '0', 'Z'};
  put_digits(text.data(), 4, static_cast<unsigned>(static_cast<int>(date.year())));
  put_digits(text.data() + 5, 2, static_cast<unsigned>(date.month()));
  put_digits(text.data() + 8, 2, static_cast<unsigned>(date.day()));
  put_digits(text.data() + 11, 2, of_day / 3'600'000);
  put_digits(text.data() + 14, 2, of_day / 60'000 % 60);
  put_digits(text.data() + 17, 2, of_day / 1000 % 60);
  put_digits(text.data() + 20, 3, of_day % 1000);
  out.append(text.data(), text.size());
}

// Two descriptors of one file: a reload opens the log again though nobody has moved it.
bool are_one(int one, int other) {
  struct stat first{};
  struct stat second{};
  return ::fstat(one, &first) == 0 && ::fstat(other, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino && S_ISREG(first.st_mode);
}

void append_tls(std::string& out, const shared::TlsFacts& tls) {
  append_text(out, "tls", tls.version);
  append_text(out, "cipher", tls.cipher);
  if (!tls.server_name.empty()) append_text(out, "sni", tls.server_name);
  if (tls.resumed) out.append(",\"resumed\":true");
  if (!tls.peer_subject.empty()) append_text(out, "client_subject", tls.peer_subject);
}

// The first of each: an attacker's hundred do not make the line longer.
void append_more(std::string& out, const AccessRecord& record) {
  if (record.more->query && !record.query.empty()) append_text(out, "query", record.query.substr(1));
  for (const AccessLogSettings::Field& wanted : record.more->fields) {
    const http::Field* found =
        wanted.id == http::FieldId::other ? record.fields->find(wanted.name) : record.fields->find(wanted.id);
    if (found != nullptr) append_text(out, wanted.key, found->value);
  }
}

}  // namespace

namespace {

void append_access(std::string& out, const AccessRecord& record) {
  out.append("{\"time\":\"");
  append_time(out, record.time);
  out.append("\"");
  append_text(out, "client", record.client.to_string());
  if (!record.protocol.empty()) append_text(out, "protocol", record.protocol);
  append_text(out, "method", record.method);
  append_text(out, "host", record.host);
  append_text(out, "path", record.path);
  append_text(out, "route", record.route);
  append_text(out, "tier", record.tier);
  append_text(out, "pool", record.pool);
  append_text(out, "server", record.server);
  append_number(out, "status", record.status);
  if (record.grpc_status) append_number(out, "grpc_status", *record.grpc_status);
  append_number(out, "octets_in", record.octets_in);
  append_number(out, "octets_out", record.octets_out);
  append_number(out, "head_us", record.head_us);
  append_number(out, "picked_us", record.picked_us);
  append_number(out, "connected_us", record.connected_us);
  append_number(out, "first_byte_us", record.first_byte_us);
  append_number(out, "total_us", record.total_us);
  append_number(out, "attempts", record.attempts);
  append_text(out, "end", std::string_view(&record.ending, 1));
  if (record.queued_us != 0) append_number(out, "queued_us", record.queued_us);
  if (record.hedged) out.append(",\"hedged\":true");
  if (!record.breaker.empty()) append_text(out, "breaker", record.breaker);
  append_text(out, "request_id", record.request_id);
  if (!record.user.empty()) append_text(out, "user", record.user);
  if (!record.trace.empty()) append_text(out, "trace", record.trace);
  if (!record.reason.empty()) append_text(out, "reason", record.reason);
  if (!record.tunnel.empty()) append_text(out, "tunnel", record.tunnel);
  if (!record.cache.empty()) append_text(out, "cache", record.cache);
  if (!record.session.empty()) append_text(out, "session", record.session);
  if (record.tls != nullptr) append_tls(out, *record.tls);
  if (record.more != nullptr) append_more(out, record);
  out.append("}\n");
}

}  // namespace

std::string format_access(const AccessRecord& record) {
  std::string line;
  append_access(line, record);
  return line;
}

void AccessLane::write(const AccessRecord& record) {
  thread_local std::string line;  // its memory is kept
  line.clear();
  append_access(line, record);
  if (!ring_.put(line)) dropped_.add();
}

struct AccessLog::State {
  std::string path;
  std::vector<std::unique_ptr<AccessLane>> lanes;
  shared::Counter lost;  // lines that were taken from a lane and not written

  std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable told;  // `first` is there, or the thread has ended
  bool stopping = false;         // guarded by mutex, like the rest of this block
  bool ended = false;
  std::optional<shared::Result<void>> first;  // what opening has brought
  std::vector<Reopened> reopens;
  std::atomic<bool> hurry{false};  // somebody waits for the thread

  // The thread's.
  shared::UniqueFd file;
  std::string pending;     // taken from the lanes
  bool torn = false;       // the first line of it is written in part
  bool complains = false;  // an error was logged, and nothing has been written since

  State(std::string where, std::size_t count) : path(std::move(where)) {
    for (std::size_t i = 0; i < count; ++i) lanes.push_back(std::make_unique<AccessLane>());
  }

  void run();
  shared::Result<void> open_file();
  void reopen_for(std::vector<Reopened> asked);
  void carry();
  bool write_pending();
  void failed(int error);
  void drop_torn();
};

// Without waiting: a FIFO that nobody reads is tried again before each carrying.
shared::Result<void> AccessLog::State::open_file() {
  shared::UniqueFd next(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC, 0640));
  if (!next.valid()) {
    if (errno == ENXIO && !file.valid()) return {};
    return shared::fail("cannot open the access log " + path + ": " + std::generic_category().message(errno));
  }
  const bool same = file.valid() && are_one(file.get(), next.get());
  file = std::move(next);
  if (!same) drop_torn();
  return {};
}

// What is left of a line whose beginning went elsewhere.
void AccessLog::State::drop_torn() {
  if (!std::exchange(torn, false)) return;
  pending.erase(0, pending.find('\n') + 1);
  lost.add();
}

void AccessLog::State::failed(int error) {
  if (std::exchange(complains, true)) return;
  shared::log_event(shared::Level::warn, "access_log_not_written",
                    {{"file", path}, {"reason", std::generic_category().message(error)}});
}

// False: nothing more can be written now. The rest is kept, and the lanes fill up behind it.
bool AccessLog::State::write_pending() {
  std::size_t at = 0;
  bool good = true;
  while (good && at < pending.size()) {
    const ssize_t n = ::write(file.get(), pending.data() + at, pending.size() - at);
    if (n > 0) {
      at += static_cast<std::size_t>(n);
    } else if (n < 0 && errno == EAGAIN && !hurry) {
      pollfd one{.fd = file.get(), .events = POLLOUT, .revents = 0};
      good = ::poll(&one, 1, kPollMs) == 1;
    } else if (n == 0 || errno != EINTR) {
      const int error = n == 0 ? EIO : errno;
      good = false;
      if (error != EAGAIN) failed(error);
      if (error == EPIPE) file.reset();
    }
  }
  if (at > 0) torn = at < pending.size() && pending[at - 1] != '\n';
  pending.erase(0, at);
  if (at > 0 && good && std::exchange(complains, false)) {
    shared::log_event(shared::Level::info, "access_log_written", {{"file", path}});
  }
  if (!file.valid()) drop_torn();
  return good;
}

void AccessLog::State::carry() {
  if (!file.valid()) static_cast<void>(open_file());
  if (!file.valid() || !write_pending()) return;
  for (const auto& lane : lanes) lane->drain(pending);
  write_pending();
}

void AccessLog::State::reopen_for(std::vector<Reopened> asked) {
  if (asked.empty()) return;
  const auto opened = open_file();
  for (const Reopened& done : asked) {
    if (done) done(opened);
  }
}

void AccessLog::State::run() {
  shared::begin_thread("access-log");
  auto opened = open_file();
  std::unique_lock lock(mutex);
  first = std::move(opened);
  told.notify_all();
  bool last = false;
  while (!last) {
    wake.wait_for(lock, kCarryEvery, [this] { return stopping || !reopens.empty(); });
    last = stopping;
    auto asked = std::exchange(reopens, {});
    hurry = false;
    lock.unlock();
    carry();
    reopen_for(std::move(asked));
    lock.lock();
  }
  ended = true;
  told.notify_all();
}

shared::Result<std::unique_ptr<AccessLog>> AccessLog::open(std::string path, std::size_t lanes) {
  auto state = std::make_shared<State>(std::move(path), lanes);
  std::thread([state] { state->run(); }).detach();
  std::unique_ptr<AccessLog> log(new AccessLog(state));
  std::unique_lock lock(state->mutex);
  if (!state->told.wait_for(lock, kPatience, [&] { return state->first.has_value(); })) {
    shared::log_event(shared::Level::warn, "access_log_not_written",
                      {{"file", state->path}, {"reason", "opening it takes long"}});
    return log;
  }
  const auto first = *state->first;
  lock.unlock();
  if (!first) return tl::unexpected(first.error());
  return log;
}

AccessLog::AccessLog(std::shared_ptr<State> state) : state_(std::move(state)) {}

AccessLog::~AccessLog() {
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  state_->hurry = true;
  state_->wake.notify_one();
  state_->told.wait_for(lock, kPatience, [this] { return state_->ended; });
}

AccessLane& AccessLog::lane(std::size_t worker) { return *state_->lanes[worker]; }

void AccessLog::reopen(Reopened done) {
  const std::lock_guard lock(state_->mutex);
  state_->reopens.push_back(std::move(done));
  state_->hurry = true;
  state_->wake.notify_one();
}

std::uint64_t AccessLog::dropped() const {
  std::uint64_t sum = state_->lost.read();
  for (const auto& lane : state_->lanes) sum += lane->dropped();
  return sum;
}

}  // namespace edge

#include "edge/serve/account/access_log.h"

#include <array>
#include <cerrno>
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

#include "edge/serve/account/json_line.h"
#include "shared/core/ip_text.h"
#include "shared/serve/os/log.h"
#include "shared/serve/os/thread_setup.h"
#include "shared/serve/os/unique_fd.h"

namespace edge {
namespace {

// A lane holds some 2,400 lines: those of a worker at 90,000 requests a second.
constexpr shared::Duration kCarryEvery = shared::milliseconds(25);
constexpr shared::Duration kPatience = shared::seconds(1);  // at start and stop, with a file that does not answer
constexpr int kPollMs = 50;

void put_digits(char* at, std::size_t count, unsigned value) {
  for (std::size_t i = count; i > 0; --i, value /= 10) at[i - 1] = static_cast<char>('0' + value % 10);
}

// "2026-11-30T10:31:00.", of a second.
struct SecondText {
  std::int64_t second = -1;
  std::array<char, 20> text{'0', '0', '0', '0', '-', '0', '0', '-', '0', '0',
                            'T', '0', '0', ':', '0', '0', ':', '0', '0', '.'};

  void make(std::int64_t of) {
    second = of;
    const std::chrono::sys_seconds time{std::chrono::seconds(of)};
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const auto of_day = static_cast<unsigned>((time - day).count());
    put_digits(text.data(), 4, static_cast<unsigned>(static_cast<int>(date.year())));
    put_digits(text.data() + 5, 2, static_cast<unsigned>(date.month()));
    put_digits(text.data() + 8, 2, static_cast<unsigned>(date.day()));
    put_digits(text.data() + 11, 2, of_day / 3600);
    put_digits(text.data() + 14, 2, of_day / 60 % 60);
    put_digits(text.data() + 17, 2, of_day % 60);
  }
};

// "2026-11-30T10:31:00.123Z". The lines of a second have most of it in common.
void write_time(JsonLine& line, shared::WallTime time) {
  thread_local SecondText text;
  const std::int64_t ms = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
  if (ms / 1000 != text.second) text.make(ms / 1000);
  line.raw({text.text.data(), text.text.size()});
  char* const at = line.at();
  put_digits(at, 3, static_cast<unsigned>(ms % 1000));
  at[3] = 'Z';
  line.end_at(at + 4);
}

void write_address(JsonLine& line, const shared::IpAddress& address) {
  line.literal(",\"client\":\"");
  if (address.family == shared::Family::ipv4) {
    line.end_at(shared::write_v4(line.at(), address));
  } else {
    line.raw(address.to_string());
  }
  line.literal("\"");
}

// Two descriptors of one file: a reload opens the log again though nobody has moved it.
bool are_one(int one, int other) {
  struct stat first{};
  struct stat second{};
  return ::fstat(one, &first) == 0 && ::fstat(other, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino && S_ISREG(first.st_mode);
}

void write_tls(JsonLine& line, const shared::TlsFacts& tls) {
  line.text(",\"tls\":\"", tls.version).text(",\"cipher\":\"", tls.cipher);
  if (!tls.server_name.empty()) line.text(",\"sni\":\"", tls.server_name);
  if (tls.resumed) line.literal(",\"resumed\":true");
  if (!tls.peer_subject.empty()) line.text(",\"client_subject\":\"", tls.peer_subject);
}

// Fields that the configuration wants and the request has, found once for their size and their text.
struct FoundField {
  std::string_view key;
  std::string_view value;
};
thread_local std::vector<FoundField> found_fields;  // its memory is kept

// The first of each: an attacker's hundred do not make the line longer.
void find_fields(const AccessRecord& record) {
  found_fields.clear();
  if (record.more == nullptr) return;
  for (const AccessLogSettings::Field& wanted : record.more->fields) {
    const http::Field* const field =
        wanted.id == http::FieldId::other ? record.fields->find(wanted.name) : record.fields->find(wanted.id);
    if (field != nullptr) found_fields.push_back({.key = wanted.key, .value = field->value});
  }
}

void write_more(JsonLine& line, const AccessRecord& record) {
  if (record.more->query && !record.query.empty()) line.text(",\"query\":\"", record.query.substr(1));
  for (const FoundField& field : found_fields) {
    line.literal(",\"").escaped(field.key);
    line.text("\":\"", field.value);
  }
}

// What the line may take: texts of any length, all else in a kibibyte and a half. REQUIRES: find_fields(record).
std::size_t bound_of(const AccessRecord& record) {
  constexpr std::size_t kRest = 1536;
  std::size_t octets = 0;
  for (const std::string_view text :
       {record.protocol, record.method, record.host, record.path, record.route, record.tier, record.pool, record.server,
        record.request_id, record.user, record.trace, record.breaker, record.reason, record.tunnel, record.cache,
        record.session}) {
    octets += text.size();
  }
  if (const shared::TlsFacts* tls = record.tls) {
    for (const std::string_view text : {std::string_view(tls->version), std::string_view(tls->cipher),
                                        std::string_view(tls->server_name), std::string_view(tls->peer_subject)}) {
      octets += text.size();
    }
  }
  if (record.more != nullptr) octets += record.query.size();
  for (const FoundField& field : found_fields) octets += field.key.size() + field.value.size() + 2;
  return JsonLine::kSlack + kRest + 6 * octets;
}

void write_optional(JsonLine& line, const AccessRecord& record) {
  if (!record.user.empty()) line.text(",\"user\":\"", record.user);
  if (!record.trace.empty()) line.text(",\"trace\":\"", record.trace);
  if (!record.reason.empty()) line.text(",\"reason\":\"", record.reason);
  if (!record.tunnel.empty()) line.text(",\"tunnel\":\"", record.tunnel);
  if (!record.cache.empty()) line.text(",\"cache\":\"", record.cache);
  if (!record.session.empty()) line.text(",\"session\":\"", record.session);
  if (record.tls != nullptr) write_tls(line, *record.tls);
  if (record.more != nullptr) write_more(line, record);
}

// REQUIRES: there are bound_of(record) octets at `line`.
void write_access(JsonLine& line, const AccessRecord& record) {
  line.literal("{\"time\":\"");
  write_time(line, record.time);
  line.literal("\"");
  write_address(line, record.client);
  if (!record.protocol.empty()) line.text(",\"protocol\":\"", record.protocol);
  line.text(",\"method\":\"", record.method)
      .text(",\"host\":\"", record.host)
      .text(",\"path\":\"", record.path)
      .text(",\"route\":\"", record.route)
      .text(",\"tier\":\"", record.tier)
      .text(",\"pool\":\"", record.pool)
      .text(",\"server\":\"", record.server)
      .number(",\"status\":", record.status);
  if (record.grpc_status) line.number(",\"grpc_status\":", *record.grpc_status);
  line.number(",\"octets_in\":", record.octets_in)
      .number(",\"octets_out\":", record.octets_out)
      .number(",\"head_us\":", record.head_us)
      .number(",\"picked_us\":", record.picked_us)
      .number(",\"connected_us\":", record.connected_us)
      .number(",\"first_byte_us\":", record.first_byte_us)
      .number(",\"total_us\":", record.total_us)
      .number(",\"attempts\":", record.attempts)
      .text(",\"end\":\"", std::string_view(&record.ending, 1));
  if (record.queued_us != 0) line.number(",\"queued_us\":", record.queued_us);
  if (record.hedged) line.literal(",\"hedged\":true");
  if (!record.breaker.empty()) line.text(",\"breaker\":\"", record.breaker);
  line.text(",\"request_id\":\"", record.request_id);
  write_optional(line, record);
  line.literal("}\n");
}

}  // namespace

std::string format_access(const AccessRecord& record) {
  find_fields(record);
  std::string text(bound_of(record), '\0');
  JsonLine line(text.data());
  write_access(line, record);
  text.resize(line.view().size());
  return text;
}

void AccessLane::write(const AccessRecord& record) {
  thread_local std::string room;  // its memory is kept
  find_fields(record);
  const std::size_t bound = bound_of(record);
  if (room.size() < bound) room.resize(bound);
  JsonLine line(room.data());
  write_access(line, record);
  if (!ring_.put(line.view())) dropped_.add();
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

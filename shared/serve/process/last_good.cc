#include "shared/serve/process/last_good.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <utility>

namespace shared {
namespace {

constexpr std::string_view kManifest = "last-good";
constexpr std::string_view kBefore = "last-good-before";
constexpr std::string_view kFirstLine = "meridian last-good 1";
constexpr std::size_t kBuffer = std::size_t{1} << 20;
constexpr std::size_t kMostPacks = 8;

std::string why() { return std::strerror(errno); }

std::string pack_name(std::uint32_t number) { return std::string(kManifest) + "." + std::to_string(number); }

// Words of a line, and what is left of it.
class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) {}

  std::string_view next() {
    const std::size_t end = std::min(rest_.find(' '), rest_.size());
    const std::string_view word = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return word;
  }
  template <class Number>
  bool number(Number& out) {
    const std::string_view word = next();
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), out);
    return error == std::errc{} && end == word.data() + word.size();
  }
  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

Result<std::string> read_part(int fd, std::uint64_t offset, std::size_t size) {
  std::string text(size, '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = ::pread(fd, text.data() + have, text.size() - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail(got < 0 ? why() : "it is cut off");
    have += static_cast<std::size_t>(got);
  }
  return text;
}

Result<std::string> read_at(int fd, const LastGood::Entry& entry) {
  struct stat facts{};
  if (::fstat(fd, &facts) != 0) return fail(why());
  const auto held = static_cast<std::uint64_t>(facts.st_size);
  if (entry.size > held || entry.offset > held - entry.size) return fail("it is cut off");
  auto text = read_part(fd, entry.offset, entry.size);
  if (text && load::hash_of_content(*text) != entry.hash) return fail("its content has changed");
  return text;
}

// A new pack, written through a draft that takes its name when it is complete.
class PackWriter {
 public:
  PackWriter(const StateDirectory& state, std::uint32_t number)
      : state_(state), number_(number), draft_("." + pack_name(number) + ".new." + std::to_string(::getpid())) {}
  ~PackWriter() {
    if (file_.valid()) ::unlinkat(state_.directory(), draft_.c_str(), 0);
  }
  PackWriter(const PackWriter&) = delete;
  PackWriter& operator=(const PackWriter&) = delete;

  Result<LastGood::Entry> add(std::string_view text, std::uint64_t hash) {
    if (!file_.valid()) {
      file_ = UniqueFd(
          ::openat(state_.directory(), draft_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
      if (!file_.valid()) return failed("create");
    }
    const LastGood::Entry entry{hash, text.size(), number_, size_};
    size_ += text.size();
    buffer_ += text;
    if (buffer_.size() >= kBuffer && !flush()) return failed("write");
    return entry;
  }

  Result<void> finish() {
    if (!file_.valid()) return {};
    if (!flush()) return failed("write");
    if (::fsync(file_.get()) != 0) return failed("sync");
    if (::renameat(state_.directory(), draft_.c_str(), state_.directory(), pack_name(number_).c_str()) != 0) {
      return failed("replace");
    }
    file_ = UniqueFd();
    return {};
  }

 private:
  [[nodiscard]] tl::unexpected<Error> failed(const char* step) const {
    return fail(std::string("cannot ") + step + " " + state_.path() + "/" + pack_name(number_) + ": " + why());
  }

  bool flush() {
    std::string_view rest = buffer_;
    while (!rest.empty()) {
      const ssize_t put = ::write(file_.get(), rest.data(), rest.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return false;
      rest.remove_prefix(static_cast<std::size_t>(put));
    }
    buffer_.clear();
    return true;
  }

  const StateDirectory& state_;
  std::uint32_t number_;
  std::string draft_;
  UniqueFd file_;
  std::string buffer_;
  std::uint64_t size_ = 0;
};

// One save: what the copy before has is taken from there.
class Save {
 public:
  Save(const StateDirectory& state, std::string config, const load::FreshTexts& fresh)
      : state_(state), config_(std::move(config)), fresh_(fresh) {}

  Result<void> run(const load::FileNotes& notes) {
    if (auto opened = LastGood::open(state_.path())) before_ = std::move(*opened);  // damaged: it is made anew
    if (before_ != nullptr) know_before();
    // A pack of the copy that will be the oldest is never written over: it is there until this save is whole.
    if (auto older = LastGood::open(state_.path(), LastGood::Which::before)) older_ = std::move(*older);
    if (older_ != nullptr) {
      for (const auto& [path, entry] : older_->entries()) next_ = std::max(next_, entry.pack + 1);
    }
    if (auto wanted = want(notes); !wanted) return wanted;
    if (before_ != nullptr && before_->config() == config_ && before_->entries() == entries_) return {};
    PackWriter pack(state_, next_);
    if (auto filled = fill(pack); !filled) return filled;
    if (auto finished = pack.finish(); !finished) return finished;
    if (auto stepped = step_back(); !stepped) return stepped;
    if (auto written = state_.write(kManifest, manifest()); !written) return written;
    remove_unused();
    return {};
  }

 private:
  using Content = std::pair<std::uint64_t, std::uint64_t>;  // hash and size

  void know_before() {
    std::map<std::uint32_t, std::uint64_t> ends;
    for (const auto& [path, entry] : before_->entries()) {
      contents_.emplace(Content{entry.hash, entry.size}, entry);
      std::uint64_t& end = ends[entry.pack];
      end = std::max(end, entry.offset + entry.size);
      next_ = std::max(next_, entry.pack + 1);
    }
    for (const auto& [pack, end] : ends) held_ += end;
    packs_ = ends.size();
  }

  // Entries for all; of what is new, without a place yet.
  Result<void> want(const load::FileNotes& notes) {
    std::set<std::pair<std::uint32_t, std::uint64_t>> used;
    std::uint64_t live = 0;
    for (const load::FileNote& note : notes) {
      if (note.path.find('\n') != std::string::npos) return fail("a file's name has a line break: " + note.path);
      const auto known = contents_.find({note.hash, note.size});
      const LastGood::Entry entry =
          known == contents_.end() ? LastGood::Entry{note.hash, note.size, kNowhere, 0} : known->second;
      const auto [found, fresh] = entries_.emplace(note.path, entry);
      if (!fresh && found->second.hash != note.hash) return fail(note.path + " has changed while it was read");
      if (entry.pack != kNowhere && used.emplace(entry.pack, entry.offset).second) live += entry.size;
    }
    all_anew_ = packs_ >= kMostPacks || held_ > 2 * live + kBuffer;
    return {};
  }

  Result<void> fill(PackWriter& pack) {
    std::map<Content, LastGood::Entry> written;
    for (auto& [path, entry] : entries_) {
      if (entry.pack != kNowhere && !all_anew_) continue;
      const Content content{entry.hash, entry.size};
      if (const auto known = written.find(content); known != written.end()) {
        entry = known->second;
        continue;
      }
      const std::string* const fresh = fresh_.find(entry.hash, entry.size);
      const auto text = fresh != nullptr         ? Result<std::string>(*fresh)
                        : entry.pack != kNowhere ? before_->read(path_of(content))
                                                 : load::read_file(path);
      if (!text) return fail("cannot read " + path + " again: " + text.error().message);
      if (text->size() != entry.size || load::hash_of_content(*text) != entry.hash) {
        return fail(path + " has changed since it was read");
      }
      auto put = pack.add(*text, entry.hash);
      if (!put) return tl::unexpected(put.error());
      entry = *put;
      written.emplace(content, entry);
    }
    return {};
  }

  // Under which the copy before has it.
  [[nodiscard]] std::string path_of(const Content& content) {
    if (paths_.empty()) {
      for (const auto& [path, entry] : before_->entries()) paths_.emplace(Content{entry.hash, entry.size}, path);
    }
    return paths_[content];
  }

  [[nodiscard]] std::string manifest() const {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    std::string text = std::string(kFirstLine) + " " +
                       std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now).count()) + " " + config_ +
                       "\n";
    for (const auto& [path, entry] : entries_) {
      text += std::to_string(entry.hash) + " " + std::to_string(entry.size) + " " + std::to_string(entry.pack) + " " +
              std::to_string(entry.offset) + " " + path + "\n";
    }
    return text + "end " + std::to_string(load::hash_of_content(text)) + "\n";
  }

  // What was the last good one becomes the one before.
  [[nodiscard]] Result<void> step_back() const {
    if (before_ == nullptr) return {};
    const auto text = state_.read(kManifest);
    if (!text) return tl::unexpected(text.error());
    return *text ? state_.write(kBefore, **text) : Result<void>();
  }

  // Packs that neither copy points into, of this save or of one that was cut short.
  void remove_unused() const {
    std::set<std::string> used;
    for (const auto& [path, entry] : entries_) used.insert(pack_name(entry.pack));
    // After step_back(), which a damaged copy leaves the older one by.
    if (const auto& stays = before_ != nullptr ? before_ : older_; stays != nullptr) {
      for (const auto& [path, entry] : stays->entries()) used.insert(pack_name(entry.pack));
    }
    DIR* const listing = ::fdopendir(::openat(state_.directory(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (listing == nullptr) return;
    const std::string prefix = std::string(kManifest) + ".";
    for (const dirent* entry = ::readdir(listing); entry != nullptr; entry = ::readdir(listing)) {
      const std::string name = entry->d_name;
      if (name.starts_with(prefix) && !used.contains(name)) ::unlinkat(state_.directory(), name.c_str(), 0);
    }
    ::closedir(listing);
  }

  static constexpr std::uint32_t kNowhere = 0;

  const StateDirectory& state_;
  std::string config_;
  const load::FreshTexts& fresh_;
  std::shared_ptr<const LastGood> before_;  // this save: the last good one until now
  std::shared_ptr<const LastGood> older_;   // and the one before that
  std::map<Content, LastGood::Entry> contents_;
  std::map<Content, std::string> paths_;
  std::uint64_t held_ = 0;  // octets in the packs before, gone ones included
  std::size_t packs_ = 0;
  std::uint32_t next_ = 1;
  bool all_anew_ = false;
  LastGood::Entries entries_;
};

}  // namespace

Result<std::shared_ptr<const LastGood>> LastGood::open(const std::filesystem::path& directory, Which which) {
  const std::filesystem::path path = directory / (which == Which::last ? kManifest : kBefore);
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file.valid() && (errno == ENOENT || errno == ENOTDIR)) return std::shared_ptr<const LastGood>();
  struct stat facts{};
  if (!file.valid() || ::fstat(file.get(), &facts) != 0) return fail("cannot open " + path.string() + ": " + why());
  if (!S_ISREG(facts.st_mode)) return fail("cannot read " + path.string() + ": not a regular file");
  // Of what was looked at: another's file may have its name by now.
  const auto text = read_part(file.get(), 0, static_cast<std::size_t>(facts.st_size));
  if (!text) return fail("cannot read " + path.string() + ": " + text.error().message);
  std::shared_ptr<LastGood> copy(new LastGood());
  copy->owner_ = facts.st_uid;
  if (auto parsed = copy->parse(*text); !parsed) return fail(path.string() + ": " + parsed.error().message);
  for (auto& [number, pack] : copy->packs_) {
    const std::filesystem::path name = directory / pack_name(number);
    pack = UniqueFd(::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!pack.valid()) return fail("cannot open " + name.string() + ": " + why());
  }
  return std::shared_ptr<const LastGood>(std::move(copy));
}

Result<void> LastGood::parse(std::string_view text) {
  const std::size_t end = text.rfind("end ");
  std::uint64_t sum = 0;
  const bool whole = end != std::string_view::npos && text.ends_with('\n') &&
                     Words(text.substr(end + 4, text.size() - end - 5)).number(sum) &&
                     sum == load::hash_of_content(text.substr(0, end));
  if (!whole || !text.starts_with(kFirstLine)) return fail("it is damaged");
  text = text.substr(0, end);
  const std::size_t first = text.find('\n');
  if (first == std::string_view::npos || first <= kFirstLine.size()) return fail("it is damaged");
  Words head(text.substr(kFirstLine.size() + 1, first - kFirstLine.size() - 1));
  std::int64_t saved = 0;
  if (!head.number(saved)) return fail("it is damaged");
  saved_ = WallTime(std::chrono::seconds(saved));
  config_ = head.rest();
  for (std::size_t at = first + 1; at < text.size();) {
    const std::size_t next = text.find('\n', at);
    if (auto parsed = parse_entry(text.substr(at, next - at)); !parsed) return parsed;
    at = next + 1;
  }
  return {};
}

Result<void> LastGood::parse_entry(std::string_view line) {
  Words words(line);
  Entry entry;
  if (!words.number(entry.hash) || !words.number(entry.size) || !words.number(entry.pack) ||
      !words.number(entry.offset)) {
    return fail("it is damaged");
  }
  packs_.try_emplace(entry.pack);
  contents_.emplace(entry.hash, entry.size);
  entries_.emplace_hint(entries_.end(), words.rest(), entry);
  return {};
}

Result<std::string> LastGood::read(std::string_view path) const {
  const auto found = entries_.find(path);
  if (found == entries_.end()) return fail("it is not in the last good copy");
  auto text = read_at(packs_.at(found->second.pack).get(), found->second);
  if (!text) return fail("its last good copy is damaged: " + text.error().message);
  return text;
}

std::vector<std::filesystem::path> LastGood::list(const std::filesystem::path& folder) const {
  const std::string prefix = load::noted_path(folder / "");
  std::vector<std::filesystem::path> files;
  for (auto at = entries_.lower_bound(prefix); at != entries_.end() && at->first.starts_with(prefix); ++at) {
    const std::string name = at->first.substr(prefix.size());
    if (name.find('/') == std::string::npos) files.push_back(folder / name);
  }
  return files;
}

load::Files files_of(std::shared_ptr<const LastGood> copy) {
  auto read = [copy](const std::filesystem::path& path, const load::FileRules&) {
    return copy->read(load::noted_path(path));
  };
  auto list = [copy](const std::filesystem::path& folder) -> Result<std::vector<std::filesystem::path>> {
    return copy->list(folder);
  };
  return {std::move(read), std::move(list)};
}

Result<void> save_last_good(const StateDirectory& state, const std::string& config, const load::FileNotes& notes,
                            const load::FreshTexts& fresh) {
  return Save(state, load::noted_path(config), fresh).run(notes);
}

}  // namespace shared

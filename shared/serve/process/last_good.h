#pragma once
// LastGood: a copy of every file of the last configuration that was good, in the state directory, for a start after a
// bad commit. Few files however many there are: a manifest, and packs of contents that it points into.
//
//   last-good        path -> pack, place, size, hash; replaced whole: this is what makes a copy valid
//   last-good-before the manifest that this one replaced, for `meridian rollback`
//   last-good.1 ...  contents one after the other, never changed; a save adds a pack with what is new, and makes one of
//                    all when the old ones hold more that is gone than is left
//
// So a save costs what has changed, and a crash at any moment leaves the copy before. Opened at start, immutable; saved
// by the Builder.

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/core/result.h"
#include "shared/core/time.h"
#include "shared/load/files.h"
#include "shared/serve/os/unique_fd.h"
#include "shared/serve/process/state.h"

namespace shared {

class LastGood {
 public:
  struct Entry {
    std::uint64_t hash = 0;
    std::uint64_t size = 0;
    std::uint32_t pack = 0;
    std::uint64_t offset = 0;
    auto operator<=>(const Entry&) const = default;
  };
  using Entries = std::map<std::string, Entry, std::less<>>;  // by path

  // The last good configuration, or the one before it, which is another.
  enum class Which : std::uint8_t { last, before };

  // Null: there is none. An error: it is damaged.
  [[nodiscard]] static Result<std::shared_ptr<const LastGood>> open(const std::filesystem::path& directory,
                                                                    Which which = Which::last);

  // The file that the configuration began with.
  [[nodiscard]] const std::string& config() const { return config_; }
  [[nodiscard]] WallTime saved() const { return saved_; }
  [[nodiscard]] uid_t owner() const { return owner_; }
  [[nodiscard]] const Entries& entries() const { return entries_; }
  [[nodiscard]] bool holds(std::uint64_t hash, std::uint64_t size) const { return contents_.contains({hash, size}); }
  // Under the name that noted_path() gives. An error: it is not in the copy, or damaged.
  [[nodiscard]] Result<std::string> read(std::string_view path) const;
  [[nodiscard]] std::vector<std::filesystem::path> list(const std::filesystem::path& folder) const;

 private:
  LastGood() = default;
  [[nodiscard]] Result<void> parse(std::string_view text);
  [[nodiscard]] Result<void> parse_entry(std::string_view line);

  std::string config_;
  WallTime saved_{};
  uid_t owner_ = 0;
  Entries entries_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> contents_;  // hash and size of each
  std::map<std::uint32_t, UniqueFd> packs_;
};

// The copy in place of the disk.
[[nodiscard]] load::Files files_of(std::shared_ptr<const LastGood> copy);

// Makes the copy what `notes` say was read, beginning with `config`; nothing is written if it is that already. What is
// new is taken from `fresh`, else from its file; one that has changed since it was read is an error then: the copy
// stays what it was.
[[nodiscard]] Result<void> save_last_good(const StateDirectory& state, const std::string& config,
                                          const load::FileNotes& notes, const load::FreshTexts& fresh);

}  // namespace shared

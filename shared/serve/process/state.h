#pragma once
// StateDirectory: what must survive a restart, one small file per thing (health, overrides). A write replaces the whole
// file or nothing, also through a crash. The open directory holds a lock: a second process on it is an error, which
// also keeps two servers from sharing their ports by accident. In an upgrade the lock itself is handed on, and for a
// moment two processes hold it: each writes drafts of its own. Owned by main; blocks, so write from the Builder or at
// stop.

#include <optional>
#include <string>
#include <string_view>

#include "shared/core/result.h"
#include "shared/serve/os/unique_fd.h"

namespace shared {

class StateDirectory {
 public:
  // Makes the directory (0750) if its parent exists, and takes the lock.
  [[nodiscard]] static Result<StateDirectory> open(const std::string& path);
  // With the lock of the server that this one takes over from.
  [[nodiscard]] static Result<StateDirectory> adopt(const std::string& path, UniqueFd lock);

  // Whether a process holds its lock now.
  [[nodiscard]] static bool in_use(const std::string& path);

  // REQUIRES: `name` is a plain file name.
  [[nodiscard]] Result<void> write(std::string_view name, std::string_view content) const;
  // Nothing when there is no such file.
  [[nodiscard]] Result<std::optional<std::string>> read(std::string_view name) const;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] int directory() const { return directory_.get(); }
  [[nodiscard]] int lock() const { return lock_.get(); }

 private:
  StateDirectory(std::string path, UniqueFd directory, UniqueFd lock)
      : path_(std::move(path)), directory_(std::move(directory)), lock_(std::move(lock)) {}

  std::string path_;
  UniqueFd directory_;
  UniqueFd lock_;
};

}  // namespace shared

#pragma once
// PutBack: files of a copy that differ from those on the disk, and their way back there: all of them are written beside
// their places first, then each is renamed into its own; what was there is kept as NAME.before-rollback. A copy lies
// where the servers' user may write, and root puts it back: so nothing is written but beneath one folder, through no
// link that leads out of it, and over nothing that is no regular file. One thread.

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "shared/core/result.h"
#include "shared/serve/process/last_good.h"

namespace cli {

struct PutBack {
  struct File {
    std::filesystem::path path;  // without links
    std::string text;
    bool is_there = false;
  };
  std::vector<File> files;
  std::vector<std::string> outside;    // differ, and lie outside the folder: paths
  std::vector<std::string> irregular;  // are a pipe, a device or a folder now: paths

  [[nodiscard]] bool empty() const { return files.empty() && outside.empty() && irregular.empty(); }
};

// `beneath`: an existing folder. An error: the copy is damaged.
[[nodiscard]] shared::Result<PutBack> what_differs(const shared::LastGood& copy, const std::filesystem::path& beneath);

// Owner, group and mode stay; a file that is gone gets those of `like`, or of its folder if that is gone, too. An
// error: nothing, or only some files (it says which) are back.
[[nodiscard]] shared::Result<void> put_back(const PutBack& what, const std::filesystem::path& like);

}  // namespace cli

#pragma once
// Files: where the files of a configuration are read from: the disk, or a copy of them. FileNotes: what was read, so
// that exactly that can be copied later. Values; a FileNotes is filled on the one thread that loads.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/core/result.h"
#include "shared/load/file.h"

namespace shared::load {

struct Files {
  // A whole file, as read_file() gives it.
  std::function<Result<std::string>(const std::filesystem::path&, const FileRules&)> read;
  // What lies in a folder, in no order.
  std::function<Result<std::vector<std::filesystem::path>>(const std::filesystem::path&)> list;
};

[[nodiscard]] Files disk();

// One file that was read, as it was then.
struct FileNote {
  std::string path;  // absolute
  std::uint64_t size = 0;
  std::uint64_t hash = 0;
};
using FileNotes = std::vector<FileNote>;

// Contents that were read and are to be copied, by hash and size: so that the copy is of what was read, whatever has
// become of the file since. Bounded: what does not fit is read again.
class FreshTexts {
 public:
  static constexpr std::size_t kMost = std::size_t{256} << 20;  // octets

  void add(const FileNote& note, std::string_view text);
  [[nodiscard]] const std::string* find(std::uint64_t hash, std::uint64_t size) const;
  void clear() { *this = FreshTexts(); }

 private:
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::string> texts_;
  std::size_t octets_ = 0;
};

// What becomes of files that are read.
struct Noting {
  FileNotes& notes;
  FreshTexts& fresh;
  std::function<bool(const FileNote&)> is_kept;  // its content has been copied before; empty: no content is wanted
};

// The same files; each that is read is noted. What `noting` refers to must outlive what is returned.
[[nodiscard]] Files noting(Files files, Noting noting);

// For is_kept: what these notes are of.
[[nodiscard]] std::function<bool(const FileNote&)> contents_of(const FileNotes& notes);

// `notes`, but for the files that were read again since.
[[nodiscard]] std::shared_ptr<const FileNotes> with_newer(const FileNotes& notes, FileNotes newer);

// The name under which a file is noted and found again, wherever the process was started.
[[nodiscard]] std::string noted_path(const std::filesystem::path& path);
[[nodiscard]] std::uint64_t hash_of_content(std::string_view content);

}  // namespace shared::load

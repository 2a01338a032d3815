#pragma once
// GeoWatch: looks from time to time whether the geo database's file was replaced or written, by stat() on the Builder
// (a network file system may hang there, not here), and says so once for each new file. Owned by Control, on the
// control loop's thread.

#include <filesystem>
#include <functional>

#include "dns/load/geo/geo_file.h"
#include "shared/core/time.h"
#include "shared/serve/loop/loop.h"
#include "shared/serve/process/builder.h"

namespace dns {

class GeoWatch {
 public:
  GeoWatch(shared::Loop& loop, shared::Builder& builder, std::function<void()> changed);

  // From now on this file, which is known as it was at `known`. An empty path: none.
  void watch(const std::filesystem::path& path, const FileStamp& known, shared::Duration interval);

 private:
  void wait();
  void look();

  shared::Loop& loop_;
  shared::Builder& builder_;
  std::function<void()> changed_;
  shared::Timer timer_;
  std::filesystem::path path_;
  FileStamp known_;
  shared::Duration interval_{};
};

}  // namespace dns

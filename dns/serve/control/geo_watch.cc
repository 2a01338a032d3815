#include "dns/serve/control/geo_watch.h"

#include <optional>
#include <utility>

namespace dns {

GeoWatch::GeoWatch(shared::Loop& loop, shared::Builder& builder, std::function<void()> changed)
    : loop_(loop), builder_(builder), changed_(std::move(changed)), timer_(loop) {}

void GeoWatch::watch(const std::filesystem::path& path, const FileStamp& known, shared::Duration interval) {
  path_ = path;
  known_ = known;
  interval_ = interval;
  timer_.cancel();
  if (!path_.empty()) wait();
}

void GeoWatch::wait() {
  timer_.expires_after(interval_);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) look();
  });
}

// A file that is missing for a moment is no news: a rename follows.
void GeoWatch::look() {
  builder_.run_then(
      loop_, [path = path_] { return std::pair(path, stamp_of(path)); },
      [this](const std::pair<std::filesystem::path, std::optional<FileStamp>>& seen) {
        if (seen.first != path_) return;  // another one is watched by now
        wait();
        if (!seen.second || *seen.second == known_) return;
        known_ = *seen.second;
        changed_();
      });
}

}  // namespace dns

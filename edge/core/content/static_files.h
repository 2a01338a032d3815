#pragma once
// StaticFiles: what a route with `files` says, and the pure half of serving them: which file a path means, and what tag
// and type it has. That nothing leaves the root is the kernel's affair (see edge/serve/files/open_files.h); names that
// cannot be meant well do not come that far. Immutable, part of a Route, any thread.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edge/core/content/accept_encoding.h"
#include "edge/core/content/mime_types.h"
#include "shared/http/date.h"

namespace edge {

struct StaticFiles {
  std::string root;
  std::size_t mount = 0;           // octets of the request's path that are the route's and no part of a file's name
  std::vector<std::string> index;  // looked for in a directory, in this order
  std::string fallback;            // below the root, instead of what is not there; empty: none
  std::vector<Coding> precompressed;
  bool symlinks = false;  // followed where they stay below the root
  bool listing = false;   // of directories without an index
  bool dotfiles = false;  // names that begin with a dot; /.well-known/ is always served
  std::string cache_control;
  std::vector<std::pair<std::string, std::string>> cache_control_by_ending;  // "html" -> "no-cache"
  std::shared_ptr<const MimeTypes> types;

  // The value of Cache-Control; empty: none.
  [[nodiscard]] std::string_view cache_control_of(std::string_view file_name) const;
};

// The file's name below the root, "a/b.css", or a directory's, "a/" or "": all escapes decoded. Nothing where no file
// can be meant: %2F or %00 in a name, an escape that is none, `.` or `..` behind a second decoding, a name over 255
// octets, a hidden one. REQUIRES: `path` begins with '/' and is normalised (RequestTarget::path).
[[nodiscard]] std::optional<std::string> file_of_path(const StaticFiles& files, std::string_view path);

struct FileFacts {
  std::uint64_t size = 0;
  http::UnixSeconds modified = 0;
  std::uint32_t modified_ns = 0;
  std::uint64_t inode = 0;
  std::uint64_t device = 0;
  std::int64_t changed_ns = 0;  // of the inode: also what sets `modified` back moves it

  bool operator==(const FileFacts&) const = default;
};

// The tag of a file's octets, the same on each edge that has a copy with its times. Weak while the file is so young
// that it may change once more within the clock's step.
[[nodiscard]] std::string entity_tag_of(const FileFacts& file, http::UnixSeconds now);

[[nodiscard]] std::string_view suffix_of(Coding coding);  // ".gz"; empty: identity

}  // namespace edge

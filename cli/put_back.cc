#include "cli/put_back.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "shared/load/file.h"
#include "shared/serve/os/unique_fd.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using shared::fail;
using shared::Result;

constexpr const char* kDraft = ".rollback-draft";
constexpr const char* kReplaced = ".before-rollback";

bool lies_in(const fs::path& path, const fs::path& folder) {
  const fs::path relative = path.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != ".." && *relative.begin() != ".";
}

tl::unexpected<shared::Error> failed(const std::string& what, const fs::path& path) {
  return fail("cannot " + what + " " + path.string() + ": " + std::strerror(errno));
}

// Whose the file was and who could read it; where it is gone, as `like`, and where that is what is gone, as the folder.
Result<struct stat> facts_for(const PutBack::File& file, const fs::path& like) {
  struct stat facts{};
  if (::stat((file.is_there ? file.path : like).c_str(), &facts) == 0) return facts;
  if (file.is_there || errno != ENOENT) return failed("look at", file.path);
  if (::stat(file.path.parent_path().c_str(), &facts) != 0) return failed("look at", file.path.parent_path());
  facts.st_mode &= 0664;
  return facts;
}

Result<void> write_draft(const PutBack::File& file, const fs::path& like) {
  const fs::path draft = file.path.string() + kDraft;
  const auto found = facts_for(file, like);
  if (!found) return fail(found.error().message);
  const struct stat& facts = *found;
  ::unlink(draft.c_str());  // of a rollback that was cut short
  const shared::UniqueFd fd(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return failed("create", draft);
  std::string_view rest = file.text;
  while (!rest.empty()) {
    const ssize_t put = ::write(fd.get(), rest.data(), rest.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return failed("write", draft);
    rest.remove_prefix(static_cast<std::size_t>(put));
  }
  const bool ours = facts.st_uid == ::geteuid() && facts.st_gid == ::getegid();
  if (!ours && ::fchown(fd.get(), facts.st_uid, facts.st_gid) != 0) return failed("give its owner to", draft);
  if (::fchmod(fd.get(), facts.st_mode & 07777) != 0) return failed("give its mode to", draft);
  if (::fsync(fd.get()) != 0) return failed("sync", draft);
  return {};
}

Result<void> replace(const PutBack::File& file) {
  const fs::path draft = file.path.string() + kDraft;
  if (file.is_there) {
    const fs::path kept = file.path.string() + kReplaced;
    ::unlink(kept.c_str());
    if (::link(file.path.c_str(), kept.c_str()) != 0) return failed("keep", file.path);
  }
  if (::rename(draft.c_str(), file.path.c_str()) != 0) return failed("replace", file.path);
  return {};
}

}  // namespace

Result<PutBack> what_differs(const shared::LastGood& copy, const fs::path& beneath) {
  const fs::path folder = fs::weakly_canonical(beneath);
  PutBack out;
  for (const auto& [name, entry] : copy.entries()) {
    std::error_code error;
    const bool is_there = fs::exists(name, error);
    const auto present = is_there ? shared::load::read_file(name) : Result<std::string>(std::string());
    const bool same =
        is_there && present && present->size() == entry.size && shared::load::hash_of_content(*present) == entry.hash;
    if (same) continue;
    auto text = copy.read(name);
    if (!text) return fail(name + ": " + text.error().message);
    const fs::path real = fs::weakly_canonical(name, error);
    if (error || !lies_in(real, folder)) {
      out.outside.push_back(name);
    } else if (is_there && !fs::is_regular_file(real, error)) {
      out.irregular.push_back(name);
    } else {
      out.files.push_back({real, std::move(*text), is_there});
    }
  }
  return out;
}

Result<void> put_back(const PutBack& what, const fs::path& like) {
  Result<void> result;
  for (const auto& file : what.files) {
    if (result) result = write_draft(file, like);
  }
  std::string done;
  for (const auto& file : what.files) {
    if (!result) break;
    result = replace(file);
    if (result) done += " " + file.path.string();
  }
  if (result) return result;
  for (const auto& file : what.files) ::unlink((file.path.string() + kDraft).c_str());
  return fail(result.error().message + (done.empty() ? "; nothing has changed" : "; back already:" + done));
}

}  // namespace cli

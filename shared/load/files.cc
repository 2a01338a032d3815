#include "shared/load/files.h"

#include <algorithm>
#include <set>
#include <span>
#include <system_error>
#include <utility>

#include "shared/core/siphash.h"

namespace shared::load {
namespace {

Result<std::vector<std::filesystem::path>> list_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    files.push_back(at->path());
  }
  if (error) return fail(error.message());
  return files;
}

}  // namespace

Files disk() {
  return {[](const std::filesystem::path& path, const FileRules& rules) { return read_file(path, rules); },
          list_folder};
}

void FreshTexts::add(const FileNote& note, std::string_view text) {
  if (text.size() > kMost - octets_) return;
  if (texts_.try_emplace({note.hash, note.size}, text).second) octets_ += text.size();
}

const std::string* FreshTexts::find(std::uint64_t hash, std::uint64_t size) const {
  const auto found = texts_.find({hash, size});
  return found == texts_.end() ? nullptr : &found->second;
}

Files noting(Files files, Noting noting) {
  auto read = [inner = std::move(files.read), noting = std::move(noting)](
                  const std::filesystem::path& path, const FileRules& rules) -> Result<std::string> {
    auto text = inner(path, rules);
    if (!text) return text;
    const FileNote note{noted_path(path), text->size(), hash_of_content(*text)};
    if (noting.is_kept && !noting.is_kept(note)) noting.fresh.add(note, *text);
    noting.notes.push_back(note);
    return text;
  };
  return {std::move(read), std::move(files.list)};
}

std::function<bool(const FileNote&)> contents_of(const FileNotes& notes) {
  auto known = std::make_shared<std::set<std::pair<std::uint64_t, std::uint64_t>>>();
  for (const FileNote& note : notes) known->emplace(note.hash, note.size);
  return [known = std::move(known)](const FileNote& note) { return known->contains({note.hash, note.size}); };
}

std::shared_ptr<const FileNotes> with_newer(const FileNotes& notes, FileNotes newer) {
  const auto is_newer = [&newer](const FileNote& note) {
    return std::ranges::any_of(newer, [&note](const FileNote& other) { return other.path == note.path; });
  };
  auto all = std::make_shared<FileNotes>();
  for (const FileNote& note : notes) {
    if (!is_newer(note)) all->push_back(note);
  }
  all->insert(all->end(), newer.begin(), newer.end());
  return all;
}

std::string noted_path(const std::filesystem::path& path) {
  std::error_code error;
  const auto whole = std::filesystem::absolute(path, error);
  return (error ? path : whole).lexically_normal().string();
}

// Against accidents, not against somebody: any key does.
std::uint64_t hash_of_content(std::string_view content) {
  static constexpr SipKey kKey{};
  return siphash_2_4(kKey, {reinterpret_cast<const std::uint8_t*>(content.data()), content.size()});
}

}  // namespace shared::load

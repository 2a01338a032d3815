#include "dns/load/geo/geo_memory.h"

#include <algorithm>
#include <sstream>

#include "dns/load/geo/mmdb.h"
#include "shared/load/files.h"

namespace dns {
namespace {

constexpr std::string_view kFirstLine = "meridian geo 1";

std::ostream& operator<<(std::ostream& out, const FileStamp& stamp) {
  return out << stamp.device << ' ' << stamp.inode << ' ' << stamp.size << ' ' << stamp.modified_ns;
}

std::istream& operator>>(std::istream& in, FileStamp& stamp) {
  return in >> stamp.device >> stamp.inode >> stamp.size >> stamp.modified_ns;
}

void write_kept(std::ostream& out, const char* word, const std::optional<GeoMemory::Kept>& kept) {
  if (kept) out << word << ' ' << kept->stamp << ' ' << kept->hash << ' ' << kept->file << '\n';
}

// The rest of the line, without the space before it.
std::string rest_of(std::istream& line) {
  std::string text;
  line.get();
  std::getline(line, text);
  return text;
}

std::optional<GeoMemory::Kept> read_kept(std::istream& line) {
  GeoMemory::Kept kept;
  if (!(line >> kept.stamp >> kept.hash)) return std::nullopt;
  kept.file = rest_of(line);
  return kept;
}

std::shared_ptr<const GeoDatabase> read_copy(const std::filesystem::path& copy,
                                             const std::optional<GeoMemory::Kept>& kept,
                                             const std::filesystem::path& file) {
  if (!kept || file.empty() || kept->file != shared::load::noted_path(file)) return nullptr;
  const auto text = shared::load::read_file(copy);
  if (!text || shared::load::hash_of_content(*text) != kept->hash) return nullptr;
  auto database = read_mmdb({reinterpret_cast<const std::uint8_t*>(text->data()), text->size()}, file.string());
  return database ? *std::move(database) : nullptr;
}

}  // namespace

std::string to_text(const GeoMemory& memory) {
  std::ostringstream out;
  out << kFirstLine << '\n';
  write_kept(out, "database", memory.database);
  write_kept(out, "systems", memory.systems);
  for (const std::string& what : memory.accepted) out << "accepted " << what << '\n';
  if (memory.waiting) {
    std::string why = memory.waiting->why;
    std::replace(why.begin(), why.end(), '\n', ' ');
    out << "waiting " << memory.waiting->stamp << ' ' << why << '\n';
  }
  return out.str();
}

GeoMemory parse_geo_memory(std::string_view text) {
  GeoMemory memory;
  std::istringstream lines{std::string(text)};
  std::string line;
  if (!std::getline(lines, line) || line != kFirstLine) return memory;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string word;
    words >> word;
    if (word == "database") memory.database = read_kept(words);
    if (word == "systems") memory.systems = read_kept(words);
    if (word == "accepted") memory.accepted.insert(rest_of(words));
    if (word != "waiting") continue;
    GeoMemory::Waiting waiting;
    if (!(words >> waiting.stamp)) continue;
    waiting.why = rest_of(words);
    memory.waiting = std::move(waiting);
  }
  return memory;
}

GeoMemory read_geo_memory(const std::filesystem::path& state) {
  const auto text = shared::load::read_file(state / kGeoMemoryFile);
  return text ? parse_geo_memory(*text) : GeoMemory{};
}

std::shared_ptr<const GeoFile> remembered_geo(const std::filesystem::path& state, const GeoMemory& memory,
                                              const GeoConfig& config) {
  auto database = read_copy(state / kGeoCopyFile, memory.database, config.database);
  if (database == nullptr) return nullptr;
  return std::make_shared<const GeoFile>(GeoFile{config.database, memory.database->stamp, std::move(database), true});
}

std::shared_ptr<const GeoDatabase> remembered_systems(const std::filesystem::path& state, const GeoMemory& memory,
                                                      const GeoConfig& config) {
  return read_copy(state / kSystemsCopyFile, memory.systems, config.asn);
}

}  // namespace dns

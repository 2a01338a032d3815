#include "cli/import_records.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>

#include "dns/load/zone/zone_file.h"

namespace cli {
namespace {

constexpr std::size_t kMostErrors = 1000;

std::size_t count_lines(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

void judge_records(ImportPlan& plan, const std::string& zone, const ImportZone& made, std::string_view text) {
  const auto origin = dns::Name::from_text(zone);
  if (!origin) return;  // which the configuration's check tells
  const dns::ZoneSource source{.origin = *origin, .file = zone, .marks = {}};
  dns::ZoneFileSettings settings;
  settings.errors = kMostErrors;
  // What it includes is not taken over, which has been told.
  settings.read_file = [&](const std::filesystem::path& file) -> shared::Result<std::string> {
    return file == source.file ? std::string(text) : std::string();
  };
  shared::load::Diagnostics told;
  static_cast<void>(dns::load_zone_file(source, settings, told));
  const std::size_t head = count_lines(text.substr(0, text.size() - made.text.size()));
  for (const shared::load::Diagnostic& one : told.list()) {
    if (one.severity != shared::load::Severity::error) continue;
    const std::size_t line = one.at.line;
    const bool theirs = line > head && line - head <= made.lines.size();
    plan.lose(theirs ? made.lines[line - head - 1] : shared::load::Position{}, "zone " + zone + ": " + one.message);
  }
}

}  // namespace cli

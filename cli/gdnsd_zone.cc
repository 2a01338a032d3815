#include "cli/gdnsd_zone.h"

#include <algorithm>
#include <cctype>
#include <memory>
#include <optional>
#include <utility>

namespace cli {
namespace {

constexpr std::uint32_t kDefaultTtl = 86'400;

std::string upper(std::string text) {
  for (char& letter : text) letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  return text;
}

// "300", "5m", "1h30m".
std::optional<std::uint32_t> seconds_of(std::string_view text) {
  std::uint64_t total = 0;
  std::uint64_t number = 0;
  bool digits = false;
  for (const char letter : text) {
    if (std::isdigit(static_cast<unsigned char>(letter)) != 0) {
      number = number * 10 + static_cast<std::uint64_t>(letter - '0');
      digits = true;
      continue;
    }
    const std::string_view units = "smhdw";
    constexpr std::uint64_t sizes[] = {1, 60, 3600, 86'400, 604'800};
    const std::size_t unit = units.find(static_cast<char>(std::tolower(static_cast<unsigned char>(letter))));
    if (!digits || unit == std::string_view::npos) return std::nullopt;
    total += number * sizes[unit];
    number = 0;
    digits = false;
  }
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text.front())) == 0) return std::nullopt;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(total + number, 604'800));
}

class ZoneText {
 public:
  ZoneText(std::string file, std::string zone, ImportPlan& plan)
      : file_(std::make_shared<const std::string>(std::move(file))),
        zone_(std::move(zone)),
        origin_(zone_),
        plan_(plan) {}

  GdnsdZone read(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      ++line_;
      line(std::string(text.substr(0, end)));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return std::move(out_);
  }

 private:
  // The words before a comment; the depth of parentheses at the line's end is kept.
  std::vector<std::string> words(const std::string& text) {
    std::vector<std::string> out;
    std::string word;
    bool quoted = false;
    const auto finish = [&] {
      if (!word.empty()) out.push_back(std::exchange(word, ""));
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char letter = text[i];
      if (letter == '\\' && i + 1 < text.size()) {
        word += text.substr(i, 2);
        ++i;
      } else if (letter == '"' || quoted) {
        quoted = quoted != (letter == '"');
        word += letter;
      } else if (letter == ';') {
        break;
      } else if (letter == '(' || letter == ')') {
        finish();
        depth_ += letter == '(' ? 1 : -1;
      } else if (letter == ' ' || letter == '\t' || letter == '\r') {
        finish();
      } else {
        word += letter;
      }
    }
    finish();
    return out;
  }

  void line(const std::string& text) {
    const int before = depth_;
    const std::vector<std::string> parts = words(text);
    if (before > 0 || parts.empty()) return keep(text);
    if (parts.front().front() == '$') return directive(text, parts);
    const bool blank = text.front() == ' ' || text.front() == '\t';
    if (!blank) owner_ = parts.front();
    const std::size_t first = blank ? 0 : 1;
    for (std::size_t i = first; i < parts.size() && i < first + 3; ++i) {
      const std::string type = upper(parts[i]);
      if (type == "DYNA" || type == "DYNC") return dynamic(parts, first, i);
      if (type == "SOA") out_.plain.has_soa = true;
      if (type == "NS" && absolute(owner_) == zone_) out_.plain.has_ns = true;
    }
    // The owner that a blank stands for may have been in a line that is gone.
    const bool lost_owner = blank && written_ != owner_;
    keep(lost_owner ? owner_ + text : text);
    written_ = owner_;
  }

  void keep(const std::string& text) {
    out_.plain.text += text + "\n";
    out_.plain.lines.push_back(place());
  }

  void directive(const std::string& text, const std::vector<std::string>& parts) {
    const std::string name = upper(parts.front());
    if (name.starts_with("$ADDR_LIMIT"))
      return plan_.lose(place(), parts.front() + ": `answers` of a name says it here");
    if (name == "$ORIGIN" && parts.size() > 1) origin_ = absolute(parts[1]);
    if (name == "$TTL" && parts.size() > 1) ttl_ = seconds_of(parts[1]).value_or(ttl_);
    if (name == "$INCLUDE") plan_.lose(place(), "$INCLUDE stays: copy the file, and look for dynamic records in it");
    keep(text);
  }

  void dynamic(const std::vector<std::string>& parts, std::size_t first, std::size_t type) {
    GdnsdDynamic out;
    out.name = absolute(owner_);
    out.cname = upper(parts[type]) == "DYNC";
    out.at = place();
    out.ttl_min = out.ttl_max = ttl_;
    for (std::size_t i = first; i < type; ++i) {
      const std::size_t slash = parts[i].find('/');
      const auto most = seconds_of(std::string_view(parts[i]).substr(0, slash));
      if (!most) continue;
      out.ttl_max = *most;
      out.ttl_min =
          slash == std::string::npos ? *most : seconds_of(std::string_view(parts[i]).substr(slash + 1)).value_or(*most);
    }
    if (type + 1 >= parts.size()) return plan_.lose(place(), out.name + ": a dynamic record without a resource");
    out.resource = parts[type + 1];
    out_.dynamic.push_back(std::move(out));
  }

  [[nodiscard]] std::string absolute(const std::string& name) const {
    if (name == "@") return origin_;
    if (name.ends_with('.')) return name.substr(0, name.size() - 1);
    return origin_.empty() ? name : name + "." + origin_;
  }
  [[nodiscard]] shared::load::Position place() const { return {file_, line_, 1}; }

  std::shared_ptr<const std::string> file_;
  std::string zone_, origin_;
  std::string owner_ = "@";
  std::string written_ = "@";
  std::uint32_t ttl_ = kDefaultTtl;
  unsigned line_ = 0;
  int depth_ = 0;
  ImportPlan& plan_;
  GdnsdZone out_;
};

}  // namespace

GdnsdZone read_gdnsd_zone(std::string_view text, const std::string& file, const std::string& zone, ImportPlan& plan) {
  return ZoneText(file, zone, plan).read(text);
}

}  // namespace cli

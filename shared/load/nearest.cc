#include "shared/load/nearest.h"

#include <algorithm>
#include <vector>

namespace shared::load {
namespace {

constexpr std::size_t kLongestWord = 64;  // longer words are not compared: no typo is meant there
constexpr std::size_t kMostListed = 12;

// Optimal string alignment distance (Levenshtein with swaps of neighbours); three rows of the matrix.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.size() > kLongestWord) return std::nullopt;
  const std::size_t allowed = std::max<std::size_t>(1, word.size() / 3);
  std::size_t least = allowed + 1;
  std::optional<std::string_view> best;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > word.size() + allowed || word.size() > candidate.size() + allowed) continue;
    const std::size_t steps = distance(word, candidate);
    if (steps >= least) continue;
    least = steps;
    best = candidate;
  }
  return best;
}

std::string suggestion(std::string_view word, std::span<const std::string_view> candidates) {
  if (const auto best = nearest(word, candidates)) return " (did you mean '" + std::string(*best) + "'?)";
  if (candidates.empty()) return "";
  std::string out = " (known: ";
  for (std::size_t i = 0; i < candidates.size() && i < kMostListed; ++i) {
    if (i > 0) out += ", ";
    out += candidates[i];
  }
  return out + (candidates.size() > kMostListed ? ", ...)" : ")");
}

}  // namespace shared::load

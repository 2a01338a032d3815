#pragma once
// ErrorPages: what clients see of an error that the edge answers itself, by status; else it is the status' own words.
// A route's pages come before the edge's. Immutable, part of a route or of the settings, any thread.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace edge {

struct ErrorPage {
  std::uint16_t low = 400;  // statuses, both included
  std::uint16_t high = 599;
  std::string content_type;
  std::shared_ptr<const std::string> body;
  bool for_servers = false;  // in the place of what servers say with this status, too
};

class ErrorPages {
 public:
  ErrorPages() = default;
  explicit ErrorPages(std::vector<ErrorPage> pages) : pages_(std::move(pages)) {}

  // The first for this status; null: none.
  [[nodiscard]] const ErrorPage* find(std::uint16_t status) const {
    for (const ErrorPage& page : pages_) {
      if (page.low <= status && status <= page.high) return &page;
    }
    return nullptr;
  }
  // Likewise of those in the place of what servers say.
  [[nodiscard]] const ErrorPage* find_for_servers(std::uint16_t status) const {
    for (const ErrorPage& page : pages_) {
      if (page.for_servers && page.low <= status && status <= page.high) return &page;
    }
    return nullptr;
  }
  [[nodiscard]] bool any_for_servers() const {
    for (const ErrorPage& page : pages_) {
      if (page.for_servers) return true;
    }
    return false;
  }
  [[nodiscard]] bool empty() const { return pages_.empty(); }

 private:
  std::vector<ErrorPage> pages_;
};

}  // namespace edge

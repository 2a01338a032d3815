#pragma once
// LearnedHints: the links that answers have asked their clients to preload or to preconnect to (RFC 8288, RFC 8297), to
// be told ahead the next time. Bounded: the oldest goes. Owned by a worker's context; its thread.

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "shared/core/time.h"
#include "shared/http/head.h"

namespace edge {

// Such links of an answer; none of one that is for one client only: with `private`, `no-store`, Set-Cookie, or to a
// request with Authorization.
[[nodiscard]] std::vector<std::string> links_to_hint(const http::FieldList& request, const http::ResponseHead& answer);

class LearnedHints {
 public:
  static constexpr std::size_t kMost = 1024;       // URLs
  static constexpr std::size_t kMostLinks = 16;    // of one
  static constexpr std::size_t kMostOctets = 512;  // of a URL, and of a link

  // `links`: empty: nothing is known of it any more.
  void learn(std::string_view url, std::vector<std::string> links, shared::TimePoint now);
  // Null: none.
  [[nodiscard]] const std::vector<std::string>* find(std::string_view url, shared::TimePoint now) const;

 private:
  static constexpr shared::Duration kGood = shared::seconds(24 * 3600);

  struct Known {
    std::vector<std::string> links;
    shared::TimePoint until;
  };
  std::unordered_map<std::string, Known> known_;
  std::deque<std::string> order_;
};

}  // namespace edge

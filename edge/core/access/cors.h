#pragma once
// Cors: which pages of other sites may read a route's answers (Fetch standard, CORS protocol). The rules of the
// answers' fields are made for each origin beforehand, so that a request costs one comparison of its Origin and no
// field twice. Immutable, part of a Gate, any thread.

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "edge/core/message/header_rules.h"
#include "shared/http/fields.h"
#include "shared/http/head.h"

namespace edge {

struct CorsSettings {
  std::vector<std::string> origins;  // "https://shop.example"; "*": any, without credentials
  std::vector<std::string> methods{"GET", "HEAD", "POST"};
  std::vector<std::string> headers{};  // that pages may send beyond the harmless ones
  std::vector<std::string> expose{};   // that pages may read beyond the harmless ones
  bool credentials = false;            // with cookies and Authorization
  std::chrono::seconds max_age{600};   // for which a browser need not ask again
};

class Cors {
 public:
  // On top of the rules that the route has for all answers.
  Cors(const CorsSettings& settings, const HeaderRules& rules);

  // Of the answer to a request with these fields.
  [[nodiscard]] const HeaderRules& rules_for(const http::FieldList& fields) const;
  // Of the answer to a preflight.
  [[nodiscard]] const HeaderRules& preflight_rules_for(const http::FieldList& fields) const;

 private:
  struct Origin {
    std::string text;
    HeaderRules rules;
    HeaderRules preflight;
  };
  [[nodiscard]] const Origin& find(const http::FieldList& fields) const;

  std::vector<Origin> origins_;
  Origin others_;
};

// OPTIONS with an Origin and Access-Control-Request-Method: a browser asks whether it may ask.
[[nodiscard]] bool is_preflight(http::Method method, const http::FieldList& fields);

}  // namespace edge

#include "edge/core/pool/health_check.h"

#include <cstdio>

namespace edge {
namespace {

const char* symbol(Comparison comparison) {
  switch (comparison) {
    case Comparison::greater:
      return ">";
    case Comparison::greater_or_equal:
      return ">=";
    case Comparison::less:
      return "<";
    case Comparison::less_or_equal:
      return "<=";
    case Comparison::equal:
      return "==";
    case Comparison::not_equal:
      return "!=";
  }
  return "";
}

}  // namespace

bool NumberRule::holds(double value) const {
  switch (comparison) {
    case Comparison::greater:
      return value > limit;
    case Comparison::greater_or_equal:
      return value >= limit;
    case Comparison::less:
      return value < limit;
    case Comparison::less_or_equal:
      return value <= limit;
    case Comparison::equal:
      return value == limit;
    case Comparison::not_equal:
      return value != limit;
  }
  return false;
}

std::string to_string(const NumberRule& rule) {
  char number[40];
  const int n = std::snprintf(number, sizeof number, "%g", rule.limit);
  return rule.name + " " + symbol(rule.comparison) + " " + std::string(number, static_cast<std::size_t>(n));
}

}  // namespace edge

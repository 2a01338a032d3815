#include "edge/core/message/new_visitor.h"

#include <algorithm>

namespace edge {

NewVisitor::Id NewVisitor::id() const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  Id id{};
  for (std::size_t i = 0; i < id.size(); ++i) id[i] = kDigits[(drawn_ >> (60 - 4 * i)) & 0xFU];
  return id;
}

void NewVisitor::give(std::string_view cookie) {
  const auto given = cookies();
  if (count_ == cookies_.size() || std::ranges::find(given, cookie) != given.end()) return;
  cookies_[count_++] = cookie;
}

std::string visitor_cookie(std::string_view cookie, const NewVisitor& visitor, std::string_view scheme) {
  const NewVisitor::Id id = visitor.id();
  std::string value(cookie);
  value.append("=").append(id.data(), id.size()).append("; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax");
  return scheme == "https" ? value + "; Secure" : value;
}

}  // namespace edge

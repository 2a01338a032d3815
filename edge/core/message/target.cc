#include "edge/core/message/target.h"

#include <algorithm>
#include <array>

#include "shared/core/ascii.h"
#include "shared/core/ip.h"

namespace edge {
namespace {

constexpr std::size_t kMaxHost = 255;

constexpr std::array<bool, 256> make_host_characters() {
  std::array<bool, 256> table{};
  for (unsigned c = 0; c < 0x80; ++c) table[c] = shared::is_alphanumeric(static_cast<char>(c));
  for (const char c : std::string_view("-._~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kHostCharacters = make_host_characters();

// Looked at once for each request: no label but the last may be empty, which parse_authority() takes off.
bool is_registered_name(std::string_view host) {
  if (host.size() > kMaxHost) return false;
  char before = '.';
  for (const char c : host) {
    if (!kHostCharacters[static_cast<unsigned char>(c)] || (c == '.' && before == '.')) return false;
    before = c;
  }
  return !host.empty();
}

// The port after the colon; 0 when it is malformed.
std::uint16_t parse_port(std::string_view text) {
  std::uint32_t port = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return 0;
    port = port * 10 + static_cast<std::uint32_t>(c - '0');
    if (port > 0xFFFF) return 0;
  }
  return static_cast<std::uint16_t>(port);
}

http::Checked<Authority> with_port(std::string_view host, std::string_view rest) {
  if (rest.empty()) return Authority{host, 0};
  const std::uint16_t port = rest.front() == ':' ? parse_port(rest.substr(1)) : std::uint16_t{0};
  if (port == 0) return http::refuse(400, "malformed port in Host or target");
  return Authority{host, port};
}

// The one Host field (RFC 9112 3.2); empty when HTTP/1.0 has none.
http::Checked<std::string_view> host_field(const http::RequestHead& head) {
  const http::Field* host = head.fields.find(http::FieldId::host);
  if (host == nullptr) {
    if (head.version == http::Version::http_1_0) return std::string_view{};
    return http::refuse(400, "no Host");
  }
  if (head.fields.count(http::FieldId::host) > 1) return http::refuse(400, "more than one Host");
  if (host->value.empty()) return http::refuse(400, "empty Host");
  return host->value;
}

struct Split {
  TargetForm form = TargetForm::origin;
  std::uint16_t default_port = 80;
  std::string_view authority;  // absolute form only
  std::string_view path;       // may be empty in absolute form
  std::string_view query;
};

http::Checked<Split> split_absolute(std::string_view target) {
  Split split{TargetForm::absolute, 80, {}, {}, {}};
  const std::size_t colon = target.find("://");
  const std::string_view scheme = target.substr(0, colon == std::string_view::npos ? 0 : colon);
  if (http::equals_ignoring_case(scheme, "https")) {
    split.default_port = 443;
  } else if (!http::equals_ignoring_case(scheme, "http")) {
    return http::refuse(400, "malformed target");
  }
  const std::string_view rest = target.substr(colon + 3);
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  split.authority = rest.substr(0, end);
  split.path = rest.substr(end);
  if (split.authority.empty()) return http::refuse(400, "target without a host");
  return split;
}

http::Checked<Split> split_target(const http::RequestHead& head) {
  if (head.method == http::Method::connect || head.method == http::Method::trace)
    return http::refuse(405, "method not allowed");
  if (head.target == "*") {
    if (head.method != http::Method::options) return http::refuse(400, "malformed target");
    return Split{TargetForm::asterisk, 80, {}, head.target, {}};
  }
  http::Checked<Split> split = Split{TargetForm::origin, 80, {}, head.target, {}};
  if (head.target.front() != '/') split = split_absolute(head.target);
  if (!split) return split;
  if (split->path.empty() && head.method == http::Method::options) {
    split->path = "*";  // RFC 9112 3.2.4
    return split;
  }
  const std::size_t mark = std::min(split->path.find('?'), split->path.size());
  split->query = split->path.substr(mark);
  split->path = split->path.substr(0, mark);
  if (split->path.empty()) split->path = "/";
  return split;
}

// "name:" is "name" (RFC 3986 3.2.3), and not every server knows that.
std::string_view without_empty_port(std::string_view authority) {
  if (authority.ends_with(':')) authority.remove_suffix(1);
  return authority;
}

// Absolute form wins over Host, and a Host that says something else is somebody's trick (RFC 9112 3.2.2).
http::Checked<Authority> decide_authority(const Split& split, std::string_view host, RequestTarget& target) {
  target.authority = without_empty_port(host);
  http::Checked<Authority> from_host =
      host.empty() ? http::Checked<Authority>(Authority{}) : parse_authority(target.authority);
  if (split.form != TargetForm::absolute || !from_host) return from_host;
  http::Checked<Authority> from_target = parse_authority(without_empty_port(split.authority));
  if (!from_target) return from_target;
  const auto port_of = [&](const Authority& authority) {
    return authority.port == 0 ? split.default_port : authority.port;
  };
  const bool agree =
      http::equals_ignoring_case(from_host->host, from_target->host) && port_of(*from_host) == port_of(*from_target);
  if (!host.empty() && !agree) return http::refuse(400, "Host unlike the target");
  target.authority = without_empty_port(split.authority);
  return from_target;
}

std::string_view lower_host(std::string_view host, TargetScratch& scratch) {
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (std::none_of(host.begin(), host.end(), is_upper)) return host;
  std::transform(host.begin(), host.end(), scratch.host.begin(),
                 [&](char c) { return is_upper(c) ? static_cast<char>(c + ('a' - 'A')) : c; });
  return {scratch.host.data(), host.size()};
}

}  // namespace

http::Checked<Authority> parse_authority(std::string_view text) {
  if (text.empty()) return http::refuse(400, "empty Host");
  if (text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return http::refuse(400, "malformed Host");
    const std::string_view host = text.substr(1, close - 1);
    const std::optional<shared::IpAddress> address = shared::IpAddress::parse(host);
    if (!address || address->family != shared::Family::ipv6) return http::refuse(400, "malformed Host");
    return with_port(host, text.substr(close + 1));
  }
  const std::size_t colon = std::min(text.find(':'), text.size());
  std::string_view host = text.substr(0, colon);
  if (!is_registered_name(host)) return http::refuse(400, "malformed Host");
  if (host.back() == '.') host.remove_suffix(1);
  return with_port(host, text.substr(colon));
}

http::Checked<RequestTarget> resolve_target(const http::RequestHead& head, TargetScratch& scratch) {
  const http::Checked<Split> split = split_target(head);
  if (!split) return tl::unexpected(split.error());
  const http::Checked<std::string_view> host = host_field(head);
  if (!host) return tl::unexpected(host.error());
  RequestTarget target;
  target.form = split->form;
  target.query = split->query;
  const http::Checked<Authority> authority = decide_authority(*split, *host, target);
  if (!authority) return tl::unexpected(authority.error());
  target.host = lower_host(authority->host, scratch);
  target.path = target.kept = split->path;
  if (split->path == "*") return target;
  const http::Checked<NormalPath> path = normalise_path(split->path, scratch);
  if (!path) return tl::unexpected(path.error());
  target.path = path->merged;
  target.kept = path->kept;
  return target;
}

}  // namespace edge

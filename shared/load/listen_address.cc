#include "shared/load/listen_address.h"

namespace shared::load {
namespace {

constexpr std::string_view kOwn = "{edge}:";
constexpr std::string_view kUnix = "unix:";
constexpr std::size_t kLongestSocketPath = 107;  // sun_path less its final zero, unix(7)

Reader<ListenAddress> reader(std::string example, bool with_unix) {
  auto read = [=](const Node& node, Diagnostics& diagnostics) -> std::optional<ListenAddress> {
    if (!expect_scalar(node, example, diagnostics)) return std::nullopt;
    auto value = ListenAddress::parse(node.text);
    if (value && (with_unix || value->kind != ListenAddress::Kind::unix_socket)) return value;
    expected(node, example, diagnostics);
    return std::nullopt;
  };
  return Reader<ListenAddress>{"listen address", std::move(read),
                               [](const ListenAddress& value) { return "\"" + value.to_string() + "\""; }};
}

}  // namespace

std::optional<ListenAddress> ListenAddress::parse(std::string_view text) {
  ListenAddress out;
  if (text.starts_with(kUnix)) {
    out.kind = Kind::unix_socket;
    out.path = std::string(text.substr(kUnix.size()));
    const bool usable =
        out.path.starts_with('/') && out.path.size() <= kLongestSocketPath && out.path.find('\0') == std::string::npos;
    return usable ? std::optional(out) : std::nullopt;
  }
  const bool own = text.starts_with(kOwn);
  // Any address will do to have the port read by the same code.
  const auto endpoint = Endpoint::parse(own ? "0.0.0.0:" + std::string(text.substr(kOwn.size())) : std::string(text));
  if (!endpoint) return std::nullopt;
  out.kind = own ? Kind::own : Kind::fixed;
  out.address = endpoint->address;
  out.port = endpoint->port;
  return out;
}

std::optional<Endpoint> ListenAddress::resolve(const std::optional<IpAddress>& own) const {
  if (kind == Kind::fixed) return Endpoint{address, port};
  if (kind == Kind::own && own) return Endpoint{*own, port};
  return std::nullopt;
}

std::string ListenAddress::to_string() const {
  if (kind == Kind::unix_socket) return std::string(kUnix) + path;
  if (kind == Kind::own) return std::string(kOwn) + std::to_string(port);
  return Endpoint{address, port}.to_string();
}

Reader<ListenAddress> listen_address() {
  return reader("a listen address such as 192.0.2.1:80, [2001:db8::1]:80 or \"{edge}:80\"", false);
}

Reader<ListenAddress> listen_address_or_unix() {
  return reader("a listen address such as 127.0.0.1:9053, \"{edge}:9080\" or unix:/run/meridian/admin.sock", true);
}

}  // namespace shared::load

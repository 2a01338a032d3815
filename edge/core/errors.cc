#include "edge/core/errors.h"

#include <array>
#include <cstddef>

namespace edge {
namespace {

struct KindRow {
  std::uint16_t status;
  std::string_view name;
};

// By ErrorKind.
constexpr std::array<KindRow, 14> kKinds{{
    {400, "bad_request"},
    {408, "request_timeout"},
    {499, "client_closed"},
    {413, "body_too_large"},
    {404, "no_route"},
    {403, "forbidden"},
    {503, "no_server"},
    {503, "draining"},
    {502, "connect_refused"},
    {504, "connect_timeout"},
    {502, "upstream_reset"},
    {504, "upstream_timeout"},
    {502, "bad_response"},
    {500, "internal"},
}};
static_assert(kKinds.size() == static_cast<std::size_t>(ErrorKind::internal) + 1);

}  // namespace

std::uint16_t status_of(ErrorKind kind) { return kKinds[static_cast<std::size_t>(kind)].status; }

std::string_view name_of(ErrorKind kind) { return kKinds[static_cast<std::size_t>(kind)].name; }

}  // namespace edge

#include "dns/serve/control/alias_state.h"

#include <optional>
#include <utility>

#include <boost/json.hpp>

namespace dns {

namespace json = boost::json;
using shared::fail;
using shared::Result;

namespace {

const json::value* find(const json::value& value, std::string_view key) {
  return value.is_object() ? value.get_object().if_contains(key) : nullptr;
}

std::string text_of(const json::value& object, std::string_view key) {
  const json::value* const value = find(object, key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

Result<RememberedAlias> read_alias(const json::value& object) {
  RememberedAlias out;
  const auto target = Name::from_text(text_of(object, "target"));
  const std::string type = text_of(object, "type");
  const json::value* const addresses = find(object, "addresses");
  if (!target || (type != "A" && type != "AAAA") || addresses == nullptr || !addresses->is_array()) {
    return fail("an alias without a target, a type or addresses");
  }
  out.target = *target;
  out.type = type == "A" ? AddressType::a : AddressType::aaaa;
  const auto family = type == "A" ? shared::Family::ipv4 : shared::Family::ipv6;
  for (const json::value& element : addresses->get_array()) {
    const auto address =
        element.is_string() ? shared::IpAddress::parse(std::string_view(element.get_string())) : std::nullopt;
    if (!address || address->family != family) return fail("an alias with an address that is none of its type");
    out.addresses.push_back(*address);
  }
  return out;
}

}  // namespace

std::string write_aliases(const std::vector<RememberedAlias>& aliases) {
  json::array list;
  for (const RememberedAlias& alias : aliases) {
    json::array addresses;
    for (const auto& address : alias.addresses) addresses.push_back(json::value(address.to_string()));
    list.push_back({{"target", alias.target.to_text()},
                    {"type", alias.type == AddressType::a ? "A" : "AAAA"},
                    {"addresses", std::move(addresses)}});
  }
  return json::serialize(json::object{{"aliases", std::move(list)}}) + "\n";
}

Result<std::vector<RememberedAlias>> read_aliases(std::string_view text) {
  json::error_code error;
  const json::value document = json::parse(text, error);
  if (error) return fail("it is not JSON: " + error.message());
  const json::value* const list = find(document, "aliases");
  if (list == nullptr || !list->is_array()) return fail("it has no list 'aliases'");
  std::vector<RememberedAlias> aliases;
  for (const json::value& element : list->get_array()) {
    auto alias = read_alias(element);
    if (!alias) return fail(alias.error().message);
    aliases.push_back(std::move(*alias));
  }
  return aliases;
}

}  // namespace dns

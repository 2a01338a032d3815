#include "edge/core/cache/vary.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "shared/core/ascii.h"

namespace edge {
namespace {

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = shared::lower(c);
  return lower;
}

// Of one response: with more it is as good as `*`. Each request that finds one has each of them looked for.
constexpr std::size_t kMostNames = 32;
// Of a list that is put in order, as browsers send a few. A longer one is taken as it comes: who sends thousands is not
// worth the work of sorting them.
constexpr std::size_t kMostSorted = 32;

// Lists whose elements' order, case and spaces mean nothing.
bool is_preference(std::string_view name) { return name == "accept-encoding" || name == "accept-language"; }

// Lines are one list; white space at its commas means nothing.
void append_list(const http::FieldList& request, std::string_view name, std::string& out) {
  bool first = true;
  for (const http::Field& field : request) {
    if (!shared::equals_ignoring_case(field.name, name)) continue;
    if (std::exchange(first, false)) out.push_back('=');  // a field that is there and empty is not one that is absent
    if (field.value.find('"') != std::string_view::npos) {
      out.append(field.value).push_back(',');  // a comma may be a part of a string
      continue;
    }
    http::for_each_element(field.value, [&](std::string_view element) { out.append(element).push_back(','); });
  }
}

// At most: some may be empty.
std::size_t elements_in(const http::FieldList& request, std::string_view name) {
  std::size_t count = 0;
  for (const http::Field& field : request) {
    if (!shared::equals_ignoring_case(field.name, name)) continue;
    count += static_cast<std::size_t>(std::ranges::count(field.value, ',')) + 1;
  }
  return count;
}

// Elements without the spaces in them, in lower case, sorted: "gzip;q=1.0, br" and "BR,gzip;q=1.0".
void append_preference(const http::FieldList& request, std::string_view name, std::string& out) {
  if (elements_in(request, name) > kMostSorted) return append_list(request, name, out);
  std::vector<std::string> elements;
  for (const http::Field& field : request) {
    if (!shared::equals_ignoring_case(field.name, name)) continue;
    http::for_each_element(field.value, [&](std::string_view element) {
      std::string plain = lower_case(element);
      std::erase_if(plain, [](char c) { return c == ' ' || c == '\t'; });
      elements.push_back(std::move(plain));
    });
  }
  std::ranges::sort(elements);
  for (const std::string& element : elements) out.append(element).push_back(',');
}

}  // namespace

bool varies_by_everything(const http::FieldList& response) {
  if (!response.has(http::FieldId::vary)) return false;
  bool everything = false;
  std::size_t names = 0;
  for (const http::Field& field : response) {
    if (field.id != http::FieldId::vary) continue;
    http::for_each_element(field.value, [&](std::string_view name) {
      everything = everything || name == "*" || !http::is_token(name) || ++names > kMostNames;
    });
  }
  return everything;
}

bool varies_by_a_twin(const http::FieldList& request, const http::FieldList& response) {
  if (!response.has(http::FieldId::vary)) return false;
  bool twin = false;
  for (const http::Field& field : response) {
    if (field.id != http::FieldId::vary) continue;
    http::for_each_element(field.value, [&](std::string_view name) {
      twin = twin || std::ranges::any_of(request, [&](const http::Field& one) {
               return http::equals_as_twin(one.name, name) && !shared::equals_ignoring_case(one.name, name);
             });
    });
  }
  return twin;
}

std::string vary_names(const http::FieldList& response) {
  if (!response.has(http::FieldId::vary)) return {};
  std::vector<std::string> names;
  for (const http::Field& field : response) {
    if (field.id != http::FieldId::vary) continue;
    http::for_each_element(field.value, [&](std::string_view name) { names.push_back(lower_case(name)); });
  }
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  std::string joined;
  for (const std::string& name : names) {
    if (!joined.empty()) joined.push_back(',');
    joined += name;
  }
  return joined;
}

void append_vary_values(std::string_view names, const http::FieldList& request, std::string& out) {
  http::for_each_element(names, [&](std::string_view name) {
    if (is_preference(name)) {
      append_preference(request, name, out);
    } else {
      append_list(request, name, out);
    }
    out.push_back('\n');  // in no value
  });
}

}  // namespace edge

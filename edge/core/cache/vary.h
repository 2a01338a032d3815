#pragma once
// Vary (RFC 9110 12.5.5): which fields of the request a response depends on, and what they say there, normalised so
// that requests which mean the same are the same (RFC 9111 4.1). Pure functions, any thread.

#include <string>
#include <string_view>

#include "shared/http/fields.h"

namespace edge {

// "*" is among its elements, or it is no list of names.
[[nodiscard]] bool varies_by_everything(const http::FieldList& response);
// Has the request a field that frameworks may take for one that Vary names, as Accept_Language for Accept-Language?
[[nodiscard]] bool varies_by_a_twin(const http::FieldList& request, const http::FieldList& response);

// The names of all lines, in lower case, sorted, each once, joined by commas; empty: it does not vary.
[[nodiscard]] std::string vary_names(const http::FieldList& response);

// What the request says in those fields: `names` as vary_names() makes them. Two requests with the same text get the
// same variant. Appends to `out`.
void append_vary_values(std::string_view names, const http::FieldList& request, std::string& out);

}  // namespace edge

#pragma once
// What both servers read alike from a request to their admin ports. Pure; control loop.

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "shared/core/result.h"
#include "shared/core/time.h"
#include "shared/serve/admin/admin.h"

namespace shared {

// The first parameter that a request of this kind does not have, as an error: what is misspelt must not be a wider wish
// than was meant. `hint` is added: where such a parameter is known.
[[nodiscard]] Result<void> only_params(const AdminRequest& request, std::initializer_list<std::string_view> known,
                                       std::string_view hint = {});

// `expires=SECONDS`; nothing: not said.
[[nodiscard]] Result<std::optional<Duration>> expires_of(const AdminRequest& request);

}  // namespace shared

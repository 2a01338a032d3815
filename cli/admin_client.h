#pragma once
// One request to a server's admin port: HTTP/1.1, one connection, blocking with a deadline. For the command line only.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/core/result.h"
#include "shared/core/time.h"
#include "shared/serve/admin/admin.h"

namespace cli {

struct AdminCall {
  shared::AdminMethod method = shared::AdminMethod::get;
  std::string path;                                        // "/status"
  std::vector<std::pair<std::string, std::string>> query;  // encoded here
  std::string key;                                         // of admin.key; empty: none
  shared::Duration timeout = shared::seconds(30);          // a reload of a big configuration takes its time
  // A server that says that it builds a new configuration is waited for, `timeout` after `timeout`.
  bool while_building = false;
};

// Whether a server says that it builds a new configuration.
[[nodiscard]] bool is_building(const std::string& address);

// The answer, whatever its status. An error says what to do: is the server running, is this its admin address?
[[nodiscard]] shared::Result<shared::AdminResponse> call_admin(const std::string& address, const AdminCall& call);

// The same, where any status but 200 is an error that carries the server's words.
[[nodiscard]] shared::Result<std::string> fetch(const std::string& address, const AdminCall& call);

}  // namespace cli

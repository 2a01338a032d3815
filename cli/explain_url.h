#pragma once
// `meridian explain --url`: one trace from the name to the server. From a configuration file, with every server up and
// every name found, or by the DNS nodes and edges that run; either way it is the servers' own code that says what it
// would do. One thread.

#include <string>
#include <vector>

#include "cli/command.h"

namespace cli {

struct UrlQuestion {
  std::string url;
  std::string method = "GET";
  std::vector<std::string> headers;
  std::string client;    // an address; empty: this machine
  std::string resolver;  // that asks DNS; empty: this machine
  std::string file;      // a configuration
  std::vector<std::string> servers;
  std::vector<std::string> down;  // regions
  std::string region;             // whose edge is asked; empty: where DNS leads
  bool running = false;           // the servers of the file, and not the file
  bool json = false;
};

Exit explain_url(const UrlQuestion& question);

}  // namespace cli

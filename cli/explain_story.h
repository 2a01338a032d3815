#pragma once
// Story: all that was found out about one URL, from the name to the server: what DNS nodes and edges have said of it,
// as the JSON that their /explain gives, and how it is told. The words of a file's configuration and of running servers
// go through here alike. Pure, any thread.

#include <string>
#include <vector>

#include <boost/json.hpp>

namespace cli {

struct Told {
  std::string by;  // an admin address, or a file
  boost::json::object said;
};

struct Story {
  std::string asked;   // "GET https://www.example.com/api/x"
  std::string client;  // empty: not said
  std::vector<Told> dns;
  std::vector<Told> edges;
  std::vector<std::string> notes;  // what could not be asked, and why
};

// The region and the addresses that the first DNS node answers with.
[[nodiscard]] std::string region_of(const Story& story);
[[nodiscard]] std::vector<std::string> addresses_in(const boost::json::object& dns);

// "region eu, edge 192.0.2.10, route api, pool web, server 10.0.1.10:8080"
[[nodiscard]] std::string in_short(const Story& story);

[[nodiscard]] std::string to_words(const Story& story);
[[nodiscard]] std::string to_json(const Story& story);

}  // namespace cli

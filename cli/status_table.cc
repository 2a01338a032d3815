#include "cli/status_table.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <vector>

#include <boost/json.hpp>

namespace cli {
namespace {

namespace json = boost::json;
using Row = std::vector<std::string>;

std::string text(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::uint64_t number(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  if (value == nullptr) return 0;
  json::error_code error;
  const auto whole = value->to_number<std::uint64_t>(error);
  return error ? 0 : whole;
}

bool flag(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

const json::array* list(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr ? value->if_array() : nullptr;
}

std::optional<json::object> parse(std::string_view body) {
  json::error_code error;
  const auto value = json::parse(json::string_view(body.data(), body.size()), error);
  if (error || !value.is_object()) return std::nullopt;
  return value.get_object();
}

// Each element of the list of that name in each pool.
template <class Visit>
void for_each_in(const json::object& status, std::string_view name, Visit visit) {
  const json::array* pools = list(status, "pools");
  if (pools == nullptr) return;
  for (const auto& pool : *pools) {
    const json::array* elements = pool.is_object() ? list(pool.get_object(), name) : nullptr;
    if (elements == nullptr) continue;
    for (const auto& element : *elements) {
      if (element.is_object()) visit(pool.get_object(), element.get_object());
    }
  }
}

std::map<std::string, std::uint64_t> requests_of(const json::object& status) {
  std::map<std::string, std::uint64_t> requests;
  for_each_in(status, "servers", [&](const json::object& pool, const json::object& server) {
    requests[text(pool, "pool") + "/" + text(server, "server")] = number(server, "requests");
  });
  return requests;
}

std::string millis(std::uint64_t micros) {
  std::array<char, 32> out{};
  const int n = std::snprintf(out.data(), out.size(), "%.1f", static_cast<double>(micros) / 1000.0);
  return {out.data(), static_cast<std::size_t>(n)};
}

std::string per_second(std::uint64_t more, double seconds) {
  std::array<char, 32> out{};
  const int n = std::snprintf(out.data(), out.size(), "%.0f", static_cast<double>(more) / seconds);
  return {out.data(), static_cast<std::size_t>(n)};
}

std::string aligned(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      std::string cell = row[i];
      cell.resize(widths[i] + 2, ' ');
      line += cell;
    }
    line.resize(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

// "drained since 2026-03-01T10:00:00Z: kernel"; empty without such a word.
std::string word_text(const json::object& server, std::string_view key) {
  const auto* word = server.if_contains(key);
  if (word == nullptr || !word->is_object()) return {};
  const json::object& object = word->get_object();
  const std::uint64_t weight = number(object, "weight");
  std::string said = (weight == 0 ? "drained" : "weight " + std::to_string(weight)) + " since " + text(object, "since");
  if (const std::string because = text(object, "reason"); !because.empty()) said += ": " + because;
  return said;
}

// The operator's words, then what the checks say.
std::string why(const json::object& server) {
  std::string all;
  for (const std::string& part :
       {word_text(server, "override"), word_text(server, "weight_override"), text(server, "reason")}) {
    if (!part.empty()) all += (all.empty() ? "" : "; ") + part;
  }
  return all;
}

std::string drained_text(const json::object& status) {
  const auto* word = status.if_contains("override");
  if (word == nullptr || !word->is_object()) return {};
  return ", drained since " + text(word->get_object(), "since") +
         " by an operator: " + text(word->get_object(), "reason");
}

std::string head_line(const json::object& status) {
  std::uint64_t connections = 0;
  std::uint64_t in_flight = 0;
  if (const json::array* workers = list(status, "workers")) {
    for (const auto& worker : *workers) {
      if (!worker.is_object()) continue;
      connections += number(worker.get_object(), "connections");
      in_flight += number(worker.get_object(), "in_flight");
    }
  }
  return text(status, "service") + " " + text(status, "region") + " " + text(status, "node") + ": " +
         text(status, "state") + ", generation " + std::to_string(number(status, "generation")) + ", " +
         std::to_string(connections) + " connections, " + std::to_string(in_flight) + " requests in flight" +
         drained_text(status) + "\n";
}

// "scale web: 7 wanted, 5 there, 4 serve (1 to 20, on): cpu 84 %, target 70 %", and who is told of it.
std::string scale_lines(const json::object& status) {
  std::string lines;
  for (const auto& pool : *list(status, "pools")) {
    const auto* scale = pool.is_object() ? pool.get_object().if_contains("autoscale") : nullptr;
    if (scale == nullptr || !scale->is_object()) continue;
    const json::object& one = scale->get_object();
    const auto count = [&one](std::string_view key) { return std::to_string(number(one, key)); };
    lines += "scale " + text(pool.get_object(), "pool") + ": " + count("desired") + " wanted, " + count("servers") +
             " there, " + count("serving") + " serve (" + count("min") + " to " + count("max") + ", " +
             text(one, "mode") + "): " + text(one, "reason") + "\n";
  }
  const auto* scaler = status.if_contains("scaler");
  if (scaler != nullptr && scaler->is_object()) {
    const json::object& told = scaler->get_object();
    const std::string problem = text(told, "problem");
    lines += "scaler: " + text(told, "speaks") + " speaks, " + std::to_string(number(told, "delivered")) +
             " calls taken, " + std::to_string(number(told, "failed")) + " failed, " +
             std::to_string(number(told, "waiting")) + " wait" + (problem.empty() ? "" : ": " + problem) + "\n";
  }
  return lines.empty() ? lines : "\n" + lines;
}

}  // namespace

shared::Result<std::string> edge_table(std::string_view body, const EarlierStatus& earlier) {
  const auto status = parse(body);
  if (!status) return shared::fail("not JSON");
  if (list(*status, "pools") == nullptr) return shared::fail("not the status of an edge");
  const auto before = parse(earlier.json);
  const auto old = before ? requests_of(*before) : std::map<std::string, std::uint64_t>();
  std::vector<Row> rows{{"POOL", "SERVER", "STATE", "BREAKER", "IN FLIGHT", "REQUESTS", "PER S", "FAILED", "RETRIES",
                         "P50 MS", "P99 MS", "WHY"}};
  for_each_in(*status, "servers", [&](const json::object& pool, const json::object& server) {
    const std::string name = text(pool, "pool") + "/" + text(server, "server");
    const std::uint64_t requests = number(server, "requests");
    const auto was = old.find(name);
    const bool rated = was != old.end() && was->second <= requests && earlier.seconds > 0;
    rows.push_back({text(pool, "pool") + (flag(pool, "panic") ? " PANIC" : ""), text(server, "server"),
                    text(server, "state"), text(server, "breaker"), std::to_string(number(server, "in_flight")),
                    std::to_string(requests), rated ? per_second(requests - was->second, earlier.seconds) : "-",
                    std::to_string(number(server, "failures")), std::to_string(number(server, "retries")),
                    millis(number(server, "p50_us")), millis(number(server, "p99_us")), why(server)});
  });
  for_each_in(*status, "sources", [&](const json::object& pool, const json::object& source) {
    if (text(source, "state") == "found") return;
    rows.push_back({text(pool, "pool"), text(source, "source"), text(source, "state"), "-", "-", "-", "-", "-", "-",
                    "-", "-", text(source, "reason")});
  });
  return head_line(*status) + "\n" + aligned(rows) + scale_lines(*status);
}

}  // namespace cli

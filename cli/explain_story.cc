#include "cli/explain_story.h"

#include <algorithm>
#include <string_view>

namespace cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kTopicWidth = 13;  // columns

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_string()) return {};
  return std::string(value->as_string());
}

const json::object* object_in(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr ? value->if_object() : nullptr;
}

const json::array* array_in(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr ? value->if_array() : nullptr;
}

void line(std::string& out, std::string_view topic, std::string_view text) {
  std::string head = "  " + std::string(topic);
  head.resize(std::max(kTopicWidth, head.size() + 1), ' ');
  out.append(head).append(text).append("\n");
}

void write_why(std::string& out, const json::object& said) {
  const json::array* why = array_in(said, "why");
  if (why == nullptr) return;
  for (const json::value& each : *why) {
    if (const json::object* one = each.if_object()) line(out, text_of(*one, "topic"), text_of(*one, "text"));
  }
}

void write_dns(std::string& out, const Told& told) {
  out += "\nWhere DNS sends the client, by " + told.by + "\n";
  if (const json::object* question = object_in(told.said, "question")) {
    line(out, "question", text_of(*question, "name") + " " + text_of(*question, "type"));
    const std::string client = text_of(*question, "client");
    line(out, "client", client.empty() ? "not known: no client subnet" : client + ", as a client subnet");
  }
  write_why(out, told.said);
  const json::object* reply = object_in(told.said, "reply");
  if (reply == nullptr) return line(out, "reply", "none");
  const json::array* answer = array_in(*reply, "answer");
  if (answer == nullptr) return line(out, "reply", text_of(*reply, "rcode") + ", no record");
  for (const json::value& record : *answer) {
    if (!record.is_string()) continue;
    std::string text(record.as_string());
    std::ranges::replace(text, '\t', ' ');
    line(out, "reply", text);
  }
}

// "10.0.0.1 of region eu"
std::string name_of_edge(const Told& told) {
  const json::object* edge = object_in(told.said, "edge");
  return edge == nullptr ? told.by : text_of(*edge, "node") + " of region " + text_of(*edge, "region");
}

bool is_chosen(const Story& story, const Told& told) {
  const std::string region = region_of(story);
  const json::object* edge = object_in(told.said, "edge");
  return region.empty() || edge == nullptr || text_of(*edge, "region") == region;
}

void write_edge(std::string& out, const Story& story, const Told& told) {
  out += "\nWhat becomes of the request at edge " + name_of_edge(told) + ", by " + told.by + "\n";
  if (!is_chosen(story, told)) line(out, "region", "not the one where DNS sends this client: " + region_of(story));
  write_why(out, told.said);
  line(out, "answer", text_of(told.said, "answer"));
}

const Told* chosen_edge(const Story& story) {
  const auto found = std::ranges::find_if(story.edges, [&](const Told& told) { return is_chosen(story, told); });
  return found != story.edges.end() ? &*found : nullptr;
}

}  // namespace

std::string region_of(const Story& story) {
  return story.dns.empty() ? std::string() : text_of(story.dns.front().said, "region");
}

std::vector<std::string> addresses_in(const json::object& dns) {
  std::vector<std::string> addresses;
  const json::object* reply = object_in(dns, "reply");
  const json::array* answer = reply == nullptr ? nullptr : array_in(*reply, "answer");
  if (answer == nullptr) return addresses;
  for (const json::value& record : *answer) {
    if (!record.is_string()) continue;
    const std::string_view text(record.as_string());
    const bool is_address =
        text.find("\tA\t") != std::string_view::npos || text.find("\tAAAA\t") != std::string_view::npos;
    if (is_address) addresses.emplace_back(text.substr(text.rfind('\t') + 1));
  }
  return addresses;
}

std::string in_short(const Story& story) {
  std::string words;
  const auto add = [&words](const std::string& part) {
    if (!part.empty()) words += (words.empty() ? "" : ", ") + part;
  };
  const std::string region = region_of(story);
  if (!region.empty()) {
    add("region " + region);
  } else if (!story.dns.empty()) {
    const auto addresses = addresses_in(story.dns.front().said);
    add(addresses.empty() ? "DNS has no address for it" : "DNS answers " + addresses.front() + ", by no policy");
  }
  const Told* edge = chosen_edge(story);
  if (edge != nullptr) {
    if (const json::object* its = object_in(edge->said, "edge")) add("edge " + text_of(*its, "node"));
    add(text_of(edge->said, "answer"));
  } else if (!story.edges.empty()) {
    add("none of whose edges was asked");
  }
  return words.empty() ? "nobody could be asked" : words;
}

std::string to_words(const Story& story) {
  std::string out = story.asked + (story.client.empty() ? std::string() : ", by " + story.client) + "\n";
  for (const Told& told : story.dns) write_dns(out, told);
  for (const Told& told : story.edges) write_edge(out, story, told);
  if (!story.notes.empty()) out += "\n";
  for (const std::string& note : story.notes) out += "Note: " + note + "\n";
  return out + "\nIn short: " + in_short(story) + "\n";
}

std::string to_json(const Story& story) {
  const auto list = [](const std::vector<Told>& all) {
    json::array out;
    for (const Told& told : all) {
      json::object one{{"by", told.by}};
      for (const auto& [key, value] : told.said) one[key] = value;
      out.push_back(std::move(one));
    }
    return out;
  };
  json::array notes;
  for (const std::string& note : story.notes) notes.push_back(json::value(note));
  const json::object document{
      {"asked", story.asked},      {"client", story.client.empty() ? json::value(nullptr) : json::value(story.client)},
      {"dns", list(story.dns)},    {"edges", list(story.edges)},
      {"notes", std::move(notes)}, {"answer", in_short(story)}};
  return json::serialize(document) + "\n";
}

}  // namespace cli

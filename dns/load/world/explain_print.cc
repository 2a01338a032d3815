// An Explanation as text for people and as JSON for programs.
#include <algorithm>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "dns/load/world/explain.h"
#include "shared/load/idn.h"

namespace dns {

namespace json = boost::json;

namespace {

constexpr std::size_t kTopicWidth = 10;  // columns

void line(std::string& out, std::string_view topic, std::string_view text) {
  std::string head(topic);
  head.resize(std::max(kTopicWidth, head.size() + 1), ' ');
  out.append(head).append(text).append("\n");
}

std::string reply_line(const Explanation& explanation) {
  if (!explanation.replied) return "none";
  std::string text = explanation.rcode + (explanation.authoritative ? ", authoritative" : "");
  if (explanation.subnet) {
    text += ", client subnet source /" + std::to_string(explanation.subnet->source) + " scope /" +
            std::to_string(explanation.subnet->scope);
  }
  return text + ", " + std::to_string(explanation.octets) + " octets";
}

json::array lines_of(const Explanation& explanation) {
  json::array lines;
  for (const auto& [topic, text] : explanation.lines) lines.push_back({{"topic", topic}, {"text", text}});
  return lines;
}

json::value reply_of(const Explanation& explanation) {
  if (!explanation.replied) return nullptr;
  json::object reply{
      {"rcode", explanation.rcode}, {"authoritative", explanation.authoritative}, {"octets", explanation.octets}};
  if (explanation.subnet) {
    reply["subnet"] = json::object{{"source", explanation.subnet->source}, {"scope", explanation.subnet->scope}};
  }
  for (const auto& [name, records] : explanation.sections) {
    json::array list;
    for (const std::string& record : records) list.push_back(json::value(record));
    reply[name] = std::move(list);
  }
  return reply;
}

json::value text_or_null(const std::optional<std::string>& text) {
  return text ? json::value(*text) : json::value(nullptr);
}

// " (bücher.example.)" behind a name that people read in another form.
std::string in_unicode(const std::string& name) {
  const std::string unicode = shared::load::to_unicode(name);
  return unicode == name ? std::string() : " (" + unicode + ")";
}

}  // namespace

std::string to_text(const Explanation& explanation) {
  std::string out;
  const auto& client = explanation.question.client;
  line(out, "question", explanation.name + " " + explanation.type + in_unicode(explanation.name));
  line(out, "resolver", explanation.question.resolver.to_string());
  line(out, "client", client ? client->to_string() + ", as a client subnet" : "not known: no client subnet");
  for (const auto& [topic, text] : explanation.lines) line(out, topic, text);
  line(out, "reply", reply_line(explanation));
  for (const auto& [name, records] : explanation.sections) {
    out.append("\n").append(name).append("\n");
    for (const std::string& record : records) out.append("  ").append(record).append("\n");
  }
  return out;
}

std::string to_json(const Explanation& explanation) {
  const auto& client = explanation.question.client;
  json::object question{{"name", explanation.name},
                        {"type", explanation.type},
                        {"resolver", explanation.question.resolver.to_string()},
                        {"client", client ? json::value(client->to_string()) : json::value(nullptr)}};
  const std::string unicode = shared::load::to_unicode(explanation.name);
  if (unicode != explanation.name) question["unicode"] = unicode;
  const json::object document{{"question", question},
                              {"policy", text_or_null(explanation.policy)},
                              {"region", text_or_null(explanation.region)},
                              {"why", lines_of(explanation)},
                              {"reply", reply_of(explanation)}};
  return json::serialize(document) + "\n";
}

}  // namespace dns

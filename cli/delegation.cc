#include "cli/delegation.h"

#include <algorithm>
#include <utility>

namespace cli {
namespace {

bool inside(const std::string& name, const std::string& zone) {
  return name == zone || (name.size() > zone.size() && name.ends_with("." + zone));
}

std::string joined(const std::set<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out.empty() ? "none" : out;
}

class Judge {
 public:
  explicit Judge(const Delegation& delegation) : zone_(delegation) {}

  Judged judged() {
    for (const NodeAnswers& node : zone_.nodes) of_node(node);
    if (zone_.nodes.size() < 2) wrong("one name server alone: registries want two, on different networks");
    agreement();
    glue();
    if (zone_.parent_asked) {
      say(!zone_.ds_at_parent, "no DS record at the parent",
          "a DS record at the parent: the zone is not signed, and validating resolvers refuse it; have it removed");
    }
    if (out_.good) for_the_registrar();
    return std::move(out_);
  }

 private:
  void say(bool good, const std::string& what, const std::string& otherwise) {
    out_.lines.push_back(good ? "good   " + what : "WRONG  " + otherwise);
    out_.good = out_.good && good;
  }
  void wrong(const std::string& what) { say(false, "", what); }

  void of_node(const NodeAnswers& node) {
    if (!node.problem.empty()) return wrong(node.address + ": " + node.problem);
    say(node.authoritative && node.serial.has_value(), node.address + " is authoritative",
        node.address + " does not answer with authority: is the zone in its configuration?");
    say(node.tcp, node.address + " answers over TCP", node.address + " does not answer over TCP: a firewall?");
    say(node.edns, node.address + " knows EDNS", node.address + " does not answer with EDNS");
  }

  void agreement() {
    std::set<std::string> serials;
    std::set<std::set<std::string>> sets;
    for (const NodeAnswers& node : zone_.nodes) {
      if (node.serial) serials.insert(std::to_string(*node.serial));
      if (node.problem.empty()) sets.insert(node.name_servers);
    }
    if (serials.empty()) return;
    say(serials.size() == 1, "serial " + *serials.begin() + " everywhere", "serials differ: " + joined(serials));
    say(sets.size() == 1, "name servers everywhere: " + joined(*sets.begin()), "the nodes name different name servers");
  }

  // The addresses inside the zone are the glue; together they are the servers that were asked.
  void glue() {
    std::set<std::string> glued;
    bool all_inside = true;
    for (const NodeAnswers& node : zone_.nodes) {
      for (const std::string& name : node.name_servers) {
        if (!inside(name, zone_.zone)) {
          all_inside = false;
          continue;
        }
        const auto found = node.addresses.find(name);
        if (found == node.addresses.end() || found->second.empty()) {
          wrong(name + " has no address at " + node.address + ": it is inside the zone, and needs glue");
          continue;
        }
        glued.insert(found->second.begin(), found->second.end());
        if (glue_[name].empty()) glue_[name] = found->second;
        if (glue_[name] != found->second) wrong(name + " has different addresses at " + node.address);
      }
    }
    for (const NodeAnswers& node : zone_.nodes) {
      if (all_inside && !glued.empty() && !glued.contains(node.address)) {
        wrong(node.address + " was asked, and is the address of no name server of the zone");
      }
    }
  }

  void for_the_registrar() {
    out_.lines.emplace_back("");
    out_.lines.push_back("For the registrar, " + zone_.zone);
    for (const std::string& name : zone_.nodes.front().name_servers) {
      const auto found = glue_.find(name);
      out_.lines.push_back("  NS " + name + (found == glue_.end() ? "" : "  glue " + joined(found->second)));
    }
    out_.lines.emplace_back("  DS none");
  }

  const Delegation& zone_;
  std::map<std::string, std::set<std::string>> glue_;
  Judged out_;
};

}  // namespace

Judged judge(const Delegation& delegation) { return Judge(delegation).judged(); }

}  // namespace cli

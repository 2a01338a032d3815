#include "cli/server_word.h"

#include <memory>
#include <string>
#include <utility>

#include "cli/servers.h"
#include "cli/word_options.h"

namespace cli {
namespace {

struct Word {
  ServerOptions servers;
  std::string pool;
  std::string server;  // as configured: "10.0.1.10:8080"
  std::string weight;
  WordOptions said;
};

Exit tell(const Word& word, std::string path) {
  AdminCall call;
  call.method = shared::AdminMethod::post;
  call.path = std::move(path);
  call.query = {{"pool", word.pool}, {"server", word.server}};
  if (!word.weight.empty()) call.query.emplace_back("weight", word.weight);
  if (const auto put = put_word(word.said, call); !put) return complain(Exit::invalid, put.error().message);
  return ask_each(word.servers, Role::edge, call);
}

void add_options(shared::Parser parser, Word& word) {
  parser.option("SERVER", word.server, "The server as configured: 10.0.1.10:8080").required();
  parser.option("--pool", word.pool, "Its pool").required();
  add_server_options(parser, word.servers, FileAs::option);
}

}  // namespace

Command enable_command(shared::Parser parent) {
  auto word = std::make_shared<Word>();
  const auto parser = parent.command("enable", "Let a server of a pool that drains take requests again");
  add_options(parser, *word);
  parser.footer("Example: meridian enable 10.0.1.10:8080 --pool web");
  return {parser, [word] { return tell(*word, "/enable"); }};
}

Command weight_command(shared::Parser parent) {
  auto word = std::make_shared<Word>();
  const auto parser = parent.command("weight", "Give a server of a pool another weight while the edge runs");
  add_options(parser, *word);
  parser.option("WEIGHT", word->weight, "1 to 256, or default: as configured").required();
  add_word_options(parser, word->said, "`default`");
  parser.footer(
      "The word beats the file, and survives a reload and a restart.\n"
      "Example: meridian weight 10.0.1.10:8080 50 --pool web --reason \"warming up\" --expires 2h");
  return {parser, [word] { return tell(*word, "/weight"); }};
}

}  // namespace cli

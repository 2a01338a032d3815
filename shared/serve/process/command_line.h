#pragma once
// CommandLine: what may be said to a program when it is started. It owns the parser, CLI11, whose header takes longer
// to compile than most of our sources: only command_line.cc includes it. `Parser` and `Option` are handles, valid as
// long as their CommandLine. One thread.

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace shared {

class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  Option required() const;
  Option excludes(Option other) const;
  // Any other value is an error.
  Option one_of(std::initializer_list<const char*> words) const;
  // Of a list: each mention brings one value, and what follows it is none.
  Option one_each() const;
  // The help shows what the variable holds now.
  Option with_default() const;

 private:
  CLI::Option* option_;
};

// A program, or one of its commands.
class Parser {
 public:
  explicit Parser(CLI::App* app) : app_(app) {}

  [[nodiscard]] Parser command(const std::string& name, const std::string& help) const;
  // One of its commands has to be said.
  void require_command() const;
  // Whether the command line says this command.
  [[nodiscard]] bool said() const;

  // "--zone", or "ZONE" for an argument that has its place. The variable outlives the parser.
  Option option(const std::string& name, std::string& into, const std::string& help) const;
  Option option(const std::string& name, std::vector<std::string>& into, const std::string& help) const;
  Option option(const std::string& name, std::uint16_t& into, const std::string& help) const;
  Option flag(const std::string& name, bool& into, const std::string& help) const;
  // The one that was added under this name.
  [[nodiscard]] Option find(const std::string& name) const;

  void version(const std::string& text) const;  // what --version prints
  // What the help ends with.
  void footer(const std::string& text) const;

 private:
  CLI::App* app_;
};

class CommandLine {
 public:
  CommandLine(const std::string& program, const std::string& help);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  [[nodiscard]] Parser parser() const { return Parser(app_.get()); }

  // With a value the program ends with it as its status: 0 after --help and --version, 2 after what is wrong. It is
  // told.
  [[nodiscard]] std::optional<int> parse(int argc, const char* const* argv);

 private:
  std::unique_ptr<CLI::App> app_;
};

}  // namespace shared

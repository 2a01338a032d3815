#include "shared/serve/process/command_line.h"

#include <CLI/CLI.hpp>

namespace shared {
namespace {

constexpr int kWrong = 2;

}  // namespace

Option Option::required() const {
  option_->required();
  return *this;
}

Option Option::excludes(Option other) const {
  option_->excludes(other.option_);
  return *this;
}

Option Option::one_of(std::initializer_list<const char*> words) const {
  option_->check(CLI::IsMember(std::vector<std::string>(words.begin(), words.end())));
  return *this;
}

Option Option::one_each() const {
  option_->allow_extra_args(false);
  return *this;
}

Option Option::with_default() const {
  option_->capture_default_str();
  return *this;
}

Parser Parser::command(const std::string& name, const std::string& help) const {
  return Parser(app_->add_subcommand(name, help));
}

void Parser::require_command() const { app_->require_subcommand(1); }

bool Parser::said() const { return app_->parsed(); }

Option Parser::option(const std::string& name, std::string& into, const std::string& help) const {
  return Option(app_->add_option(name, into, help));
}

Option Parser::option(const std::string& name, std::vector<std::string>& into, const std::string& help) const {
  return Option(app_->add_option(name, into, help));
}

Option Parser::option(const std::string& name, std::uint16_t& into, const std::string& help) const {
  return Option(app_->add_option(name, into, help));
}

Option Parser::flag(const std::string& name, bool& into, const std::string& help) const {
  return Option(app_->add_flag(name, into, help));
}

Option Parser::find(const std::string& name) const { return Option(app_->get_option(name)); }

void Parser::version(const std::string& text) const { app_->set_version_flag("--version", text); }

void Parser::footer(const std::string& text) const { app_->footer(text); }

CommandLine::CommandLine(const std::string& program, const std::string& help)
    : app_(std::make_unique<CLI::App>(help, program)) {}

CommandLine::~CommandLine() = default;

std::optional<int> CommandLine::parse(int argc, const char* const* argv) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app_->exit(problem) == 0 ? 0 : kWrong;
  }
  return std::nullopt;
}

}  // namespace shared

"""Completions for bash, zsh and fish: commands, options, the values of those that have a choice, and files elsewhere."""


def flags_of(word):
    return [name for option in word.options for name in option.names]


def bash(program):
    name = program.path[0]
    function = "_" + name.replace("-", "_")
    lines = [f"# bash completion for {name}; made from --help", f"{function}() {{",
             "  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} path= word",
             '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do', '    case "$path $word" in']
    for word in list(program.walk())[1:]:
        lines.append(f'      "{"".join(f" {part}" for part in word.path[1:])}") path+=" $word" ;;')
    lines += ["      *) ;;", "    esac", "  done", '  case "$path:$before" in']
    for word in program.walk():
        for option in word.options:
            at = "".join(f" {part}" for part in word.path[1:])
            for flag in option.names if option.value else ():
                words = f'$(compgen -W "{" ".join(option.choices)}" -- "$current")' if option.choices else '$(compgen -f -- "$current")'
                lines.append(f'    "{at}:{flag}") mapfile -t COMPREPLY <<<"{words}"; return ;;')
    lines += ["    *) ;;", "  esac", '  case "$path" in']
    for word in program.walk():
        at = "".join(f" {part}" for part in word.path[1:])
        offered = " ".join([command.path[-1] for command in word.commands] + flags_of(word))
        lines.append(f'    "{at}") word="{offered}" ;;')
    lines += ["  esac", '  mapfile -t COMPREPLY < <(compgen -W "$word" -- "$current"; [[ $current == -* || -z $path$current ]] || compgen -f -- "$current")', "}",
              f"complete -o filenames -F {function} {name}", ""]
    return "\n".join(lines)


def quoted(text):
    return text.replace("'", "'\\''")


def zsh_specs(word):
    specs = []
    for option in word.options:
        about = quoted(option.help).replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")
        value = "" if not option.value else (f":value:({' '.join(option.choices)})" if option.choices else ":value:_files")
        star = "*" if option.repeats else ""
        specs += [f"'{star}{name}[{about}]{value}'" for name in option.names]
    return specs


def zsh(program):
    name = program.path[0]
    lines = [f"#compdef {name}", "# made from --help"]
    for word in reversed(list(program.walk())):
        function = "_" + "_".join(word.path).replace("-", "_")
        lines.append(f"{function}() {{")
        if word.commands:
            about = " ".join("'" + quoted(f"{c.path[-1]}:{c.about.replace(':', ' -')}") + "'" for c in word.commands)
            lines += ["  local line state", "  _arguments -C \\"]
            lines += [f"    {spec} \\" for spec in zsh_specs(word)]
            lines += ["    '1: :->command' '*::argument:->arguments'", "  case $state in",
                      f"    command) local -a commands=({about}); _describe command commands ;;", "    arguments)", "      case $line[1] in"]
            lines += [f"        {c.path[-1]}) _{'_'.join(c.path).replace('-', '_')} ;;" for c in word.commands]
            lines += ["      esac ;;", "  esac"]
        else:
            lines.append("  _arguments \\")
            lines += [f"    {spec} \\" for spec in zsh_specs(word)]
            lines.append("    '*:argument:_files'")
        lines.append("}")
    return "\n".join([*lines, f"_{name.replace('-', '_')} \"$@\"", ""])


def fish(program):
    name = program.path[0]
    lines = [f"# fish completion for {name}; made from --help"]
    for word in program.walk():
        path = word.path[1:]
        here = "; and ".join(f"__fish_seen_subcommand_from {part}" for part in path) or ("__fish_use_subcommand" if word.commands else "true")
        if path and word.commands:
            here += "; and not __fish_seen_subcommand_from " + " ".join(c.path[-1] for c in word.commands)
        for command in word.commands:
            lines.append(f"complete -c {name} -f -n '{here}' -a {command.path[-1]} -d '{quoted(command.about)}'")
        for option in word.options:
            names = " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.names)
            value = "" if not option.value else (f" -x -a '{' '.join(option.choices)}'" if option.choices else " -r")
            lines.append(f"complete -c {name} -n '{here}' {names}{value} -d '{quoted(option.help)}'")
    return "\n".join([*lines, ""])


def render(programs):
    out = {}
    for program in programs:
        name = program.path[0]
        out[f"bash-completion/completions/{name}"] = bash(program)
        out[f"zsh/vendor-completions/_{name}"] = zsh(program)
        out[f"fish/vendor_completions.d/{name}.fish"] = fish(program)
    return out

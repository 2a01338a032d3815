"""Reads a program's --help, and that of each of its commands, into Word trees. What is not understood is an error: a page that
leaves an option out would lie."""
import dataclasses
import re
import subprocess


@dataclasses.dataclass
class Option:
    names: list          # ["-h", "--help"]; a positional: ["FILE"]
    value: str           # "TEXT ...", "" for a flag
    help: str
    choices: list        # of TEXT:{a,b}

    @property
    def repeats(self):
        return "..." in self.value


@dataclasses.dataclass
class Word:
    path: list           # ["meridian", "geo", "lookup"]
    about: str
    usage: str
    positionals: list
    options: list
    commands: list
    footer: list

    def walk(self):
        yield self
        for command in self.commands:
            yield from command.walk()


def ask(program, *arguments):
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=True).stdout


def option_of(head, text):
    """`--server TEXT ... Excludes: FILE`: the names, the value, and the constraint as a sentence of its own."""
    excludes = re.search(r"(?: |^)Excludes: (.*)$", head)
    if excludes:
        head, text = head[:excludes.start()], f"{text}. Not together with {', '.join(excludes.group(1).split())}"
    names, _, value = head.strip().partition(" ")
    choices = re.search(r"\{([^}]*)\}", value)
    return Option(names.split(","), value.replace("REQUIRED", "").strip(), text, choices.group(1).split(",") if choices else [])


def rows_of(lines):
    """The two columns of a section; a head that is too long has its text in the next line."""
    rows = []
    for line in lines:
        found = re.match(r"^  (\S.*?)(?:  +(\S.*))?$", line)
        if found:
            rows.append([found.group(1), found.group(2) or ""])
        elif line.startswith("   ") and rows:
            rows[-1][1] = (rows[-1][1] + " " + line.strip()).strip()
        else:
            raise SystemExit(f"manuals: cannot read this line of --help: {line!r}")
    return rows


def read(program, path=()):
    path = list(path)
    lines = ask(program, *path, "--help").splitlines()
    about, usage, sections, footer, section = lines[0], "", {}, [], None
    for line in lines[1:]:
        heading = re.match(r"^(Positionals|Options|Subcommands):$", line)
        if line.startswith("Usage: "):
            usage = re.sub(r"^\S*/", "", line[len("Usage: "):])
        elif heading:
            section = sections.setdefault(heading.group(1), [])
        elif section is not None and line.startswith("  ") and not footer:
            section.append(line)
        elif line.strip() or footer:
            footer.append(line)
    options = [option_of(*row) for row in rows_of(sections.get("Options", []))]
    positionals = [option_of(*row) for row in rows_of(sections.get("Positionals", []))]
    commands = [read(program, [*path, row[0]]) for row in rows_of(sections.get("Subcommands", []))]
    return Word([program.name, *path], about, usage, positionals, options, commands, footer)

"""Man pages: one for each program, meridian-COMMAND(1) for each command, meridian.yaml(5) from the configuration reference."""
import re

SECTIONS = {"meridian": 1, "meridian-dns": 8, "meridian-edge": 8}
FILES = [("/etc/meridian/meridian.yaml", "The configuration of all nodes, see meridian.yaml(5)"),
         ("/var/lib/meridian", "The state directory: operator's words, health, the last good configuration, admin sockets"),
         ("/var/log/meridian", "Access logs")]


def escape(text):
    return text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")


def line_of(text):
    """A line of text: one that begins with a dot would be a request."""
    return "\\&" + text if text.startswith(".") else text


def title(name, section, about):
    short = about[0].lower() + about[1:].rstrip(".") if not about[:2].isupper() else about.rstrip(".")
    return [f'.TH {name.upper()} {section} "" "Meridian" "Meridian"', ".SH NAME", f"{escape(name)} \\- {escape(short)}"]


def options(heading, rows):
    out = [f".SH {heading}"] if rows else []
    for row in rows:
        names = ", ".join(f"\\fB{escape(name)}\\fR" for name in row.names)
        value = f" \\fI{escape(row.value)}\\fR" if row.value else ""
        out += [".TP", names + value, line_of(escape(row.help))]
    return out


def notes(word):
    out = [".SH NOTES", ".nf"] if word.footer else []
    return out + [line_of(escape(line)) for line in word.footer] + ([".fi"] if word.footer else [])


def page_of(word, section):
    out = title("-".join(word.path), section, word.about)
    out += [".SH SYNOPSIS", f".B {escape(word.usage)}", ".SH DESCRIPTION", escape(word.about)]
    out += options("ARGUMENTS", word.positionals) + options("OPTIONS", word.options)
    if word.commands:
        out.append(".SH COMMANDS")
        for command in word.commands:
            name = "-".join(command.path)
            out += [".TP", f"\\fB{escape(command.path[-1])}\\fR", f"{escape(command.about)}; see {escape(name)}(1)"]
    out += notes(word)
    if len(word.path) == 1:
        out.append(".SH FILES")
        for path, meaning in FILES:
            out += [".TP", f".I {escape(path)}", escape(meaning)]
    return "\n".join([*out, ".SH SEE ALSO", "meridian(1), meridian\\-dns(8), meridian\\-edge(8), meridian.yaml(5)", ""])


def inline(text):
    """Markdown's code and links; the rest as it is."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    parts = text.split("`")
    return line_of("".join(f"\\fB{escape(part)}\\fR" if at % 2 else escape(part) for at, part in enumerate(parts)))


def reference_page(reference):
    out = title("meridian.yaml", 5, "the configuration of Meridian")
    out.append(".SH DESCRIPTION")
    for line in reference.splitlines()[1:]:
        row = re.split(r"(?<!\\)\|", line)[1:-1] if line.startswith("| ") else None
        if row and row[0].strip() in ("option", "---"):
            continue
        if row:
            key, kind, default, meaning = (cell.strip().replace("\\|", "|") for cell in row)
            default = "" if default in ("", "none", "required") and default != "required" else f"; {default if default == 'required' else 'default ' + default}"
            out += [".TP", f"{inline(key)} ({inline(kind)}{inline(default)})", inline(meaning) or "."]
        elif line.startswith("## "):
            out.append(f'.SH "{escape(line[3:].strip("`").upper() if "." not in line else line[3:].strip("`"))}"')
        elif line.startswith("- "):
            out += [".IP \\(bu 2", inline(line[2:])]
        elif line.strip():
            out.append(inline(line.strip()))
        else:
            out.append(".PP")
    return "\n".join([*out, ".SH SEE ALSO", "meridian(1), meridian\\-dns(8), meridian\\-edge(8)", ""])


def render(programs, reference):
    out = {"man/man5/meridian.yaml.5": reference_page(reference)}
    for program in programs:
        section = SECTIONS[program.path[0]]
        for word in program.walk():
            out[f"man/man{section}/{'-'.join(word.path)}.{section}"] = page_of(word, section)
    return out

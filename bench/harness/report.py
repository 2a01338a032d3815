"""Results as JSON and as the tables of bench/README.md."""

import json
import platform
from pathlib import Path


def machine():
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), "unknown")
    cores = Path("/proc/cpuinfo").read_text().count("\nprocessor") + 1
    return f"{model}, {cores} cores, Linux {platform.release()}"


def save(path, kind, date, options, works, facts):
    Path(path).write_text(json.dumps({
        "kind": kind, "date": date, "machine": machine(), "rounds": options.rounds, "seconds": options.seconds,
        "works": works, "facts": facts}, indent=1) + "\n")


def cell(row):
    if row is None:
        return "-"
    return spread((row["us"], row["us_min"], row["us_max"]), 2)


def render(results):
    """Markdown: one table of CPU time, one of ratios; works that compare ways of one server with a base have one of their own."""
    head = (f"{results['date']}, {results['machine']}; {results['rounds']} interleaved rounds of {results['seconds']:g} s; "
            "median (least-most) of the CPU microseconds per answer.")
    lines = [head]
    plain = {work: table for work, table in results["works"].items() if "base" not in table}
    if plain:
        lines += render_side_by_side(plain)
    for table in results["works"].values():
        if "base" in table:
            lines += render_by_base(table)
    if results["facts"]:
        lines += ["", "| server | exec to first answer, s | memory (PSS), MiB |", "| --- | --- | --- |"]
        lines += [f"| {name} | {fact['start_seconds']:.2f} | {fact['memory_mib']:.0f} |" for name, fact in results["facts"].items()]
    return "\n".join(lines) + "\n"


def render_side_by_side(works):
    servers = []
    for table in works.values():
        servers += [name for name in table["servers"] if name not in servers]
    titles = [table["title"] for table in works.values()]
    lines = ["", "| server | " + " | ".join(titles) + " |", "| --- |" + " --- |" * len(titles)]
    for name in servers:
        cells = [cell(table["servers"].get(name)) for table in works.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", "Ratios within a round, median (least-most): to the floor / to the best peer of that work.", ""]
    lines += ["| server | " + " | ".join(titles) + " |", "| --- |" + " --- |" * len(titles)]
    for name in servers:
        lines.append(f"| {name} | " + " | ".join(ratios(table["servers"].get(name)) for table in works.values()) + " |")
    lines += ["", "Best peers: " + ", ".join(f"{table['title']}: {best_peer(table)}" for table in works.values()) + "."]
    if "half" in works:
        lines += ["", f"Latency, {works['half']['title']}, microseconds:", "", "| server | p50 | p99 |", "| --- | --- | --- |"]
        lines += [f"| {name} | {spread(row['p50_us'], 0)} | {spread(row['p99_us'], 0)} |" for name, row in works["half"]["servers"].items()]
    return lines


def render_by_base(table):
    lines = ["", f"{table['title']}; the ratio is the median (least-most) of the ratios within a round:", "",
             f"| server | us | to {table['base']} |", "| --- | --- | --- |"]
    for name, row in table["servers"].items():
        lines.append(f"| {name} | {cell(row)} | {spread(row.get('to_base'), 3)} |")
    return lines


def ratios(row):
    if row is None:
        return "-"
    return " / ".join(spread(found, 2) for found in (row["to_floor"], row["to_best_peer"]))


def spread(found, digits):
    """Of [median, least, most]."""
    if found is None:
        return "-"
    return "{:.{d}f} ({:.{d}f}-{:.{d}f})".format(*found, d=digits)


def best_peer(table):
    return next((row["best_peer"] for row in table["servers"].values() if row["best_peer"]), "none")


def update_readme(path, kind, text):
    """Puts the tables between the markers of their kind."""
    begin, end = f"<!-- results {kind} -->\n", f"<!-- end of results {kind} -->\n"
    content = Path(path).read_text()
    before, rest = content.split(begin)
    _old, after = rest.split(end)
    Path(path).write_text(before + begin + text + end + after)

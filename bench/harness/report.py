"""Results as JSON and as the tables of bench/README.md."""

import json
import platform
import statistics
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
    spread = f"{row['us_min']:.2f}-{row['us_max']:.2f}"
    return f"{row['us']:.2f} ({spread})"


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
    lines += ["", "Ratios of medians of rounds: to the floor / to the best peer of that work.", ""]
    lines += ["| server | " + " | ".join(titles) + " |", "| --- |" + " --- |" * len(titles)]
    for name in servers:
        lines.append(f"| {name} | " + " | ".join(ratios(table["servers"].get(name)) for table in works.values()) + " |")
    lines += ["", "Best peers: " + ", ".join(f"{table['title']}: {best_peer(table)}" for table in works.values()) + "."]
    if "half" in works:
        lines += ["", f"Latency, {works['half']['title']}, microseconds:", "", "| server | p50 | p99 |", "| --- | --- | --- |"]
        lines += [f"| {name} | {row['p50_us']:.0f} | {row['p99_us']:.0f} |" for name, row in works["half"]["servers"].items()]
    return lines


def render_by_base(table):
    lines = ["", f"{table['title']}; the ratio is the median (least-most) of the ratios within a round:", "",
             f"| server | us | to {table['base']} |", "| --- | --- | --- |"]
    for name, row in table["servers"].items():
        found = row.get("to_base")
        ratio = f"{statistics.median(found):.3f} ({found[0]:.3f}-{found[-1]:.3f})" if found else "-"
        lines.append(f"| {name} | {cell(row)} | {ratio} |")
    return lines


def ratios(row):
    if row is None:
        return "-"
    return " / ".join("-" if value is None else f"{value:.2f}" for value in (row["to_floor"], row["to_best_peer"]))


def best_peer(table):
    return next((row["best_peer"] for row in table["servers"].values() if row["best_peer"]), "none")


def update_readme(path, kind, text):
    """Puts the tables between the markers of their kind."""
    begin, end = f"<!-- results {kind} -->\n", f"<!-- end of results {kind} -->\n"
    content = Path(path).read_text()
    before, rest = content.split(begin)
    _old, after = rest.split(end)
    Path(path).write_text(before + begin + text + end + after)

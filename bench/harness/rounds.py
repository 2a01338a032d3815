"""Interleaved rounds: every server once per round, the order rotated, disturbed windows repeated; then the statistics."""

import statistics
import sys

from .process import ServerFailed, Starved

DISTURBED = 0.08  # share of a core that something else took in a window


def measure_calmly(run, work, options):
    """A window in which nothing else took the cores; the calmest of a few if there is none."""
    windows, starved = [], None
    for _ in range(options.retries + 1):
        try:
            windows.append(run.measure(work))
        except Starved as failure:
            starved = failure
            continue
        if windows[-1]["disturbance"] <= DISTURBED:
            break
    if not windows:
        raise starved
    return min(windows, key=lambda window: window["disturbance"])


def run_rounds(runs, work, options):
    """{server: [window, ...]} for the servers that do this work. A server that fails is left out and said."""
    windows = {run.name: [] for run in runs if work in run.works}
    active = [run for run in runs if work in run.works]
    for number in range(options.rounds):
        shift = number % len(active) if active else 0
        for run in active[shift:] + active[:shift]:
            try:
                windows[run.name].append(measure_calmly(run, work, options))
            except ServerFailed as failure:
                print(f"  left out: {failure}", file=sys.stderr)
                windows.pop(run.name, None)
                active = [other for other in active if other is not run]
        print(f"  {work}: round {number + 1} of {options.rounds}: " + ", ".join(
            f"{name} {found[-1]['us']:.2f}" for name, found in windows.items() if found), file=sys.stderr)
    return windows


def summarise(windows, base=None):
    """Median and spread of each server, its ratio to the floor, to the best peer and to `base` (pairwise within a round)."""
    table = {}
    for name, found in windows.items():
        values = sorted(window["us"] for window in found)
        table[name] = {
            "us": statistics.median(values), "us_min": values[0], "us_max": values[-1], "rounds": len(values),
            "per_second": statistics.median(window["per_second"] for window in found),
            "p50_us": spread(window["p50_us"] for window in found),
            "p99_us": spread(window["p99_us"] for window in found),
            "disturbance": statistics.median(window["disturbance"] for window in found)}
    peers = {name: row["us"] for name, row in table.items() if not name.startswith("meridian") and name != "floor"}
    best = min(peers, key=peers.get) if peers else None
    for name, row in table.items():
        row["to_floor"] = ratios(windows[name], windows.get("floor"))
        row["to_best_peer"] = ratios(windows[name], windows.get(best))
        row["best_peer"] = best
        if base in windows:
            row["to_base"] = ratios(windows[name], windows[base])
    return table


def ratios(ours, theirs):
    return spread(a["us"] / b["us"] for a, b in zip(ours, theirs)) if theirs else None


def spread(values):
    """[median, least, most]"""
    values = list(values)
    return [statistics.median(values), min(values), max(values)]

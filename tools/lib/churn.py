"""Upgrades and reloads an edge while clients of every protocol are served, and counts who noticed.

Usage: tools/churn [--upgrades N] [--reloads N]

HTTP/1.1 and HTTP/2, plain and under TLS, gRPC streams, servers of HTTP/2 and TLS, new handshakes of either version, PROXY headers, WebSocket
(to servers of HTTP/1.1 and of HTTP/2), TCP with and without TLS, UDP, and slow downloads go on all the while. Reloads change a certificate, weights, a server, a route or times, in
turn; upgrades are spread among them, and each predecessor has to end by itself. Ends with a verdict: failures are requests without their answer,
resets, and ends that the protocol has no word for. Exit status 0 if there were none, else 1.
"""
import argparse
import pathlib
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tools/lib")]
from mixed_edge import KINDS, Mixed  # noqa: E402
from mixed_load import Load  # noqa: E402


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upgrades", type=int, default=50, help="new processes, one after another (default 50)")
    parser.add_argument("--reloads", type=int, default=200, help="changes of the configuration (default 200)")
    return parser.parse_args()


def turns(upgrades, reloads):
    """`upgrade` and `reload` in an even mixture."""
    marks = [((n + 0.5) / upgrades, "upgrade") for n in range(upgrades)] + [((n + 0.5) / reloads, "reload") for n in range(reloads)]
    return [kind for _, kind in sorted(marks)]


def run(mixed, load, upgrades, reloads):
    done = {"upgrade": 0, "reload": 0}
    for kind in turns(upgrades, reloads):
        if kind == "upgrade":
            mixed.upgrade()
        else:
            mixed.change(done["reload"])
        done[kind] += 1
        load.all_served()
        if len(mixed.old) > 3:  # no more processes at a time than a host would have
            mixed.old_ones_end()
    mixed.old_ones_end()
    load.all_served()
    return done


def tell(load, done, took):
    print(f"churn: {done['upgrade']} upgrades, {done['reload']} reloads in {took:.0f} s")
    for kind in KINDS:
        print(f"churn: {kind:20} served {load.served[kind]:6}, went on by another connection {load.moved[kind]}")
    for kind, what in load.failures[:20]:
        print(f"churn: PROBLEM {kind}: {what}")
    print(f"churn: {'failed' if load.failures else 'passed'}, {len(load.failures)} failures")


def main():
    options = parse_arguments()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="meridian-churn-") as directory, Mixed(pathlib.Path(directory)) as mixed:
        with Load(mixed.target, KINDS) as load:
            load.all_served()
            done = run(mixed, load, options.upgrades, options.reloads)
    tell(load, done, time.monotonic() - began)
    return 1 if load.failures or not load.served["download"] else 0


if __name__ == "__main__":
    sys.exit(main())

"""tools/demo runs this: python3 -m demo [--tour] [--binaries DIR]."""

import argparse
import re
import signal
import sys
import time

from . import screen
from .stage import DNS_ADMIN, EDGES, REGIONS, ROOT, Stage, Trouble, environment_for_commands, get
from .tour import Tour

TRY = """dig @127.0.0.1 -p 5300 www.shop.example +subnet=81.2.69.0/24
curl -s --cacert build/shop/ca.pem --resolve www.shop.example:8443:127.0.3.1 https://www.shop.example:8443/api/items
curl -s http://127.0.0.1:9053/status ; curl -s http://127.0.1.1:9080/metrics
curl -s -X POST 'http://127.0.2.11:9000/fail?mode=off&name=us-west-web-1'     # also mode=500, hang, reset, sick, ok"""


def interrupted(*_):
    raise KeyboardInterrupt


def parse_arguments():
    parser = argparse.ArgumentParser(prog="tools/demo", description="Starts the shop on loopback and gives a tour of Meridian.")
    parser.add_argument("--tour", action="store_true", help="end after the tour (always so without a terminal)")
    parser.add_argument("--binaries", default=ROOT / "build/release/bin", help="where the programs are")
    return parser.parse_args()


def total(text, pattern):
    """The sum of all samples of the metrics that match."""
    return sum(float(value) for value in re.findall(rf"^{pattern}(?:\{{[^}}]*\}})? (\S+)$", text, re.M))


class Watch:
    """The live line: state of the regions, rates since the last look."""

    def __init__(self, stage):
        self.stage = stage
        self.last = {}

    def rate(self, who, count, now):
        before, then = self.last.get(who, (count, now))
        self.last[who] = (count, now)
        return max(0.0, count - before) / (now - then) if now > then else 0.0

    def line(self):
        now = time.monotonic()
        try:
            states = self.stage.region_states()
            queries = total(get(*DNS_ADMIN, "/metrics")[1], "meridian_dns_queries_total")
        except OSError:
            return "DNS: gone"
        parts = [f"DNS {self.rate('dns', queries, now):.0f} q/s"]
        for region in REGIONS:
            try:
                requests = total(get(EDGES[region], 9080, "/metrics", timeout=0.5)[1], "meridian_edge_requests_total")
                text = f"{self.rate(region, requests, now):.0f} req/s"
            except OSError:
                text = "not running"
            parts.append(f"{region} {states.get(region, '?')}, {text}")
        return " | ".join(parts)


def stay(stage):
    screen.say("\n" + screen.paint("The shop stays open until Ctrl-C. Try:", "bold"))
    screen.output(TRY)
    pids = ", ".join(f"{name} {stage.pid(name)}" for name in ("dns", *REGIONS))
    screen.say(f"\n    processes: {pids}\n    configuration: {stage.config}, logs beside it\n")
    watch = Watch(stage)
    try:
        while True:
            screen.status_line(time.strftime("%H:%M:%S  ") + watch.line())
            time.sleep(1)
    except KeyboardInterrupt:
        screen.say("\nended")


def show(stage, options):
    screen.say(screen.paint("Meridian: one shop, three regions, on loopback", "bold"))
    screen.tell("DNS 127.0.0.1:5300; edges us-east 127.0.1.1:8443, us-west 127.0.2.1:8443, eu 127.0.3.1:8443; 51 backends")
    began = time.monotonic()
    stage.start()
    screen.tell(f"started and healthy in {time.monotonic() - began:.1f} s")
    tour = Tour(stage, environment_for_commands(options.binaries))
    holds = tour.run()
    if holds:
        screen.say("\n" + screen.paint(f"All {tour.checks} promises held.", "green", "bold"))
    else:
        screen.say("\n" + screen.paint(f"{len(tour.broken)} of {tour.checks} promises did not hold:", "red", "bold"))
        screen.output("\n".join(tour.broken))
    if sys.stdout.isatty() and not options.tour:
        stay(stage)
    return holds


def main():
    options = parse_arguments()
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    with Stage(options.binaries) as stage:
        try:
            holds = show(stage, options)
        except KeyboardInterrupt:
            screen.say("\nended")
            return 130
        except Trouble as trouble:
            screen.say(screen.paint(f"\nThe demo cannot go on: {trouble}", "red"))
            stage.keep_logs = bool(stage.processes)
            if stage.keep_logs:
                screen.say(f"logs are in {stage.directory}")
            return 1
        stage.keep_logs = not holds
        if not holds:
            screen.say(f"logs are in {stage.directory}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())

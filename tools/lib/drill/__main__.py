"""A chaos drill: the example shop under load while servers and one whole region fail, by a seed; ends with a verdict.

Usage: tools/drill [--seed N] [--faults N] [--hold SECONDS] [--customers N] [--json]
       tools/drill --overload [--seconds N] [--times N] [--json]

Starts backends, three regions and DNS on loopback. Customers in Europe, New York and California resolve the shop for every request
and fetch over https, with a handshake each, what their region answers; bodies are compared by digest. Meanwhile servers of the api pool are switched off, frozen, made to
reset, to answer 500 to their health check, or slowed down, one after another and each restored; once in between a whole region is
killed, and started again. The same seed gives the same drill. Exit status 0 if every limit of the verdict held, else 1.

With --overload: one edge gets three times what its servers can do, from three tiers of customers, and in the middle a server dies. The
enterprise tier must not feel it, the servers must stay busy, and all must be well within seconds of the load's end.
"""
import argparse
import json
import pathlib
import random
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tools/lib")]
import meridian  # noqa: E402
from drill import faults, overload, verdict  # noqa: E402
from drill.customers import Customers  # noqa: E402


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=int, default=8, help="of single servers; the region comes on top (default 8)")
    parser.add_argument("--hold", type=float, default=3.0, help="seconds that a fault lasts, and the calm behind it (default 3)")
    parser.add_argument("--customers", type=int, default=9, help="a third of them in each region (default 9)")
    parser.add_argument("--overload", action="store_true", help="another drill: more than the servers can do")
    parser.add_argument("--seconds", type=float, default=60.0, help="of overload (default 60)")
    parser.add_argument("--times", type=float, default=3.0, help="the capacity (default 3)")
    parser.add_argument("--json", action="store_true", help="the report as JSON, too")
    return parser.parse_args()


def overloaded(options):
    if options.seconds < 6 or options.times < 1.5:
        sys.exit("drill: --seconds 6 and --times 1.5 are the least that says anything")
    with tempfile.TemporaryDirectory(prefix="meridian-drill-") as directory:
        report = overload.run(directory, options.seconds, options.times)
    overload.tell(report)
    if options.json:
        print(json.dumps(report, indent=1))
    return 0 if report["passed"] else 1


def main():
    options = parse_arguments()
    if options.overload:
        return overloaded(options)
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="meridian-drill-") as directory, meridian.Shop(directory, faults.prepare, https=True) as shop:
        shop.start()
        with Customers(shop, options.customers, options.seed) as customers:
            incidents = faults.run(shop, customers, faults.plan(draw, options.faults), options.hold)
        report = verdict.judge(shop, customers, incidents)
    verdict.tell(report, options.seed)
    if options.json:
        print(json.dumps(report, indent=1))
    return 0 if report["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())

"""Three times the load that the servers can do, tiers mixed, and a server that dies in the middle: one edge before three servers whose
places and times are known, and so is what they can do. The load is open: requests come when they are due, whatever became of those before.

    calm      half of the capacity: what the enterprise tier's times are without load
    load      `times` the capacity: enterprise 25 % of it, standard 75 %, free all the rest; in the middle third a server is off
    recovery  half of the capacity again: how long somebody is still refused
"""
import asyncio
import dataclasses
import json
import time

import meridian
from lone_edge import LoneEdge

PLACES = 6           # at each server
DELAY = 0.2          # seconds that a server takes for a request
SERVERS = 3
CAPACITY = SERVERS * PLACES / DELAY  # requests a second
SHARES = {"enterprise": 0.25, "standard": 0.75}  # of the capacity; free is the rest
TIERS = {"order": ["free", "standard", "enterprise"], "default": "free", "from": [{"header": "X-Customer-Tier"}]}
POOL = {"max_in_flight": PLACES, "queue": {"size": 60, "timeout": "150ms"}, "shed": {"from": {"free": "80%"}},
        "balance": "least_connections", "retry": {"attempts": 3}, "breaker": {"failures": 3, "open": "1s"},
        "health": {"path": "/health", "interval": "1s", "timeout": "1s", "fall": 2, "rise": 1}}

# Limits, with their reasons.
SUCCESS = 0.99       # of the enterprise tier's requests, the death of a server included
SLOWER = 2.0         # times the calm p99: what a place in the queue may cost it
WORK = 0.9           # of the capacity that is there: refusing others must not leave places empty
RECOVERY = 5.0       # s from the load's end to the last refusal
OFFERED = 0.9        # of the load that was due: below it the machine was too slow to say anything
STRANGE = 2 * PLACES  # answers other than 200 and 503: those at the server when it dies, and those that find out
SETTLING = 3.0       # s from a change of the servers, which are nobody's: checks have to see it


@dataclasses.dataclass
class Sent:
    """One request: when it was sent, for whom, how long it took; status 0: there was no answer."""
    at: float
    tier: str
    took: float = 0.0
    status: int = 0
    error: str = ""


class Client:
    """Sends requests when they are due, each on a kept connection that is free or on a new one."""

    def __init__(self, host, port):
        self.host, self.port, self.idle, self.sent, self.running = host, port, [], [], set()

    async def offer(self, rates, seconds):
        """`rates` of the tiers, in requests a second, for so long; those under way go on behind it."""
        began, tasks = time.monotonic(), []
        for tier, rate in rates.items():
            tasks.append(asyncio.create_task(self.pace(tier, rate, began, seconds)))
        await asyncio.gather(*tasks)

    async def pace(self, tier, rate, began, seconds):
        for number in range(int(rate * seconds)):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if time.monotonic() - began > seconds:
                return
            task = asyncio.create_task(self.ask(tier))
            self.running.add(task)
            task.add_done_callback(self.running.discard)

    async def ask(self, tier):
        sent = Sent(time.monotonic(), tier)
        self.sent.append(sent)
        try:
            sent.status = await asyncio.wait_for(self.exchange(tier), 10)
        except (OSError, EOFError, ValueError, asyncio.TimeoutError) as error:
            sent.error = f"{type(error).__name__}: {error}"
        sent.took = time.monotonic() - sent.at

    async def exchange(self, tier):
        reader, writer = self.idle.pop() if self.idle else await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(f"GET /item?bytes=100 HTTP/1.1\r\nHost: drill.example\r\nX-Customer-Tier: {tier}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            fields = dict(line.split(": ", 1) for line in head.decode("latin-1").lower().split("\r\n")[1:] if ": " in line)
            await reader.readexactly(int(fields.get("content-length", "0")))
        except BaseException:
            writer.close()
            raise
        if fields.get("connection") == "close":
            writer.close()
        else:
            self.idle.append((reader, writer))
        return int(head.split(b" ", 2)[1])

    async def finish(self):
        if self.running:
            await asyncio.wait(self.running)
        for _, writer in self.idle:
            writer.close()


@dataclasses.dataclass
class Times:
    """Borders of the phases, by time.monotonic()."""
    calm: float = 0.0
    load: float = 0.0
    dead: float = 0.0
    back: float = 0.0
    over: float = 0.0
    end: float = 0.0


def rates_of(total):
    rates = {tier: share * CAPACITY for tier, share in SHARES.items()}
    return {**rates, "free": total - sum(rates.values())}


def calm_rates():
    return {tier: rate / 6 for tier, rate in rates_of(3 * CAPACITY).items()}


async def drive(client, switch, seconds, times):
    marks, calm = Times(), max(4.0, seconds / 10)
    marks.calm = time.monotonic()
    await client.offer(calm_rates(), calm)
    marks.load = time.monotonic()
    under = asyncio.create_task(client.offer(rates_of(times * CAPACITY), seconds))
    await asyncio.sleep(seconds / 3)
    marks.dead = time.monotonic()
    await asyncio.to_thread(switch, "off")
    await asyncio.sleep(seconds / 3)
    await asyncio.to_thread(switch, "ok")
    marks.back = time.monotonic()
    await under
    marks.over = time.monotonic()
    await client.offer(calm_rates(), max(calm, RECOVERY + 2))
    marks.end = time.monotonic()
    await client.finish()
    return marks


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0.0


def work_in(sent, begin, end):
    """Good answers a second that came in this time."""
    return sum(1 for one in sent if one.status == 200 and begin <= one.at + one.took < end) / (end - begin)


def judge(sent, marks, seconds, times):
    def during(begin, end, tier=None):
        return [one for one in sent if begin <= one.at < end and tier in (None, one.tier)]

    load = during(marks.load, marks.over)
    enterprise = during(marks.load, marks.over, "enterprise")
    calm = [one.took for one in during(marks.calm, marks.load, "enterprise") if one.status == 200]
    busy = [one.took for one in enterprise if one.status == 200]
    success = {tier: sum(one.status == 200 for one in load if one.tier == tier) / max(1, sum(one.tier == tier for one in load))
               for tier in ("enterprise", "standard", "free")}
    settle = min(SETTLING, seconds / 9)
    # A slow machine makes the servers slower than they say: what they can do is by what they take in calm.
    possible = SERVERS * PLACES / max(DELAY, percentile(calm, 0.5))
    refused = [one.at + one.took - marks.over for one in during(marks.over, marks.end) if one.status != 200]
    strange = [one for one in sent if one.status not in (200, 503)]
    report = {
        "capacity": CAPACITY, "possible": round(possible, 1), "offered": len(load) / (marks.over - marks.load), "success": {tier: round(share, 4) for tier, share in success.items()},
        "p99_calm_ms": round(percentile(calm, 0.99) * 1000), "p99_load_ms": round(percentile(busy, 0.99) * 1000),
        "work": round(work_in(sent, marks.load + settle, marks.dead), 1), "work_dead": round(work_in(sent, marks.dead + settle, marks.back), 1),
        "recovery_s": round(max(refused, default=0.0), 2), "strange": len(strange),
        "first_strange": (strange[0].error or f"status {strange[0].status}") if strange else ""}
    left = (SERVERS - 1) / SERVERS
    report["offered"] = round(report["offered"], 1)
    report["checks"] = {
        "the enterprise tier is served": success["enterprise"] >= SUCCESS,
        "and not slower than twice": report["p99_load_ms"] <= SLOWER * report["p99_calm_ms"],
        "work stays at capacity": report["work"] >= WORK * possible,
        "and at what is left of it": report["work_dead"] >= WORK * possible * left,
        "the lowest tier pays": success["free"] < success["standard"] < success["enterprise"] + 1e-9,
        "recovery": report["recovery_s"] <= RECOVERY,
        "hardly anything but 200 and 503": len(strange) <= STRANGE}
    report["offered_enough"] = report["offered"] >= OFFERED * times * CAPACITY
    report["passed"] = report["offered_enough"] and all(report["checks"].values())
    return report


def run(directory, seconds, times):
    slot = meridian.Lease()
    addresses = [f"127.{slot.number}.2.{n}" for n in range(1, SERVERS + 1)]
    backend = meridian.binaries() / "meridian-test-backend"
    servers = [meridian.Process([backend, "--delay", f"{DELAY * 1000:g}ms", f"{address}:9000=server-{n},web,eu"], f"{directory}/server-{n}.log")
               for n, address in enumerate(addresses, 1)]

    def switch(mode):
        """Of the last server: `off` kills it, `ok` starts it again."""
        if mode == "off":
            servers[-1].kill()
        else:
            servers[-1] = meridian.Process(servers[-1].arguments, f"{directory}/server-again.log")

    try:
        for server in servers:
            server.wait_ready("a server")
        edge_config = {"tiers": TIERS, "trusted_proxies": ["127.0.0.0/8"], "client": {"max_connections": 4000}}
        with LoneEdge(directory, slot, [f"{address}:9000" for address in addresses], pool=POOL, edge=edge_config, log={"level": "info"}) as edge:
            meridian.eventually(lambda: edge.metric("meridian_edge_pool_capacity", 'pool="web"') == SERVERS * PLACES, "all servers are checked")
            client = Client(edge.host, 8080)
            marks = asyncio.run(drive(client, switch, seconds, times))
            report = judge(client.sent, marks, seconds, times)
            report["edge"] = json.loads(edge.admin("/status", "GET")[1])["pools"][0]["overload"]
            return report
    finally:
        for server in servers:
            server.kill()
        slot.release()


def tell(report):
    print(f"overload: {report['offered']:.0f} requests a second at a capacity of {report['capacity']:.0f}")
    for tier, share in report["success"].items():
        print(f"  {tier:<11} {share * 100:6.2f} % served")
    print(f"  enterprise p99: {report['p99_calm_ms']} ms in calm, {report['p99_load_ms']} ms under load")
    print(f"  work done: {report['work']:.0f} a second of {report['possible']:.0f}, {report['work_dead']:.0f} with one server of {SERVERS} dead; "
          f"refused until {report['recovery_s']:.2f} s behind the load")
    for what, held in report["checks"].items():
        print(f"  {'ok    ' if held else 'FAILED'} {what}" + (f": {report['first_strange']}" if not held and "200" in what else ""))
    if not report["offered_enough"]:
        print("  FAILED the load did not come: this machine is too slow for the drill")
    print(f"verdict: {'passed' if report['passed'] else 'FAILED'}")

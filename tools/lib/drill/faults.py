"""What fails in a drill, in which order, and how it is brought back."""
import dataclasses
import time

import meridian

# Mode of the test backend, and what an operator would call it.
KINDS = {"off": "switched off", "hang": "frozen", "reset": "resets connections", "sick": "says that it is sick", "slow": "slow"}
SLOW = "300ms"


@dataclasses.dataclass
class Incident:
    """One fault: of a server, or (kind `region`) of a whole region. Times are those of time.monotonic()."""
    kind: str
    region: str
    server: str = ""
    began: float = 0.0
    restored: float = 0.0
    over: float = 0.0


def prepare(config):
    """The shop's configuration for a drill: a frozen server is given up early enough to ask another one, and soon left alone."""
    changes = {"pool: api,      timeout: {connect: 2s, read: 10s}": "pool: api, timeout: {connect: 1s, try: 1s, read: 10s}",
               "    api:\n": "    api:\n      breaker: {failures: 3, open: 1s, max_open: 2s}\n"}
    for before, after in changes.items():
        assert config.count(before) == 1, f"shop.yaml has changed: {before}"
        config = config.replace(before, after)
    return config


def plan(draw, count):
    """Servers of the api pool, no two faults at once; the region in the middle."""
    incidents = []
    for number in range(count):
        region = draw.choice(meridian.REGIONS)
        kind = list(KINDS)[number % len(KINDS)] if count >= len(KINDS) else draw.choice(list(KINDS))
        incidents.append(Incident(kind, region, f"{region}-api-{draw.randint(1, 5)}"))
    draw.shuffle(incidents)
    incidents.insert(count // 2, Incident("region", draw.choice(meridian.REGIONS)))
    return incidents


def switch(shop, incident, settings):
    host = shop.address(f"{meridian.REGIONS.index(incident.region) + 1}.21")
    # Any server of the process takes the order; the first may be the one that is switched off.
    for last in ("11", "12"):
        try:
            status = meridian.http_get(host.rsplit(".", 1)[0] + "." + last, 9000, f"/fail?{settings}&name={incident.server}", method="POST")[0]
            if status == 200:
                return
        except OSError:
            continue
    raise RuntimeError(f"the backends do not take orders: {incident}")


def begin(shop, incident):
    incident.began = time.monotonic()
    if incident.kind == "region":
        shop.edge(incident.region).kill()
    elif incident.kind == "slow":
        switch(shop, incident, f"mode=ok&delay={SLOW}")
    else:
        switch(shop, incident, f"mode={incident.kind}")


def end(shop, incident):
    if incident.kind == "region":
        shop.start_edge(incident.region)
    else:
        switch(shop, incident, "mode=ok&delay=0ms")
    incident.restored = time.monotonic()


def is_back(customers, incident):
    """The customers are served by it again."""
    recent = customers.between(incident.restored, time.monotonic())
    if incident.kind == "region":
        return any(visit.region == incident.region and not visit.error for visit in recent)
    return any(visit.server == incident.server for visit in recent)


def run(shop, customers, incidents, hold):
    """Lets them happen one after another; each has `hold` seconds, is mended, and must come back before the next."""
    time.sleep(hold)  # what calm looks like
    for incident in incidents:
        begin(shop, incident)
        time.sleep(hold)
        end(shop, incident)
        meridian.wait_until(lambda: is_back(customers, incident), f"{incident.server or incident.region} serves again", timeout=60)
        incident.over = time.monotonic()
        time.sleep(hold)
    return incidents

"""The report of a drill: errors seen, time to detect and to recover, share per server, each against its limit."""
import collections
import statistics

from .faults import KINDS

# Limits, with their reasons.
DETECT = {"off": 1.0, "reset": 1.0, "hang": 4.0, "sick": 4.0, "slow": None, "region": 1.0}  # s; a frozen one costs its checks' silence
RECOVER = 12.0     # s from the repair to the first request: `rise` good checks, and what an open breaker waits
SHARE = 0.5        # of the fair share at least, twice it at most, for each server while all is calm
MIN_VISITS = 100   # below it nothing can be said


def detected(customers, incident):
    """Seconds until the last request that the fault was felt in, before it was mended: it began later than that unharmed."""
    felt = [visit for visit in customers.between(incident.began, incident.restored) if is_felt(visit, incident)]
    return max((visit.at - incident.began for visit in felt), default=0.0)


def is_felt(visit, incident):
    if incident.kind == "region":
        return bool(visit.error) and visit.region == incident.region
    return visit.region == incident.region and (bool(visit.error) or visit.server == incident.server and incident.kind != "slow")


def errors_of(customers, incident):
    """Errors that customers saw during the fault. Of a killed region those in its first second are the price of a connection."""
    wrong = [visit for visit in customers.between(incident.began, incident.over) if visit.error]
    if incident.kind != "region":
        return wrong
    return [visit for visit in wrong if visit.region != incident.region or visit.at > incident.began + DETECT["region"]]


def shares(customers, incidents):
    """Requests per api server outside of all incidents, as multiples of the fair share in its region."""
    disturbed = [(incident.began, incident.over) for incident in incidents]
    calm = [visit for visit in customers.visits if not any(a <= visit.at < b for a, b in disturbed) and visit.server]
    count = collections.Counter((visit.region, visit.server) for visit in calm)
    total = collections.Counter(visit.region for visit in calm)
    return {server: round(n * 5 / total[region], 2) for (region, server), n in sorted(count.items())}


def judge(_shop, customers, incidents):
    rows, passed = [], len(customers.visits) >= MIN_VISITS
    for incident in incidents:
        wrong = errors_of(customers, incident)
        row = {"what": incident.server or incident.region, "kind": incident.kind, "errors": len(wrong),
               "first_error": wrong[0].error if wrong else "", "detect_s": round(detected(customers, incident), 3),
               "recover_s": round(incident.over - incident.restored, 3)}
        limit = DETECT[incident.kind]
        row["passed"] = not wrong and row["recover_s"] <= RECOVER and (limit is None or row["detect_s"] <= limit)
        passed = passed and row["passed"]
        rows.append(row)
    share = shares(customers, incidents)
    fair = len(share) == 15 and all(SHARE <= value <= 2 for value in share.values())
    calm_errors = [visit for visit in customers.visits if visit.error
                   and not any(visit.at < i.over and visit.at + visit.took >= i.began for i in incidents)]
    took = [visit.took * 1000 for visit in customers.visits] or [0]
    return {"passed": passed and fair and not calm_errors, "visits": len(customers.visits), "incidents": rows, "shares": share,
            "shares_fair": fair, "errors_in_calm": [visit.error for visit in calm_errors[:5]],
            "p50_ms": round(statistics.median(took), 1), "p99_ms": round(sorted(took)[len(took) * 99 // 100], 1)}


def tell(report, seed):
    print(f"drill, seed {seed}: {report['visits']} requests, p50 {report['p50_ms']} ms, p99 {report['p99_ms']} ms")
    for row in report["incidents"]:
        kind = "killed as a whole" if row["kind"] == "region" else KINDS[row["kind"]]
        print(f"  {'ok    ' if row['passed'] else 'FAILED'} {row['what']:<14} {kind:<22} errors {row['errors']:<3} "
              f"noticed in {row['detect_s']:.2f} s, back in {row['recover_s']:.2f} s" + (f"   {row['first_error']}" if row["errors"] else ""))
    low, high = min(report["shares"].values(), default=0), max(report["shares"].values(), default=0)
    print(f"  {'ok    ' if report['shares_fair'] else 'FAILED'} share per server in calm: {low:.2f} to {high:.2f} of the fair one, {len(report['shares'])} of 15 servers")
    for error in report["errors_in_calm"]:
        print(f"  FAILED in calm: {error}")
    print(f"verdict: {'passed' if report['passed'] else 'FAILED'}")

"""The tour: each step prints a command, runs exactly that, prints what it answered and checks what it promised."""

import json
import re
import subprocess
import time

from . import screen
from .load import Load
from .stage import EDGES, ROOT, region_of, wait_until

DIG = "dig @127.0.0.1 -p 5300"
# The shop as the edge of eu, or of another region, serves it.
CURL = "curl -s --cacert build/shop/ca.pem --resolve www.shop.example:8443:127.0.3.1"
SHOP = "https://www.shop.example:8443"
AS_TEXT = "-H 'Accept: text/plain'"
NEW_YORK = "128.59.0.0/24"
CLIENTS = (
    ("81.2.69.0/24", "Britain", "eu", "the row EU of the policy"),
    ("134.60.1.0/24", "Germany", "eu", "the row EU"),
    (NEW_YORK, "New York", "us-east", "the row NA-US"),
    ("128.32.0.0/24", "California", "us-west", "the row NA-US-CA, more specific than NA-US"),
    ("133.11.0.0/24", "Japan", "us-west", "no row: the nearest region"),
    ("143.107.1.0/24", "Brazil", "us-east", "no row: the nearest region"),
    ("198.51.100.0/24", "a partner's network", "us-west", "a row of `subnets`, which stands before `geo`"),
)
MOVED_WITHIN = 0.5  # seconds from SIGKILL to the last answer that names the dead edge


class Tour:
    """Runs the steps on a Stage and remembers what did not hold."""

    def __init__(self, stage, environment):
        self.stage = stage
        self.environment = environment
        self.checks = 0
        self.broken = []

    def run(self):
        steps = [self.geography, self.shares, self.explanation, self.static_records, self.encryption, self.paths, self.tiers, self.access,
                 self.regional_balance, self.failover, self.return_of_the_region]
        for number, step in enumerate(steps, 1):
            title, text = step.__doc__.split("\n", 1)
            screen.heading(number, title.rstrip("."))
            screen.tell(text)
            step()
        return not self.broken

    def shell(self, command, quiet=False):
        """Prints and runs a command; returns what it wrote."""
        screen.command(command)
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=self.environment, cwd=ROOT,
                              timeout=60, check=False)
        text = done.stdout + done.stderr
        if not quiet:
            screen.output(text)
        return text

    def check(self, holds, promise):
        self.checks += 1
        if not holds:
            self.broken.append(promise)
        screen.verdict(holds, promise)

    # -- steps: the first line of a docstring is the title, the rest is told

    def geography(self):
        """Every client goes to its region.
        dig sends the client's network along (EDNS Client Subnet), as public resolvers do.
        The policy `closest` of zones/shop.yaml decides, on a country database of the whole world."""
        for subnet, where, region, why in CLIENTS:
            text = self.shell(f"{DIG} +noall +answer www.shop.example +subnet={subnet}")
            found = re.findall(r"\sA\s+(\S+)", text)
            self.check(found == [EDGES[region]], f"{where} goes to {region}: {why}")

    def shares(self):
        """Three clients in four, one in four.
        Clients of Canada match the row NA: [{us-east: 3, us-west: 1}]. A network always gets the same answer;
        over many networks the shares come out. A hundred networks of a university in Toronto:"""
        text = self.shell(f"for i in $(seq 0 99); do echo \"www.shop.example +subnet=142.1.$i.0/24\"; done | {DIG} +short -f - | sort | uniq -c")
        counts = {address: int(count) for count, address in re.findall(r"(\d+)\s+(\S+)", text)}
        east, west = counts.get(EDGES["us-east"], 0), counts.get(EDGES["us-west"], 0)
        self.check(east + west == 100 and 60 <= east <= 90, f"{east} networks at us-east, {west} at us-west")

    def explanation(self):
        """Why? The server explains itself.
        The same code that answers, with its reasons written down."""
        text = self.shell("meridian explain --server 127.0.0.1:9053 --name www.shop.example --client 128.32.1.7")
        self.check("us-west" in text and EDGES["us-west"] in text and "128.32.1.7" in text, "the explanation ends at us-west")

    def static_records(self):
        """The rest of the zone is an ordinary zone.
        Mail, aliases, wildcards, a delegation, a subtree that moved; UDP and TCP agree."""
        text = self.shell(f"{DIG} +noall +answer shop.example MX")
        self.check("10 mail.shop.example." in text, "mail goes to mail.shop.example")
        text = self.shell(f"{DIG} +noall +answer shop.shop.example +subnet=81.2.69.0/24")
        self.check(text.count("CNAME") == 2 and EDGES["eu"] in text, "a chain of aliases ends at the client's region")
        text = self.shell(f"{DIG} +noall +answer anyone.customers.shop.example")
        self.check("192.0.2.80" in text, "a wildcard answers for any customer")
        text = self.shell(f"{DIG} +noall +authority +additional www.partners.shop.example")
        self.check("ns.partners.shop.example." in text and "203.0.113.53" in text, "a delegation is referred, with glue")
        text = self.shell(f"{DIG} +noall +answer old.letters.archive.shop.example")
        self.check("DNAME" in text and "192.0.2.71" in text, "DNAME leads into the other zone")
        text = self.shell(f"{DIG} +noall +comments +authority nothing.shop.example | grep -E 'status|SOA'")
        self.check("NXDOMAIN" in text and "SOA" in text, "a name that is not there is NXDOMAIN, with the SOA")
        command = "+noall +answer large.shop.example TXT"
        text = self.shell(f"diff <({DIG} +tcp {command} | sort) <({DIG} {command} | sort) && {DIG} +tcp {command} | wc -l", quiet=False)
        self.check(text.strip() == "60", "60 records over TCP, and the same when dig falls back from a truncated UDP answer")

    def encryption(self):
        """In the region: https, and HTTP/2 with it.
        The demo has made an authority and a certificate, build/shop. Port 8080 knows one thing: the way to https."""
        text = self.shell("curl -si --resolve www.shop.example:8080:127.0.3.1 'http://www.shop.example:8080/api/items?page=2' | tr -d '\\r'")
        self.check("308 Permanent Redirect" in text and f"Location: {SHOP}/api/items?page=2" in text, "http is sent to https")
        text = self.shell(f"{CURL} -i {AS_TEXT} {SHOP}/api/items | tr -d '\\r'")
        self.check("HTTP/2 200" in text and "strict-transport-security: max-age=31536000" in text,
                   "curl agrees on HTTP/2, and hears that it need not try http again")
        text = self.shell(f"{CURL} --http1.1 --tlsv1.2 --tls-max 1.2 {AS_TEXT} -w '\\nHTTP/%{{http_version}}\\n' {SHOP}/api/items")
        self.check("(pool api, region eu)" in text and "HTTP/1.1" in text, "older clients get the same over TLS 1.2 and HTTP/1.1")
        text = self.shell("curl -sS --resolve www.shop.example:8443:127.0.3.1 " + SHOP + "/ 2>&1 | head -n 1")
        self.check("certificate" in text, "who does not know the authority is warned by its client")

    def paths(self):
        """In the region: routes by path.
        The edge of eu is at 127.0.3.1:8443. The backends say who they are and what they were told."""
        text = self.shell(f"{CURL} {SHOP}/")
        answer = parse(text)
        told = {name.lower(): value for name, value in answer.get("headers", {}).items()}
        self.check(answer.get("pool") == "web" and answer.get("region") == "eu", "/ reaches the pool web of eu")
        self.check(told.get("x-forwarded-for") == "127.0.0.1" and told.get("x-forwarded-proto") == "https",
                   "the backend learns the client's address, and that it came by https")
        for path, pool in (("/api/items", "api"), ("/search/?q=shoes", "search")):
            text = self.shell(f"{CURL} '{SHOP}{path}' {AS_TEXT}")
            self.check(f"(pool {pool}, region eu)" in text, f"{path} reaches the pool {pool}")
        text = self.shell(f"{CURL} -i {SHOP}/checkout/cart {AS_TEXT} | tr -d '\\r'")
        self.check("pool checkout" in text and "cache-control: no-store" in text, "/checkout/ is never cached")

    def tiers(self):
        """In the region: routes by customer tier.
        The tier comes from an API key, or from a header that only the CDN's network, 127.0.8.0/24, may set."""
        key = "-H 'X-Api-Key: demo-key-of-an-enterprise-customer'"
        tier = "-H 'X-Customer-Tier: enterprise'"
        text = self.shell(f"{CURL} {SHOP}/ {AS_TEXT} {key}")
        self.check("pool enterprise" in text, "an enterprise key reaches the enterprise pool")
        text = self.shell(f"{CURL} {SHOP}/ {AS_TEXT} {tier} --interface 127.0.8.1")
        self.check("pool enterprise" in text, "so does the tier header from the CDN")
        text = self.shell(f"{CURL} {SHOP}/ {AS_TEXT} {tier}")
        self.check("pool web" in text, "a forged tier header from anywhere else does nothing")
        text = self.shell(f"{CURL} {SHOP}/api/items {AS_TEXT} {key}")
        self.check("pool api" in text, "/api/ beats the tier rule on /: the longest path wins")

    def access(self):
        """In the region: the administrators' path.
        /admin/ is for the office, 127.0.7.0/24. Spelling it in another way does not help."""
        status = "-o /dev/null -w '%{http_code}\\n'"
        text = self.shell(f"{CURL} {status} {SHOP}/admin/users")
        self.check(text.strip() == "403", "a stranger is refused")
        text = self.shell(f"{CURL} {status} --path-as-is {SHOP}/api/..//%61dmin/users")
        self.check(text.strip() == "403", "also when the path is disguised")
        text = self.shell(f"{CURL} {SHOP}/admin/users {AS_TEXT} --interface 127.0.7.1")
        self.check("pool admin" in text, "the office is let in")

    def regional_balance(self):
        """In the region: requests are shared out.
        Sixty requests; the weights of the three web servers are 3, 2 and 1, and each worker counts for itself."""
        west = CURL.replace(EDGES["eu"], EDGES["us-west"])
        text = self.shell(f"for i in $(seq 60); do {west} {SHOP}/ {AS_TEXT}; done | sort | uniq -c")
        counts = [int(count) for count in re.findall(r"(\d+) us-west-web-\d", text)]
        fair = len(counts) == 3 and all(abs(count - ideal) <= 4 for count, ideal in zip(counts, (30, 20, 10)))
        self.check(fair, "three to two to one, give or take")

    def failover(self):
        """A region dies under load.
        Customers in New York resolve and fetch, hundreds of times a second. us-east is killed: no warning, no goodbye."""
        with Load() as load:
            wait_until(lambda: len(load.events) > 200, "customers at work")
            before = list(load.events)
            self.check(all(e.address == EDGES["us-east"] and not e.http_error and not e.dns_error for e in before),
                       f"{len(before)} visits so far, all to us-east, no error")
            killed = time.monotonic()
            self.shell(f"kill -KILL {self.stage.pid('us-east')}   # meridian-edge of us-east")
            wait_until(lambda: self.stage.region_states()["us-east"] == "down", "us-east seen down")
            time.sleep(2)
            after = load.since(killed)
            self.shell(f"{DIG} +noall +answer www.shop.example +subnet={NEW_YORK}")
        gone = load.last_named(EDGES["us-east"], killed)
        moved = [e for e in after if e.at > killed + gone]
        failed = [e for e in load.events if e.http_error]
        self.check(moved and all(e.address == EDGES["us-west"] for e in moved), f"answers moved to us-west {gone * 1000:.0f} ms after the kill")
        self.check(gone < MOVED_WITHIN, f"that is within {MOVED_WITHIN * 1000:.0f} ms")
        self.check(not any(e.dns_error for e in after), f"{len(after)} DNS answers since, none an error, none empty")
        self.check(not any(e.http_error for e in moved), f"{len(failed)} requests failed: {kinds(failed)}; none once the answer had moved")
        self.status_of_regions()

    def return_of_the_region(self):
        """The region comes back.
        The edge starts again; after `rise` good probes the answers return, and no request is lost."""
        with Load() as load:
            wait_until(lambda: len(load.events) > 50, "customers at work")
            began = time.monotonic()
            screen.command("meridian-edge --config demo.yaml --region us-east &")
            self.stage.start_edge("us-east")
            wait_until(lambda: load.events[-1].address == EDGES["us-east"], "answers back at us-east")
            took = time.monotonic() - began
            time.sleep(1)
        self.shell(f"{DIG} +noall +answer www.shop.example +subnet={NEW_YORK}")
        failed = [e for e in load.events if e.http_error or e.dns_error]
        self.check(True, f"answers are back at us-east {took:.1f} s after its start")
        self.check(not failed, f"{len(load.events)} visits meanwhile, failed: {kinds(failed)}")
        self.check(region_of(load.events[-1].address) == "us-east", "New York is served by us-east again")

    def status_of_regions(self):
        text = self.shell("meridian status --server 127.0.0.1:9053 | grep -E '^ +127\\.'")
        states = re.findall(r"(127\.0\.\d\.1)\s+(\w+)", text)
        self.check(states == [(EDGES["us-east"], "down"), (EDGES["us-west"], "up"), (EDGES["eu"], "up")], "`meridian status` says so")


def parse(text):
    try:
        return json.loads(text)
    except ValueError:
        return {}


def kinds(events):
    """What went wrong, counted: "3 ConnectionRefusedError"."""
    names = [event.http_error or event.dns_error for event in events]
    return ", ".join(f"{names.count(name)} {name}" for name in sorted(set(names))) or "none"

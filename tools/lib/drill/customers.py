"""Customers of the shop: threads that resolve the name for every request and keep what they saw of each."""
import dataclasses
import hashlib
import random
import threading
import time

import meridian
from certificates import HttpsConnection, trusting

HOMES = {"us-east": "128.59.0.0/24", "us-west": "128.32.0.0/24", "eu": "81.2.69.0/24"}
NAME = "api.shop.example"
SIZE = 100_003  # octets of a large body
PATIENCE = 8.0  # seconds after which a customer gives up


@dataclasses.dataclass
class Visit:
    """One request: when it began, how long it took, who answered, what went wrong."""
    at: float
    took: float = 0.0
    home: str = ""
    region: str = ""
    server: str = ""
    error: str = ""


class Customers:
    """Used as a context: they shop until it ends."""

    def __init__(self, shop, count, seed):
        self.shop, self.visits, self.stopping, self.trust = shop, [], threading.Event(), trusting(shop.ca)
        self.digest = hashlib.sha256(meridian.http_get(shop.address("3.21"), 9000, f"/?bytes={SIZE}")[2]).digest()
        homes = list(HOMES)
        self.threads = [threading.Thread(target=self.shop_on, args=(homes[n % 3], random.Random(seed * 1000 + n)), daemon=True)
                        for n in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def shop_on(self, home, draw):
        while not self.stopping.is_set():
            visit = Visit(time.monotonic(), home=home)
            try:
                self.fetch(visit, large=draw.random() < 0.1)
            except Exception as error:  # whatever a customer sees instead of an answer is what we are here for
                visit.error = f"{type(error).__name__}: {error}"
            visit.took = time.monotonic() - visit.at
            self.visits.append(visit)
            time.sleep(0.005)

    def fetch(self, visit, large):
        found = self.shop.addresses(NAME, subnet=HOMES[visit.home], timeout=2)
        if not found:
            visit.error = "DNS named no address"
            return
        visit.region = meridian.REGIONS[int(found[0].split(".")[2]) - 1]
        path = f"/api/item?bytes={SIZE}" if large else "/api/item?bytes=100"
        connection = HttpsConnection(found[0], meridian.HTTPS, NAME, self.trust, timeout=PATIENCE)
        try:
            connection.request("GET", path, headers={"Host": NAME})
            response = connection.getresponse()
            body = response.read()
            visit.server = response.headers.get("X-Backend", "")
        finally:
            connection.close()
        if response.status != 200:
            visit.error = f"status {response.status}"
        elif large and hashlib.sha256(body).digest() != self.digest:
            visit.error = "a wrong body"

    def between(self, begin, end):
        return [visit for visit in list(self.visits) if begin <= visit.at < end]

"""Customers of the shop: threads that resolve the name and shake hands for every request, as a browser with no cache would, and keep what
they saw."""

import http.client
import random
import socket
import struct
import threading
import time

from certificates import HttpsConnection, trusting
from shop import HTTPS, NAME

from .stage import CA, DNS

CLIENT = "128.59.0.0"  # a university in New York


def query_packet(ident, name, subnet):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    option = struct.pack("!HHHBB", 8, 7, 1, 24, 0) + socket.inet_aton(subnet)[:3]
    opt = b"\0" + struct.pack("!HHIH", 41, 1232, 0, len(option)) + option
    return struct.pack("!6H", ident, 0x0100, 1, 0, 0, 1) + labels + struct.pack("!HH", 1, 1) + opt


def addresses_in(reply):
    """(rcode, the A records) of an answer whose owners are pointers to the question."""
    rcode, count = reply[3] & 15, struct.unpack_from("!H", reply, 6)[0]
    at = 12
    while reply[at]:
        at += reply[at] + 1
    at += 5
    found = []
    for _ in range(count):
        while reply[at] and reply[at] < 0xC0:
            at += reply[at] + 1
        at += 2 if reply[at] >= 0xC0 else 1
        kind, _, _, length = struct.unpack_from("!HHIH", reply, at)
        if kind == 1:
            found.append(socket.inet_ntoa(reply[at + 10:at + 14]))
        at += 10 + length
    return rcode, found


class Event:
    """One customer's visit: when it began, which edge DNS named, what became of it."""

    def __init__(self, at, address, dns_error, http_error):
        self.at, self.address, self.dns_error, self.http_error = at, address, dns_error, http_error


class Load:
    """Some customers, each a thread; used as a context."""

    def __init__(self, customers=4, pause=0.005):
        self.pause = pause
        self.events = []
        self.trust = trusting(CA)
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.shop_on, args=(n,), daemon=True) for n in range(customers)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def shop_on(self, number):
        draw = random.Random(number)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
            resolver.connect(DNS)
            resolver.settimeout(1)
            while not self.stopping.is_set():
                self.events.append(self.visit(resolver, draw.randrange(65536)))
                time.sleep(self.pause)

    def visit(self, resolver, ident):
        at = time.monotonic()
        address, dns_error = self.resolve(resolver, ident)
        if dns_error:
            return Event(at, address, dns_error, None)
        return Event(at, address, None, self.fetch(address))

    @staticmethod
    def resolve(resolver, ident):
        try:
            resolver.send(query_packet(ident, NAME, CLIENT))
            reply = resolver.recv(4096)
            while struct.unpack_from("!H", reply)[0] != ident:
                reply = resolver.recv(4096)
            rcode, found = addresses_in(reply)
        except OSError as error:
            return None, f"no answer: {error}"
        if rcode or not found:
            return None, f"rcode {rcode}, {len(found)} addresses"
        return found[0], None

    def fetch(self, address):
        connection = HttpsConnection(address, HTTPS, NAME, self.trust, timeout=2)
        try:
            connection.request("GET", "/", headers={"Host": NAME})
            response = connection.getresponse()
            response.read()
            return None if response.status == 200 else f"status {response.status}"
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        finally:
            connection.close()

    def since(self, moment):
        return [event for event in list(self.events) if event.at >= moment]

    def last_named(self, address, since):
        """How long after `since` an answer still named the address."""
        return max((event.at - since for event in self.since(since) if event.address == address), default=0.0)

"""An edge with two caches that are too small for what is asked of them, one in memory and one on a disk, and a server whose body for
each path is known. For the soak.

    with Cached(folder) as cached:
        cached.ask(random)         # one request; what was wrong with its answer, or None
        cached.change(number)      # a purge, a reload
"""
import contextlib
import hashlib
import pathlib

import meridian
from lone_edge import LoneEdge, Scripted, answering, ok, slot_address

PATHS = 3000
STORES = ("/memory", "/disk")


def octets(path):
    """The body for a path: 0 to about 60,000 octets, some of them 1 MiB."""
    seed = hashlib.sha256(path.encode()).digest()
    size = 1 << 20 if seed[0] == 0 else seed[0] * seed[1]
    return (seed * (size // len(seed) + 1))[:size]


class Cached:
    def __init__(self, folder):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.stack = contextlib.ExitStack()
        slot = self.stack.enter_context(meridian.Lease())
        self.server = self.stack.enter_context(Scripted(slot_address(slot, "2.1"), answering(self.answer)))
        self.server.heads = Forgetful()
        caches = {"memory": {"size": "4MiB"}, "disk": {"disk": str(folder / "cache"), "size": "16MiB", "memory": "32MiB"}}
        routes = [{"path": path, "pool": "web", "cache": {"store": path[1:], "max_object": "1MiB"}} for path in STORES]
        self.edge = self.stack.enter_context(LoneEdge(folder, slot, [self.server.name], routes=routes, edge={"caches": caches}))

    @staticmethod
    def answer(head):
        path = head.split(b" ", 2)[1].decode()
        return ok(octets(path), b'Cache-Control: max-age=%d, stale-while-revalidate=5\r\nETag: "%d"\r\nCache-Tag: t%d\r\n'
                  % (len(path) % 3 * 2, len(path), hash(path) % 10))

    def ask(self, random):
        path = f"{random.choice(STORES)}/{min(int(random.paretovariate(0.7)), PATHS)}"
        body = octets(path)
        if body and random.random() < 0.2:
            first = random.randrange(len(body))
            last = random.randrange(first, len(body))
            status, _, got = self.edge.get(path, Range=f"bytes={first}-{last}")
            expected = body[first:last + 1] if status == 206 else body
        else:
            status, _, got = self.edge.get(path)
            expected = body
        return None if status in (200, 206) and got == expected else f"{path}: status {status}, {len(got)} octets of {len(expected)}"

    def change(self, number):
        kind = number % 4
        if kind == 3:
            self.edge.reload()
            return
        soft = "&soft=true" if number % 8 > 3 else ""
        what = ("tag=t3", "prefix=lone.example/disk/1", "url=lone.example/disk/1")[kind]
        status, said = self.edge.admin(f"/cache/purge?{what}{soft}")
        assert status == 200, said

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()


class Forgetful(list):
    """Heads that nobody reads."""

    def append(self, _):
        pass

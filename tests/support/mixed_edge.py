"""One edge that speaks everything, with servers for all of it: what is changed under mixed_load.Load.

    with Mixed(directory) as mixed, Load(mixed.target, KINDS) as load:
        mixed.change(3)      # a reload, of one thing or another by the number; certificates among them
        mixed.upgrade()      # a new process takes over; the old one drains
"""
import contextlib
import sys

import meridian
from certificates import Authority
from lone_edge import LoneEdge, slot_address
from mixed_load import FILE, Target
from websocket_clients import haproxy

NAME, FILES = "www.mixed.example", "files.mixed.example"
# How many clients of each kind; a busy small machine has room for them.
KINDS = {"http": 2, "https": 2, "h2": 2, "handshake": 2, "proxied": 1, "tcp": 2, "tls_tcp": 1, "udp": 1, "websocket": 2, "wss": 1, "h2_websocket": 1, "download": 2,
         "grpc": 2, "h2_pool": 1, "websocket_h2_pool": 1, "h2_websocket_h2_pool": 1}


class Mixed:
    def __init__(self, directory):
        directory.mkdir(exist_ok=True)
        self.directory, self.stack, self.certificates, self.upgrades, self.old = directory, contextlib.ExitStack(), 0, 0, []

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            slot = stack.enter_context(meridian.Lease())
            self.servers = [slot_address(slot, f"1.{n}") for n in (11, 12, 13)]
            self.echo = slot_address(slot, "1.21")
            self.authority = Authority(self.directory / "authority")
            self.certify()
            self.start_servers(stack)
            config = {"listen": self.listeners(slot), "workers": 2, "drain_grace": "60s", "client": {"keep_alive_timeout": "3s"},
                      "access_log": str(self.directory / "access.log"), "timeout": {"read": "60s"}}
            self.edge = stack.enter_context(LoneEdge(self.directory, slot, [f"{server}:9000" for server in self.servers], edge=config))
            self.edge.config["edge"]["routes"] = self.routes()
            tls = {"ca": str(self.authority.ca), "server_name": FILES}
            self.edge.config["edge"]["pools"].update(ws={"servers": [f"{self.echo}:9002"]}, echo={"servers": [f"{self.echo}:9001"]},
                                                     rpc={"servers": [f"{self.echo}:9003"], "protocol": "h2"},
                                                     files={"servers": [f"{self.echo}:9004"], "protocol": "h2", "tls": tls},
                                                     ws_h2={"servers": [self.h2_echo], "protocol": "h2"})
            self.edge.config["edge"]["listen"] += self.pool_listeners()
            self.upgrade()  # to the listeners that need pools
            self.target = Target(self.edge.host, NAME, self.authority.ca, proxied=8081, tcp=7000, udp=7000, tls_tcp=7443)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        for process in [*self.old, self.edge.process]:
            process.kill()
        self.stack.close()

    def start_servers(self, stack):
        programs = {"backends": [meridian.binaries() / "meridian-test-backend", *(f"{server}:9000=web-{n}" for n, server in enumerate(self.servers))],
                    "echo": [sys.executable, meridian.ROOT / "tests/support/echo_servers.py", self.echo, "9001", "9002", "9003"]}
        for name, arguments in programs.items():
            process = meridian.Process(arguments, self.directory / f"{name}.log")
            stack.callback(process.kill)
            process.wait_ready(name)
        files = self.authority.issue(FILES)
        (self.directory / "www").mkdir()
        (self.directory / "www" / "file").write_bytes(FILE)
        h2 = meridian.Process(["/usr/sbin/nghttpd", "-a", self.echo, "-d", self.directory / "www", "9004", files.key, files.certificate], self.directory / "h2.log")
        stack.callback(h2.kill)
        self.h2_echo = stack.enter_context(haproxy(self.directory, self.echo, f"{self.echo}:9002", port=9005))

    def routes(self, *more):
        return [{"path": "/ws", "pool": "ws"}, {"path": "/ws-h2", "pool": "ws_h2"}, {"path": "/mixed.Echo", "pool": "rpc"}, {"path": "/file", "pool": "files"}, *more, {"path": "/", "pool": "web"}]

    def certify(self):
        """A new certificate and key, at once in one file."""
        self.certificates += 1
        made = self.authority.issue(NAME, file=f"made-{self.certificates}", rsa=self.certificates % 4 == 0)
        self.bundle = self.directory / "site.pem"
        fresh = self.directory / "site.new"
        fresh.touch(0o600)
        fresh.write_text(made.certificate.read_text() + made.key.read_text())
        fresh.rename(self.bundle)

    def certified(self):
        return [{"certificate": str(self.bundle), "key": str(self.bundle)}]

    def listeners(self, slot):
        proxies = {"from": [slot_address(slot, "1.0/24"), "127.0.0.0/8"]}
        return [{"address": "{edge}:8080"}, {"address": "{edge}:8081", "proxy_protocol": proxies},
                {"address": "{edge}:8443", "protocol": "https", "certificates": self.certified()}]

    def pool_listeners(self):
        return [{"address": "{edge}:7000", "protocol": "tcp", "pool": "echo"}, {"address": "{edge}:7000", "protocol": "udp", "pool": "echo"},
                {"address": "{edge}:7443", "protocol": "tcp", "pool": "echo", "certificates": self.certified()}]

    def change(self, number):
        """A reload in which something is new: in turn a certificate, weights, a server less, a route, times."""
        edge = self.edge.config["edge"]
        kind = number % 5
        if kind == 0:
            self.certify()
        elif kind == 1:
            weights = [1 + (number + n) % 3 for n in range(3)]
            edge["pools"]["web"] = {"servers": [{"address": f"{s}:9000", "weight": w} for s, w in zip(self.servers, weights)],
                                    "balance": "weighted_round_robin"}
        elif kind == 2:
            edge["pools"]["web"] = {"servers": [f"{s}:9000" for n, s in enumerate(self.servers) if n != number // 5 % 3]}
        elif kind == 3:
            edge["routes"] = self.routes({"path": f"/only-{number}", "respond": {"status": 200}})
        else:
            edge["timeout"] = {"read": f"{60 + number % 7}s"}
        self.edge.reload()

    def upgrade(self):
        """A new process takes over; who is served by the old one is served on."""
        self.upgrades += 1
        self.edge.write()
        old = self.edge.process
        arguments = [part for part in old.arguments if part != "--upgrade"]
        new = meridian.Process([*arguments, "--upgrade"], self.directory / f"edge-{self.upgrades}.log")
        self.old.append(old)
        self.edge.process = new
        meridian.wait_until(lambda: not new.running() or "event=taken_over" in old.text(), "it is taken over")
        assert new.running(), new.text()

    def old_ones_end(self, seconds=120):
        """Every process that was followed by another one ends by itself, and well."""
        for process in self.old:
            meridian.wait_until(lambda process=process: not process.running(), "an old process has ended", seconds)
            assert process.status == 0, process.text()[-2000:]
            process.forget()
        self.old.clear()

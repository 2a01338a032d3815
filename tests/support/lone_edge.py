"""One edge with a configuration that the test changes as it goes, and servers that answer as the test's own code says.

    with Scripted(address) as server, LoneEdge(directory, servers=[server.name]) as edge:
        edge.get("/")
        edge.config["edge"]["pools"]["web"]["idle"] = {"connections": 1}
        edge.reload()
        server.heads          # [(number of the connection, head), ...]
"""
import contextlib
import http.client
import json
import pathlib
import socket
import threading
import time

import meridian


def ok(body=b"x", more=b""):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s" % (len(body), more, body)


class Exchange:
    """One connection of a Scripted server, as its script sees it."""

    def __init__(self, server, sock, number):
        self.server, self.sock, self.number = server, sock, number
        self.buffer = b""

    def read_head(self):
        """The next head with its empty line; empty at the end of the connection."""
        while b"\r\n\r\n" not in self.buffer:
            chunk = self.sock.recv(65536)
            if not chunk:
                return b""
            self.buffer += chunk
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        self.server.heads.append((self.number, head + b"\r\n\r\n"))
        return head + b"\r\n\r\n"

    def read(self, size):
        while len(self.buffer) < size:
            chunk = self.sock.recv(65536)
            if not chunk:
                break
            self.buffer += chunk
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def read_body(self, head):
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                return self.read(int(line.partition(b":")[2]))
        return b""

    def send(self, data):
        self.sock.sendall(data)


def answering(make=lambda head: ok()):
    """A script: what `make(head)` returns is the answer to each request, whose body is read first; None ends the connection."""
    def script(exchange):
        while head := exchange.read_head():
            exchange.read_body(head)
            answer = make(head)
            if answer is None:
                return
            exchange.send(answer)
    return script


class Scripted:
    """A server whose every connection is `script(Exchange)` on a thread of its own; `script` may be changed at any time, and so
    may `facts`, which the script finds as members of its server."""

    def __init__(self, address, script=None, port=9000, **facts):
        self.__dict__.update(facts)
        self.address, self.port = address, port
        self.name = f"{address}:{port}"
        self.script = script or answering()
        self.heads, self.connections, self.open = [], 0, set()
        self.lock = threading.Lock()
        self.listener = socket.create_server((address, port))
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                number = self.connections
                self.connections += 1
                self.open.add(number)
            threading.Thread(target=self.serve, args=(sock, number), daemon=True).start()

    def serve(self, sock, number):
        sock.settimeout(60)
        with sock, contextlib.suppress(OSError):
            self.script(Exchange(self, sock, number))
        with self.lock:
            self.open.discard(number)

    def asked(self, path):
        """The connections on which requests for this path came."""
        return [number for number, head in list(self.heads) if head.split(b" ")[1] == path.encode()]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class LoneEdge:
    """An edge of one worker on 127.N.1.1 with the pool `web`; `config` is its configuration as Python's dicts and lists."""

    def __init__(self, directory, slot, servers, pool=None, edge=None, routes=None, pools=None, environment=None, **more):
        self.environment = environment  # the whole of it; None: this process's
        self.slot = slot
        self.directory = pathlib.Path(directory)
        self.host = slot_address(slot, "1.1")
        self.config = {
            "service": "lone", "state_directory": f"{directory}/state", "regions": {"eu": {"edges": [self.host]}}, "log": {"level": "debug"},
            "edge": {"listen": [{"address": "{edge}:8080"}], "workers": 1, **(edge or {}),
                     "pools": {"web": {"servers": servers, **(pool or {})}, **(pools or {})}, "routes": routes or [{"path": "/", "pool": "web"}]}, **more}
        self.file = self.directory / "lone.yaml"
        (self.directory / "state").mkdir()
        self.write()
        self.start()

    def start(self):
        command = [meridian.binaries() / "meridian-edge", "--config", self.file, "--region", "eu", "--node", self.host]
        self.process = meridian.Process(command, self.directory / "edge.log", environment=self.environment)
        meridian.wait_until(lambda: not self.process.running() or self.admin("/healthz", "GET")[0] == 200, "the edge serves")
        assert self.process.running(), self.process.text()

    @property
    def web(self):
        return self.config["edge"]["pools"]["web"]

    def write(self):
        self.file.write_text(json.dumps(self.config, indent=1))

    def admin(self, path, method="POST"):
        return meridian.ask_socket(self.directory / "state" / f"edge-{self.host}" / "admin.sock", path, method)

    def reload(self, status=200):
        """What the reload says."""
        self.write()
        got, said = self.admin("/reload")
        assert got == status, said
        return said

    def get(self, path="/", source=None, method="GET", body=None, **fields):
        connection = self.connect(source)
        try:
            connection.request(method, path, body=body, headers={"Host": "lone.example", **{k.replace("_", "-"): v for k, v in fields.items()}})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def connect(self, source=None, timeout=60):
        return http.client.HTTPConnection(self.host, 8080, timeout=timeout, source_address=(source, 0) if source else None)

    def raw(self, timeout=30):
        return socket.create_connection((self.host, 8080), timeout=timeout)

    def pool(self, name="web"):
        return next(pool for pool in json.loads(self.admin("/status", "GET")[1])["pools"] if pool["pool"] == name)

    def servers(self, name="web"):
        return {server["server"]: server for server in self.pool(name)["servers"]}

    def metric(self, name, labels=""):
        """The sum of the samples of a metric whose labels contain this text."""
        return sum(float(line.rsplit(" ", 1)[1]) for line in self.admin("/metrics", "GET")[1].splitlines()
                   if line.startswith((name + "{", name + " ")) and labels in line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()


def slot_address(slot, rest):
    return f"127.{slot.number}.{rest}"


def read_to_end(sock):
    """What comes until the peer closes."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := sock.recv(65536):
            received += chunk
    return received


def closed_after(sock, began):
    """Seconds from `began` to the moment that the peer closed; what it sends before is dropped."""
    read_to_end(sock)
    return time.monotonic() - began

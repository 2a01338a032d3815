"""A WebSocket as a client has it over HTTP/1.1 or over a stream of HTTP/2 (RFC 8441), in the same words for both; frames of the library `websockets`.

    with OVER["h1"](host, "/chat") as socket:
        socket.status, socket.fields  # of the handshake: 101, or 200 over HTTP/2
        socket.send("hello")
        socket.receive()              # (opcode, octets); None: it is over
"""
import base64
import contextlib
import hashlib
import os
import socket

import h2_client
import meridian
from h2_websocket import H2WebSocket
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader


def accept_of(key):
    return base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()


class OverHttp1:
    switched = 101

    def __init__(self, host, path="/", *fields, key=None, receive_buffer=None, port=8080):
        self.key = base64.b64encode(os.urandom(16)) if key is None else key
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(60)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.connect((host, port))
        lines = [f"GET {path} HTTP/1.1", "Host: lone.example", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
        lines += [f"Sec-WebSocket-Key: {self.key.decode()}"] if self.key else []
        self.sock.sendall("\r\n".join(lines + [f"{name}: {value}" for name, value in fields] + ["", ""]).encode())
        self.body, self.ended, self.broken, self.read = b"", False, False, 0
        head = b""
        while b"\r\n\r\n" not in head:
            octets = self.sock.recv(65536)
            assert octets, f"the connection ended inside the head: {head}"
            head += octets
        head, _, self.body = head.partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        self.status = int(first.split(" ")[1])
        self.list = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in rest)]
        self.fields = dict(self.list)
        self.reader = StreamReader()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def more(self):
        """Waits for octets; False: it is over."""
        try:
            octets = self.sock.recv(65536)
        except ConnectionError:
            self.broken = True
            return False
        self.body += octets
        self.ended = self.ended or not octets
        return bool(octets)

    def raw(self, octets):
        self.sock.sendall(octets)

    def end(self):
        self.sock.shutdown(socket.SHUT_WR)

    def leave(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    def send(self, message, opcode=None):
        binary = isinstance(message, bytes)
        octets = message if binary else message.encode()
        self.raw(Frame(opcode or (Opcode.BINARY if binary else Opcode.TEXT), octets).serialize(mask=True))

    def close(self, code=1000):
        self.send(code.to_bytes(2, "big"), Opcode.CLOSE)

    def receive(self):
        """(opcode, octets) of the next frame; None: it is over."""
        parser = Frame.parse(self.reader.read_exact, mask=False)
        while True:
            if len(self.body) > self.read:
                self.reader.feed_data(self.body[self.read:])
                self.read = len(self.body)
            try:
                next(parser)
            except StopIteration as done:
                return done.value.opcode, done.value.data
            if not self.more():
                return None

    def until_over(self):
        while not self.ended and not self.broken and self.more():
            pass


class OverHttp2(OverHttp1):
    switched = 200

    def __init__(self, host, path="/", *fields, receive_buffer=None):  # pylint: disable=super-init-not-called
        self.client = h2_client.H2(host, receive_buffer=receive_buffer)
        self.socket = H2WebSocket(self.client, path, *fields)
        self.status, self.list = self.answer.status, self.answer.head
        self.fields, self.read, self.reader = dict(self.list), 0, StreamReader()

    def __exit__(self, *_):
        self.client.sock.close()

    @property
    def answer(self):
        return self.socket.answer

    @property
    def body(self):
        return self.answer.body

    @property
    def ended(self):
        return self.answer.ended

    @property
    def broken(self):
        return self.answer.reset is not None

    def more(self):
        had = len(self.body)
        self.client.until(lambda: len(self.body) > had or self.answer.over, "more of the WebSocket")
        return len(self.body) > had

    def raw(self, octets):
        self.client.data(self.socket.stream, octets)

    def end(self):
        self.socket.end()

    def leave(self):
        self.client.reset(self.socket.stream)
        self.client.round_trip()


OVER = {"h1": OverHttp1, "h2": OverHttp2}


@contextlib.contextmanager
def haproxy(directory, address, behind, port=9100):
    """haproxy as a server of HTTP/2 in front of a WebSocket server; gives its address and port."""
    (directory / "haproxy.cfg").write_text(
        "global\n  maxconn 500\ndefaults\n  mode http\n  timeout connect 60s\n  timeout client 60s\n  timeout server 60s\n  timeout tunnel 60s\n"
        f"frontend f\n  bind {address}:{port} proto h2\n  default_backend b\nbackend b\n  server s {behind}\n")
    with running(["/usr/sbin/haproxy", "-db", "-f", directory / "haproxy.cfg"], directory / "haproxy.log", address, port) as name:
        yield name


@contextlib.contextmanager
def nghttpx(directory, address, behind, port=9100):
    """nghttpx likewise."""
    (directory / "nghttpx.conf").write_text("")
    command = ["/usr/sbin/nghttpx", f"--conf={directory}/nghttpx.conf", f"--frontend={address},{port};no-tls", f"--backend={behind.replace(':', ',')}",
               "--workers=1", "--no-ocsp", "--single-process", "--user=root"]
    with running(command, directory / "nghttpx.log", address, port) as name:
        yield name


@contextlib.contextmanager
def running(command, log, address, port):
    process = meridian.Process(command, log)

    def accepts():
        with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
            return True
        return False
    try:
        meridian.wait_until(accepts, "it listens")
        yield f"{address}:{port}"
    finally:
        process.kill()

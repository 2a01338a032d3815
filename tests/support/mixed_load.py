"""Clients of every protocol at once, each a thread, that count what they were served and what went wrong.

    with Load(target, {"http": 2, "h2": 2, "websocket": 3}) as load:
        load.all_served(5)                 # every client has been served five times more
    load.failures                          # [(kind, what), ...]
    load.served["h2"], load.moved["h2"]    # requests; connections that the edge ended in the protocol's own words

A failure is whatever a client could not explain: no answer, a wrong one, a reset, an end without the protocol's words for it. To hear
`Connection: close`, GOAWAY or a Close with 1001, and to go on by a new connection, is none. Nor is it to find a connection gone on which this client
has said nothing for a second, as on a busy machine: an edge that stops waits that long for it (docs/operations.md), and load.silent counts these.
"""
import collections
import contextlib
import dataclasses
import hashlib
import http.client
import os
import pathlib
import queue
import random
import socket
import ssl
import struct
import threading
import time

import grpc
import meridian
from certificates import HttpsConnection, trusting
from h2_client import H2, Closed
from h2_websocket import H2WebSocket

PATIENCE = 60
DOWNLOAD = 8_000_003  # octets
PAUSE = 0.01
FILE = b"f" * 100_003  # of the pool that speaks HTTP/2
CALL = 20  # messages
SILENCE = 0.95  # seconds, of the one that a stop waits for who is silent


@dataclasses.dataclass(frozen=True)
class Target:
    """An edge, and where it speaks what. Ports that are None are not asked."""
    host: str
    name: str            # of its certificate, and in Host
    ca: pathlib.Path
    http: int | None = 8080
    https: int | None = 8443
    proxied: int | None = None  # expects a PROXY header
    tcp: int | None = None      # a server that says everything back
    tls_tcp: int | None = None  # likewise, under TLS
    udp: int | None = None      # likewise
    websocket: str = "/ws"
    websocket_h2: str = "/ws-h2"  # of a server that speaks HTTP/2
    path: str = "/"


class Wrong(Exception):
    """Not what a client may expect."""


class Ended(Wrong):
    """The other side has closed."""


class Silent(Exception):
    """This client was, for longer than anybody waits."""


def expect(holds, what):
    if not holds:
        raise Wrong(what)


class PlainConnection(http.client.HTTPConnection):
    """With a PROXY header before anything else, if there is one."""

    def __init__(self, host, port, header=b"", **more):
        super().__init__(host, port, **more)
        self.header = header

    def connect(self):
        super().connect()
        if self.header:
            self.sock.sendall(self.header)


class Client(threading.Thread):
    """One client of one kind; `work` serves itself over and over and leaves when the load stops."""

    def __init__(self, load, kind, number):
        super().__init__(daemon=True)
        self.load, self.kind, self.target, self.served = load, kind, load.target, 0
        self.draw = random.Random(number)
        self.context = trusting(self.target.ca)
        self.h2_context = trusting(self.target.ca)
        self.h2_context.set_alpn_protocols(["h2"])

    def run(self):
        work = getattr(self, self.kind)
        while not self.load.stopping.is_set():
            self.spoke = time.monotonic()
            try:
                work()
            except Silent:
                self.load.count_silent(self.kind)
            except Exception as error:  # whatever a client sees instead of an answer is what we are here for
                self.load.failures.append((self.kind, f"{type(error).__name__}: {error}"))
                time.sleep(0.1)

    def note(self):
        self.served += 1
        self.load.count(self.kind)
        time.sleep(PAUSE)

    def moved(self):
        self.load.moved_by_kind[self.kind] += 1

    @property
    def live(self):
        return not self.load.stopping.is_set()

    @contextlib.contextmanager
    def asking(self):
        """A request up to its answer's head: `with self.asking() as sent: ...; sent(); ...`. What is lost behind the silence of this client is lost by it."""
        began, sent = time.monotonic(), []
        try:
            yield lambda: sent.append(time.monotonic())
        except ConnectionRefusedError:
            raise
        except (ConnectionError, ssl.SSLError, Ended, Closed) as error:
            if (sent or [time.monotonic()])[0] - self.spoke < SILENCE:
                raise
            raise Silent from error
        self.spoke = began

    def wrapped(self, sock):
        with self.asking():
            return self.context.wrap_socket(sock, server_hostname=self.target.name)

    def h2_connection(self):
        with self.asking():
            return H2(self.target.host, self.target.https, authority=self.target.name, tls=self.h2_context)

    # -- HTTP/1.1

    def ask(self, connection, **fields):
        """One request; True if the connection stays."""
        body = self.draw.randbytes(self.draw.choice((0, 0, 100, 20_000)))
        method = "POST" if body else "GET"
        with self.asking() as sent:
            connection.request(method, self.target.path, body=body or None, headers={"Host": self.target.name, **fields})
            sent()
            response = connection.getresponse()
        said = response.read()
        expect(response.status == 200, f"status {response.status}: {said[:100]!r}")
        if body:
            expect(hashlib.sha256(body).hexdigest().encode() in said, "another body arrived at the server")
        self.note()
        return not response.will_close

    def keep_asking(self, connection):
        with contextlib.closing(connection):
            while self.live:
                if not self.ask(connection):
                    return self.moved()

    def http(self):
        self.keep_asking(PlainConnection(self.target.host, self.target.http, timeout=PATIENCE))

    def proxied(self):
        header = f"PROXY TCP4 192.0.2.{self.draw.randint(1, 250)} 192.0.2.251 1000 443\r\n".encode()
        self.keep_asking(PlainConnection(self.target.host, self.target.proxied, header, timeout=PATIENCE))

    def secure(self, **more):
        return HttpsConnection(self.target.host, self.target.https, self.target.name, self.context, timeout=PATIENCE, **more)

    def https(self):
        self.keep_asking(self.secure())

    def handshake(self):
        """A new connection for each request, of either version of TLS."""
        context = trusting(self.target.ca)
        context.maximum_version = self.draw.choice((ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3))
        connection = HttpsConnection(self.target.host, self.target.https, self.target.name, context, timeout=PATIENCE)
        with contextlib.closing(connection):
            self.ask(connection, Connection="close")

    def download(self):
        """Slow enough to last over a reload or an upgrade."""
        connection = self.secure() if self.draw.random() < 0.5 else PlainConnection(self.target.host, self.target.http, timeout=PATIENCE)
        with contextlib.closing(connection):
            with self.asking() as sent:
                connection.request("GET", f"{self.target.path}?bytes={DOWNLOAD}", headers={"Host": self.target.name})
                sent()
                response = connection.getresponse()
            expect(response.status == 200, f"status {response.status}")
            seen, octets = hashlib.sha256(), 0
            while piece := response.read1(65536):
                seen.update(piece)
                octets += len(piece)
                time.sleep(0.02)
            expect(octets == DOWNLOAD, f"{octets} of {DOWNLOAD} octets")
            self.load.same("download", seen.hexdigest())
            self.note()

    # -- HTTP/2

    def h2(self):
        with self.h2_connection() as connection:
            expect(connection.sock.selected_alpn_protocol() == "h2", "no HTTP/2 by ALPN")
            while self.live:
                with self.asking() as sent:
                    streams = [connection.get(self.target.path) for _ in range(self.draw.randint(1, 8))]
                    sent()
                    self.served_or_unprocessed(connection, streams)
                for stream in streams:
                    answer = connection.streams[stream]
                    expect(answer.reset is None and answer.status == 200, f"stream {stream}: status {answer.status}, reset {answer.reset}")
                    self.load.count(self.kind)
                self.note()
                if connection.goaways:
                    expect(all(code == 0 for _, code in connection.goaways), f"GOAWAY {connection.goaways}")
                    return self.moved()

    @staticmethod
    def served_or_unprocessed(connection, streams):
        """What GOAWAY leaves out may be asked again elsewhere (RFC 9113 6.8); what it has taken is answered."""
        try:
            connection.until_over(*streams)
        except Closed:
            last = connection.goaways[-1] if connection.goaways else None
            taken = [stream for stream in streams if not connection.streams[stream].over and (last is None or stream <= last[0])]
            expect(last and last[1] == 0 and not taken, f"streams {taken} are lost, {connection.goaways}")
            raise

    def h2_pool(self):
        """Over HTTP/1.1 to the edge, which asks a server over HTTP/2 and TLS."""
        with contextlib.closing(self.secure()) as connection:
            while self.live:
                with self.asking() as sent:
                    connection.request("GET", "/file", headers={"Host": self.target.name})
                    sent()
                    response = connection.getresponse()
                said = response.read()
                expect(response.status == 200 and said == FILE, f"status {response.status}, {len(said)} octets")
                self.note()
                if response.will_close:
                    return self.moved()

    def grpc(self):
        """Streams both ways, one after another; that the library goes over to a new connection on GOAWAY it tells nobody."""
        trusted = grpc.ssl_channel_credentials(self.target.ca.read_bytes())
        options = [("grpc.ssl_target_name_override", self.target.name), ("grpc.default_authority", self.target.name), ("grpc.use_local_subchannel_pool", 1)]
        with grpc.secure_channel(f"{self.target.host}:{self.target.https}", trusted, options) as channel:
            while self.live:
                try:
                    self.call(channel)
                except grpc.RpcError as error:
                    raise (ConnectionRefusedError if "refused" in error.details() else Wrong)(f"{error.code()}: {error.details()}") from error

    def call(self, channel):
        said, heard = queue.SimpleQueue(), 0
        said.put(b"0")
        for answer in channel.stream_stream("/mixed.Echo/Both")(iter(said.get, None), timeout=PATIENCE):
            expect(answer == b"%d" % heard, f"{answer[:50]!r} in the place of {heard}")
            heard += 1
            said.put(b"%d" % heard if heard < CALL else None)
            self.note()
        expect(heard == CALL, f"an end after {heard} of {CALL} messages")

    # -- what is no request

    def converse(self, sock):
        for _ in range(self.draw.randint(20, 200)):
            data = self.draw.randbytes(self.draw.choice((1, 100, 5000)))
            sock.sendall(data)
            expect(read_exactly(sock, len(data)) == data, "another echo")
            self.note()
            if not self.live:
                break
        sock.shutdown(socket.SHUT_WR)
        expect(sock.recv(1) == b"", "an end behind the end")

    def tcp(self):
        with socket.create_connection((self.target.host, self.target.tcp), timeout=PATIENCE) as sock:
            self.converse(sock)

    def tls_tcp(self):
        sock = socket.create_connection((self.target.host, self.target.tls_tcp), timeout=PATIENCE)
        with self.wrapped(sock) as secure:
            for _ in range(self.draw.randint(20, 200)):
                data = self.draw.randbytes(self.draw.choice((1, 100, 5000)))
                secure.sendall(data)
                expect(read_exactly(secure, len(data)) == data, "another echo")
                self.note()
                if not self.live:
                    break

    def udp(self):
        """A datagram may be lost, as it may be on any way: who hears nothing says it again, twice."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(2)
            sock.connect((self.target.host, self.target.udp))
            for _ in range(self.draw.randint(20, 200)):
                data = self.draw.randbytes(self.draw.choice((8, 100, 1200)))
                expect(any(answered(sock, data) for _ in range(3)), "no datagram came back")
                self.note()
                if not self.live:
                    break

    def websocket(self):
        self.plain_messages(self.target.websocket)

    def websocket_h2_pool(self):
        """To a server that gets it as an extended CONNECT."""
        self.plain_messages(self.target.websocket_h2)

    def plain_messages(self, path):
        with socket.create_connection((self.target.host, self.target.http), timeout=PATIENCE) as sock:
            self.messages(sock, path)

    def wss(self):
        sock = socket.create_connection((self.target.host, self.target.https), timeout=PATIENCE)
        with self.wrapped(sock) as secure:
            self.messages(secure, self.target.websocket)

    def h2_websocket(self):
        """By extended CONNECT (RFC 8441)."""
        self.stream_messages(self.target.websocket)

    def h2_websocket_h2_pool(self):
        """Likewise, and so on to its server."""
        self.stream_messages(self.target.websocket_h2)

    def stream_messages(self, path):
        with self.h2_connection() as connection:
            with self.asking():
                chat = H2WebSocket(connection, path)
            expect(chat.answer.status == 200, f"status {chat.answer.status}, reset {chat.answer.reset}")
            while self.live:
                text = self.draw.randbytes(8).hex()
                chat.send(text)
                kind, payload = chat.receive() or (None, b"the stream is over")
                if kind == 8:
                    expect(payload[:2] == struct.pack("!H", 1001), f"closed with {payload!r}")
                    chat.close(1001)
                    return self.moved()
                expect((kind, payload) == (1, text.encode()), f"{text!r} came back as {kind}, {payload[:50]!r}")
                self.note()
            chat.close()
            while (frame := chat.receive()) and frame[0] != 8:
                pass

    def messages(self, sock, path):
        with self.asking() as sent:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {self.target.name}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
            sent()
            head = read_exactly(sock, 1)
        while not head.endswith(b"\r\n\r\n"):
            head += read_exactly(sock, 1)
        expect(head.startswith(b"HTTP/1.1 101 "), head[:60])
        while self.live:
            text = self.draw.randbytes(8).hex().encode()
            send_frame(sock, 1, text)
            kind, payload = read_frame(sock)
            if kind == 8:
                expect(payload[:2] == struct.pack("!H", 1001), f"closed with {payload!r}")
                with contextlib.suppress(OSError):  # the answer to it: who has gone already needs none
                    send_frame(sock, 8, payload[:2])
                return self.moved()
            expect((kind, payload) == (1, text), f"{text!r} came back as {kind}, {payload[:50]!r}")
            self.note()
        send_frame(sock, 8, struct.pack("!H", 1000))
        while read_frame(sock)[0] != 8:
            pass


def answered(sock, data):
    """Sends a datagram; whether it comes back. What comes late of an earlier one is passed over."""
    sock.send(data)
    with contextlib.suppress(TimeoutError, ConnectionRefusedError):
        while True:
            if sock.recv(65536) == data:
                return True
    return False


def read_exactly(sock, size):
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            raise Ended(f"an end after {len(data)} of {size} octets")
        data += piece
    return data


def send_frame(sock, kind, payload):
    """One of a client: masked (RFC 6455 5.2)."""
    mask = os.urandom(4)
    sock.sendall(bytes([0x80 | kind, 0x80 | len(payload)]) + mask + bytes(octet ^ mask[n % 4] for n, octet in enumerate(payload)))


def read_frame(sock):
    """(opcode, payload) of a short frame of a server's."""
    first, length = read_exactly(sock, 2)
    return first & 15, read_exactly(sock, length)


class Load:
    """Used as a context: the clients work until it ends."""

    def __init__(self, target, kinds):
        self.target, self.stopping, self.failures = target, threading.Event(), []
        self.served, self.moved_by_kind, self.digests, self.lock = collections.Counter(), collections.Counter(), {}, threading.Lock()
        self.silent = collections.Counter()
        self.clients = [Client(self, kind, n) for kind, count in kinds.items() for n in range(count)]

    @property
    def moved(self):
        return self.moved_by_kind

    def count(self, kind):
        with self.lock:
            self.served[kind] += 1

    def count_silent(self, kind):
        with self.lock:
            self.silent[kind] += 1

    def same(self, what, digest):
        """All downloads are one."""
        expect(self.digests.setdefault(what, digest) == digest, f"another {what}")

    def all_served(self, times=1, seconds=120):
        """Waits until each client was served so often from now on. Downloads take their time: they are not waited for."""
        before = {client: client.served for client in self.clients if client.kind != "download"}
        meridian.wait_until(lambda: self.failures or all(client.served >= n + times for client, n in before.items()),
                            "each client is served", seconds)

    def __enter__(self):
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for client in self.clients:
            client.join(PATIENCE + 10)
            if client.is_alive():
                self.failures.append((client.kind, "it waits for ever"))

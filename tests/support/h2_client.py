"""A client of HTTP/2 that may break every rule: it makes each frame by hand and notes what comes.

    with H2(host, 8080) as h2:
        stream = h2.get("/")
        h2.until_ended(stream)
        h2.streams[stream].status, h2.streams[stream].body
"""
import contextlib
import socket
import ssl
import struct
import time

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
PRIORITY_UPDATE = 16
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL = range(9)
COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 9, 11
WINDOW = 65535
PATIENCE = 60


class Closed(AssertionError):
    """The connection has ended before what was waited for."""


class Answer:
    """What has come on one stream."""

    def __init__(self):
        self.interims, self.head, self.body, self.trailers = [], None, b"", None
        self.ended, self.reset, self.frames = False, None, 0

    @property
    def status(self):
        return int(dict(self.head)[":status"]) if self.head else None

    @property
    def fields(self):
        return dict(self.head)

    @property
    def over(self):
        return self.ended or self.reset is not None


class H2:
    def __init__(self, host, port=8080, settings=(), authority="lone.example", hello=True, receive_buffer=None, tls=None):
        self.authority, self.scheme = authority, "https" if tls else "http"
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or each frame waits for the acknowledgement of the one before
        self.sock.settimeout(PATIENCE)
        self.sock.connect((host, port))
        if tls:
            self.sock = tls.wrap_socket(self.sock, server_hostname=authority)
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.buffer, self.block, self.next = b"", b"", 1
        self.streams, self.order = {}, []
        self.goaways, self.settings, self.pings, self.closed, self.updates, self.sent = [], {}, [], False, {}, {}
        self.auto_window = self.auto_ack = True
        self.held = None
        if hello:
            self.sock.sendall(PREFACE)
            self.frame(SETTINGS, payload=b"".join(struct.pack("!HI", *pair) for pair in settings))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    # What goes out.

    def raw(self, octets):
        """False: the other side has ended the connection."""
        if self.held is not None:
            self.held += octets
            return True
        try:
            self.sock.sendall(octets)
            return True
        except OSError:
            self.closed = True
            return False

    @contextlib.contextmanager
    def together(self):
        """What is sent within leaves in one piece."""
        self.held = b""
        yield
        held, self.held = self.held, None
        self.raw(held)

    @staticmethod
    def make(kind, flags=0, stream=0, payload=b""):
        return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload

    def frame(self, kind, flags=0, stream=0, payload=b""):
        return self.raw(self.make(kind, flags, stream, payload))

    def new_stream(self):
        stream, self.next = self.next, self.next + 2
        self.streams[stream] = Answer()
        return stream

    def head(self, path="/", method="GET", fields=(), authority=None):
        authority = self.authority if authority is None else authority
        return [(":method", method), (":scheme", self.scheme), (":path", path), (":authority", authority), *fields]

    def request(self, head, end=True, stream=None):
        stream = stream or self.new_stream()
        block = self.encoder.encode(head)
        pieces = [block[at:at + 16384] for at in range(0, len(block), 16384)]
        for n, piece in enumerate(pieces):
            last = END_HEADERS if n == len(pieces) - 1 else 0
            self.frame(CONTINUATION if n else HEADERS, last | (END_STREAM if end and not n else 0), stream, piece)
        return stream

    def get(self, path="/", *fields, end=True, **more):
        return self.request(self.head(path, fields=fields, **more), end)

    def post(self, path="/", body=b"", *fields, trailers=None, **more):
        stream = self.request(self.head(path, "POST", fields, **more), end=not body and trailers is None)
        if body:
            self.data(stream, body, end=trailers is None)
        if trailers is not None:
            self.frame(HEADERS, END_HEADERS | END_STREAM, stream, self.encoder.encode(trailers))
        return stream

    def data(self, stream, body, end=False):
        """Waits for the windows, as every client must; a stream that is over gets no more."""
        while not self.streams[stream].over and not self.closed:
            if body:
                self.until(lambda: self.room(stream) > 0 or self.streams[stream].over, "room in the windows")
            piece, body = body[:min(16384, self.room(stream))], body[min(16384, self.room(stream)):]
            self.sent[stream] = self.sent.get(stream, 0) + len(piece)
            self.sent[0] = self.sent.get(0, 0) + len(piece)
            self.frame(DATA, END_STREAM if end and not body else 0, stream, piece)
            if not body:
                return

    def room(self, stream):
        """What may be sent on the stream now (RFC 9113 section 5.2.1)."""
        start = {0: WINDOW, stream: self.settings.get(4, WINDOW)}
        return min(start[which] + self.updates.get(which, 0) - self.sent.get(which, 0) for which in (0, stream))

    def reset(self, stream, code=CANCEL):
        return self.frame(RST_STREAM, 0, stream, struct.pack("!I", code))

    def window(self, stream, octets):
        return self.frame(WINDOW_UPDATE, 0, stream, struct.pack("!I", octets))

    # What comes in.

    def read_frame(self, timeout=PATIENCE):
        """(kind, flags, stream, payload); None at the end of the connection."""
        self.sock.settimeout(timeout)
        while len(self.buffer) < 9 or len(self.buffer) < 9 + int.from_bytes(self.buffer[:3], "big"):
            try:
                octets = self.sock.recv(65536)
            except (ConnectionError, ssl.SSLError):
                octets = b""
            if not octets:
                self.closed = True
                return None
            self.buffer += octets
        size = int.from_bytes(self.buffer[:3], "big")
        kind, flags, stream = struct.unpack("!BBI", self.buffer[3:9])
        payload, self.buffer = self.buffer[9:9 + size], self.buffer[9 + size:]
        self.note(kind, flags, stream, payload)
        return kind, flags, stream, payload

    def note(self, kind, flags, stream, payload):
        answer = self.streams.setdefault(stream, Answer()) if stream else None
        if kind == DATA:
            answer.body += payload
            answer.frames += 1
            self.order.append(stream)
            if self.auto_window and payload:
                self.window(0, len(payload))
                if not flags & END_STREAM:
                    self.window(stream, len(payload))
        elif kind in (HEADERS, CONTINUATION):
            self.block += payload
            if flags & END_HEADERS:
                self.note_head(answer, self.decoder.decode(self.block))
                self.block = b""
        elif kind == RST_STREAM:
            answer.reset = int.from_bytes(payload, "big")
        elif kind == GOAWAY:
            self.goaways.append(struct.unpack("!II", payload[:8]))
        elif kind == SETTINGS and not flags & ACK:
            self.settings.update(struct.unpack("!HI", payload[at:at + 6]) for at in range(0, len(payload), 6))
            if self.auto_ack:
                self.frame(SETTINGS, ACK)
        elif kind == PING:
            self.pings.append((flags, payload))
            if not flags & ACK:
                self.frame(PING, ACK, 0, payload)
        elif kind == WINDOW_UPDATE:
            self.updates[stream] = self.updates.get(stream, 0) + int.from_bytes(payload, "big")
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            answer.ended = True

    @staticmethod
    def note_head(answer, fields):
        if answer.head is not None:
            answer.trailers = fields
        elif dict(fields)[":status"].startswith("1"):
            answer.interims.append(fields)
        else:
            answer.head = fields

    def until(self, holds, what, patience=PATIENCE):
        """Reads until it holds."""
        end = time.monotonic() + patience
        while not holds():
            if self.closed:
                raise Closed(f"closed, and not: {what}; {self.goaways}")
            left = end - time.monotonic()
            assert left > 0, f"not in time: {what}"
            with contextlib.suppress(TimeoutError):
                self.read_frame(left)

    def until_over(self, *streams):
        self.until(lambda: all(self.streams[stream].over for stream in streams), f"streams {streams} are over")
        return self.streams[streams[0]]

    def until_closed(self, patience=PATIENCE):
        end = time.monotonic() + patience
        while not self.closed:
            left = end - time.monotonic()
            assert left > 0, "the connection is still open"
            with contextlib.suppress(TimeoutError):
                self.read_frame(left)

    def read_for(self, seconds):
        """What comes in that time."""
        end = time.monotonic() + seconds
        while not self.closed and (left := end - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                self.read_frame(left)

    def round_trip(self):
        """The other side has dealt with all that was sent."""
        before = len(self.pings)
        self.frame(PING, 0, 0, b"12345678")
        self.until(lambda: len(self.pings) > before, "PING is answered")

    def fetch(self, path="/", *fields, **more):
        return self.until_over(self.get(path, *fields, **more))

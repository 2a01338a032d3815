"""A server of HTTP/2 with prior knowledge that may break every rule: scripts for lone_edge.Scripted, which see whole requests or single frames.

    def answer(peer, request):
        peer.respond(request.stream, 200, body=b"hello")

    with Scripted(address, speaking_h2(answer)) as server: ...
"""
import contextlib
import socket
import struct
import threading

import h2_client
import hpack
from h2_client import ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE

MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 3, 4


class Request:
    """What has come on one stream."""

    def __init__(self, stream, fields):
        self.stream, self.list = stream, fields
        self.fields, self.body, self.trailers, self.ended, self.reset = dict(fields), b"", None, False, None

    @property
    def path(self):
        return self.fields[":path"]


class Peer:
    """One connection, as its script sees it. Frames may be sent by any thread."""

    def __init__(self, exchange, settings=()):
        self.server, self.sock, self.number = exchange.server, exchange.sock, exchange.number
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.lock = threading.RLock()
        self.requests, self.settings, self.goaways, self.resets, self.block = {}, {}, [], [], b""
        self.acknowledged = 0      # of our SETTINGS
        self.pings = 0
        self.answers_pings = True
        self.auto_window = True
        self.windows = {}          # what the edge gives back, by stream
        self.buffer = b""
        assert self.read(len(PREFACE)) == PREFACE
        self.frame(SETTINGS, payload=b"".join(struct.pack("!HI", *pair) for pair in settings))

    def read(self, size):
        while len(self.buffer) < size:
            with contextlib.suppress(OSError):
                if octets := self.sock.recv(65536):
                    self.buffer += octets
                    continue
            return b""
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def raw(self, octets):
        with self.lock:
            self.sock.sendall(octets)

    def frame(self, kind, flags=0, stream=0, payload=b""):
        self.raw(h2_client.H2.make(kind, flags, stream, payload))

    def head(self, stream, status=200, fields=(), end=False):
        with self.lock:
            block = self.encoder.encode([(":status", str(status)), *fields])
            self.frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block)

    def trailers(self, stream, fields):
        with self.lock:
            self.frame(HEADERS, END_HEADERS | END_STREAM, stream, self.encoder.encode(fields))

    def data(self, stream, body, end=False):
        while len(body) > 16384:
            self.frame(DATA, 0, stream, body[:16384])
            body = body[16384:]
        self.frame(DATA, END_STREAM if end else 0, stream, body)

    def respond(self, stream, status=200, body=b"", fields=(), trailers=None):
        self.head(stream, status, fields, end=not body and trailers is None)
        if body:
            self.data(stream, body, end=trailers is None)
        if trailers is not None:
            self.trailers(stream, trailers)

    def reset(self, stream, code):
        self.frame(RST_STREAM, 0, stream, struct.pack("!I", code))

    def goaway(self, last, code=0):
        self.frame(GOAWAY, 0, 0, struct.pack("!II", last, code))

    def window(self, stream, octets):
        self.frame(WINDOW_UPDATE, 0, stream, struct.pack("!I", octets))

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def next_frame(self):
        """(kind, flags, stream, payload), noted; None at the end of the connection."""
        head = self.read(9)
        if len(head) < 9:
            return None
        kind, flags, stream = struct.unpack("!BBI", head[3:9])
        payload = self.read(int.from_bytes(head[:3], "big"))
        self.note(kind, flags, stream, payload)
        return kind, flags, stream, payload

    def note(self, kind, flags, stream, payload):
        if kind in (HEADERS, CONTINUATION):
            self.block += payload
            if flags & END_HEADERS:
                fields, self.block = self.decoder.decode(self.block), b""
                if stream in self.requests:
                    self.requests[stream].trailers = fields
                else:
                    self.requests[stream] = Request(stream, fields)
                    self.server.heads.append((self.number, b"%s %s h2" % (dict(fields)[":method"].encode(), dict(fields)[":path"].encode())))
        elif kind == DATA:
            self.requests[stream].body += payload
            if payload and self.auto_window:
                self.window(0, len(payload))
                self.window(stream, len(payload))
        elif kind == RST_STREAM:
            self.resets.append((stream, int.from_bytes(payload, "big")))
            if stream in self.requests:
                self.requests[stream].reset = int.from_bytes(payload, "big")
        elif kind == GOAWAY:
            self.goaways.append(struct.unpack("!II", payload[:8]))
        elif kind == SETTINGS:
            if flags & ACK:
                self.acknowledged += 1
            else:
                self.settings.update(struct.unpack("!HI", payload[at:at + 6]) for at in range(0, len(payload), 6))
                self.frame(SETTINGS, ACK)
        elif kind == PING:
            self.pings += not flags & ACK
            if not flags & ACK and self.answers_pings:
                self.frame(PING, ACK, 0, payload)
        elif kind == WINDOW_UPDATE:
            self.windows[stream] = self.windows.get(stream, 0) + int.from_bytes(payload, "big")
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            self.requests[stream].ended = True


def speaking_h2(answer, begun=None, settings=()):
    """A script: `answer(peer, request)` for each request whose end has come, `begun(peer, request)` for each whose head has."""
    def script(exchange):
        peer = Peer(exchange, settings)
        exchange.server.__dict__.setdefault("peers", []).append(peer)
        while frame := peer.next_frame():
            kind, flags, stream, _ = frame
            if kind not in (HEADERS, DATA) or stream not in peer.requests:
                continue
            if begun and kind == HEADERS and peer.requests[stream].trailers is None:
                begun(peer, peer.requests[stream])
            if answer and flags & END_STREAM:
                answer(peer, peer.requests[stream])
    return script

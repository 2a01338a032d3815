"""A WebSocket over a stream of HTTP/2 (RFC 8441): the frames of the library `websockets`, the stream of h2_client.

    with H2(host) as client:
        socket = H2WebSocket(client, "/chat")
        socket.send("hello")
        socket.receive()              # (opcode, octets)
"""
import h2_client as h2
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader


class H2WebSocket:
    def __init__(self, client, path="/", *fields, protocol="websocket"):
        self.client, self.read = client, 0
        client.until(lambda: client.settings, "SETTINGS")
        head = [(":method", "CONNECT"), (":protocol", protocol), (":scheme", client.scheme), (":path", path), (":authority", client.authority),
                ("sec-websocket-version", "13"), *fields]
        self.stream = client.request(head, end=False)
        client.until(lambda: self.answer.head is not None or self.answer.over, "an answer")
        self.reader = StreamReader()

    @property
    def answer(self):
        return self.client.streams[self.stream]

    def send(self, message, opcode=None):
        binary = isinstance(message, bytes)
        octets = message if binary else message.encode()
        frame = Frame(opcode or (Opcode.BINARY if binary else Opcode.TEXT), octets).serialize(mask=True)
        self.client.data(self.stream, frame)

    def close(self, code=1000):
        self.send(code.to_bytes(2, "big"), Opcode.CLOSE)

    def receive(self):
        """(opcode, octets) of the next frame; None: the stream is over."""
        parser = Frame.parse(self.reader.read_exact, mask=False)
        while True:
            body = self.answer.body
            if len(body) > self.read:
                self.reader.feed_data(body[self.read:])
                self.read = len(body)
            try:
                next(parser)
            except StopIteration as done:
                return done.value.opcode, done.value.data
            if self.answer.over and len(self.answer.body) == self.read:
                return None
            self.client.until(lambda: len(self.answer.body) > self.read or self.answer.over, "more of the WebSocket")

    def end(self):
        self.client.frame(h2.DATA, h2.END_STREAM, self.stream)

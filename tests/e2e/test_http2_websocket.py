"""WebSocket over HTTP/2 (RFC 8441) to servers of HTTP/1.1: extended CONNECT, the handshake towards the server, the ways to an end."""
import asyncio
import base64
import contextlib
import hashlib
import signal
import socket
import ssl

import h2.config
import h2.connection
import h2.events
import pytest

import h2_client
import meridian
from certificates import Authority
from h2_client import H2
from h2_websocket import H2WebSocket
from lone_edge import LoneEdge, Scripted, ok, slot_address
from test_websocket import AWAY, FAST_STOP, Echo, connect, ends, lines, said_away
from websockets.frames import Opcode

CONNECT_ERROR = 10


@pytest.fixture
def slot():
    held = meridian.Lease()
    yield held
    held.release()


@pytest.fixture
def echo(slot):
    with Echo(slot_address(slot, "2.1")) as server:
        yield server


def accept_of(head):
    key = next(line.partition(b":")[2].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
    return base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())


def switching(accept=accept_of, speaks=b"websocket", then=lambda exchange: exchange.sock.recv(1), more=b""):
    def script(exchange):
        while head := exchange.read_head():
            if b"upgrade:" not in head.lower():
                exchange.send(ok(head))
                continue
            exchange.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\nSec-WebSocket-Accept: %s\r\n%s\r\n" % (speaks, accept(head), more))
            then(exchange)
            return
    return script


def test_messages_of_every_size_come_back_beside_requests_and_are_counted(slot, echo, tmp_path):
    log = tmp_path / "access.log"
    with LoneEdge(tmp_path, slot, [echo.name], edge={"access_log": str(log)}, routes=[{"path": "/page", "respond": {"body": "x"}}, {"path": "/", "pool": "web"}]) as edge, \
            H2(edge.host) as client:
        chat = H2WebSocket(client, "/chat", ("sec-websocket-protocol", "chat"))
        assert client.settings[8] == 1, "SETTINGS_ENABLE_CONNECT_PROTOCOL"
        assert chat.answer.status == 200 and chat.answer.fields["sec-websocket-protocol"] == "chat"
        assert not {"sec-websocket-accept", "upgrade", "connection", "content-length"} & set(chat.answer.fields)
        for size in (0, 1, 125, 126, 65535, 65536, 300_000):
            message = b"\x88" * size
            chat.send(message)
            got = chat.receive()
            assert (got[0], len(got[1])) == (Opcode.BINARY, size) and got[1] == message
            assert client.fetch("/page").status == 200, "other streams go on"
        chat.send(b"ping", Opcode.PING)
        assert chat.receive() == (Opcode.PONG, b"ping")
        assert edge.metric("meridian_edge_tunnels") == 1
        chat.close()
        assert chat.receive() == (Opcode.CLOSE, b"\x03\xe8")
        assert chat.receive() is None and chat.answer.ended
        meridian.wait_until(lambda: ends(edge) == {"client": 1}, "the tunnel is counted")
        meridian.eventually(lambda: edge.metric("meridian_edge_tunnels") == 0 and edge.metric("meridian_edge_tunnels_total") == 1, "and here")
        line = next(line for line in lines(log, 8) if line["path"] == "/chat")
        assert (line["status"], line["end"], line["tunnel"], line["method"], line["protocol"]) == (101, "-", "client", "GET", "HTTP/2.0")
        assert edge.metric("meridian_edge_tunnel_bytes_total", '"in"') == line["octets_in"] > 300_000
    meridian.wait_until(lambda: echo.closes == [1000], "the server has seen the client's close")


def test_many_on_one_connection_and_beside_those_of_http_1(slot, echo, tmp_path):
    with LoneEdge(tmp_path, slot, [echo.name]) as edge, H2(edge.host) as client:
        chats = [H2WebSocket(client, f"/{n}") for n in range(50)]
        for n, chat in enumerate(chats):
            chat.send(f"message {n}")
        assert [chat.receive()[1] for chat in chats] == [b"message %d" % n for n in range(50)]

        async def talk():
            async with connect(edge) as other:
                await other.send("old")
                return await other.recv()

        assert asyncio.run(talk()) == "old"
        for chat in chats:
            chat.close()
            assert chat.receive()[0] == Opcode.CLOSE
        meridian.wait_until(lambda: ends(edge) == {"client": 51}, "all have ended well")


def test_the_server_sees_the_handshake_of_http_1_1_with_a_key_of_its_own(slot, tmp_path):
    with Scripted(slot_address(slot, "2.1"), switching(more=b"X-Kept: yes\r\n")) as server, LoneEdge(tmp_path, slot, [server.name]) as edge, H2(edge.host) as client:
        chats = [H2WebSocket(client, "/chat?x=1", ("origin", "https://lone.example"), ("sec-websocket-key", "bWluZQ==")) for _ in range(2)]
        heads = [head for _, head in server.heads]
        for chat in chats:
            assert chat.answer.status == 200 and chat.answer.fields["x-kept"] == "yes"
        keys = set()
        for head in heads:
            assert head.startswith(b"GET /chat?x=1 HTTP/1.1\r\nHost: lone.example\r\n")
            assert b"\r\nUpgrade: websocket\r\n" in head and b"\r\nConnection: Upgrade\r\n" in head and b"\r\norigin: https://lone.example\r\n" in head
            key = [line.partition(b": ")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:")]
            assert len(key) == 1 and len(base64.b64decode(key[0])) == 16 and key[0] != b"bWluZQ=="
            keys.add(key[0])
        assert len(keys) == 2
        for chat in chats:
            chat.client.reset(chat.stream)


@pytest.mark.parametrize("script, status", [
    (switching(accept=lambda _: b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), 502),
    (switching(speaks=b"chess"), 502),
    (lambda exchange: (exchange.read_head(), exchange.send(ok(b"a page"))), 502),
    (lambda exchange: (exchange.read_head(), exchange.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")), 403),
    (lambda exchange: (exchange.read_head(), exchange.send(b"HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n")), 426),
])
def test_a_server_that_does_not_switch_makes_no_tunnel(slot, tmp_path, script, status):
    with Scripted(slot_address(slot, "2.1"), script) as server, LoneEdge(tmp_path, slot, [server.name]) as edge, H2(edge.host) as client:
        chat = H2WebSocket(client)
        client.until_over(chat.stream)
        assert chat.answer.status == status and chat.answer.ended
        assert edge.metric("meridian_edge_tunnels_total") == 0
        assert client.fetch("/page").status in (200, 403, 426, 502), "the connection lives on"


def test_pages_of_the_edge_and_other_protocols_are_no_tunnels(slot, echo, tmp_path):
    routes = [{"path": "/page", "respond": {"body": "x"}}, {"path": "/moved", "redirect": {"to": "https://other.example/"}},
              {"path": "/private", "allow": ["192.0.2.0/24"], "pool": "web"}, {"path": "/", "pool": "web"}]
    with LoneEdge(tmp_path, slot, [echo.name], routes=routes) as edge, H2(edge.host) as client:
        for path, protocol, status in (("/page", "websocket", 501), ("/.meridian/health", "websocket", 501), ("/moved", "websocket", 302),
                                       ("/private", "websocket", 403), ("/", "connect-udp", 501)):
            chat = H2WebSocket(client, path, protocol=protocol)
            client.until_over(chat.stream)
            assert (path, chat.answer.status) == (path, status)
        # A CONNECT of RFC 9113 8.5 has neither path nor scheme, and is not served.
        stream = client.request([(":method", "CONNECT"), (":authority", "lone.example:443")], end=False)
        client.until(lambda: client.streams[stream].head or client.streams[stream].over, "an answer")
        assert client.streams[stream].status in (400, 405, 501)
        # :protocol belongs to CONNECT, which has a path and a scheme then (RFC 8441 4).
        for head in ([(":method", "GET"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/"), (":authority", "lone.example")],
                     [(":method", "CONNECT"), (":protocol", "websocket"), (":authority", "lone.example")],
                     [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/"), (":authority", "lone.example"), ("content-length", "0")]):
            stream = client.request(head, end=False)
            assert client.until_over(stream).reset == h2_client.PROTOCOL_ERROR


def test_what_comes_before_the_server_has_switched_waits_for_it(slot, tmp_path):
    def then(exchange):
        exchange.send(exchange.read(7))
        exchange.sock.recv(1)

    go = []

    def script(exchange):
        head = exchange.read_head()
        meridian.wait_until(lambda: go, "the test lets it go on")
        exchange.send(b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n" % accept_of(head))
        then(exchange)

    with Scripted(slot_address(slot, "2.1"), script) as server, LoneEdge(tmp_path, slot, [server.name]) as edge, H2(edge.host) as client:
        head = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/"), (":authority", "lone.example")]
        stream = client.request(head, end=False)
        client.data(stream, b"early 7")
        client.round_trip()
        go.append(True)
        client.until(lambda: client.streams[stream].body == b"early 7", "it comes back")


def test_the_server_s_end_and_the_client_s_are_ends_of_the_stream(slot, tmp_path):
    seen = []

    def then(exchange):
        exchange.send(b"bye")
        exchange.sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            seen.append(exchange.sock.recv(100))

    with Scripted(slot_address(slot, "2.1"), switching(then=then)) as server, LoneEdge(tmp_path, slot, [server.name]) as edge, H2(edge.host) as client:
        chat = H2WebSocket(client)
        client.until_over(chat.stream)
        assert chat.answer.body == b"bye" and chat.answer.ended

        def until_end(exchange):
            while octets := exchange.sock.recv(100):
                seen.append(octets)
            seen.append("end")
            exchange.send(b"last")

        server.script = switching(then=until_end)
        chat = H2WebSocket(client)
        client.data(chat.stream, b"words", end=True)
        client.until_over(chat.stream)
        assert chat.answer.body == b"last" and chat.answer.ended and seen[-2:] == [b"words", "end"]


def test_a_reset_of_either_side_is_one_for_the_other(slot, tmp_path):
    gone = []

    def until_gone(exchange):
        with contextlib.suppress(OSError):
            exchange.sock.recv(1)
        gone.append(True)

    with Scripted(slot_address(slot, "2.1"), switching(then=until_gone)) as server, LoneEdge(tmp_path, slot, [server.name]) as edge, H2(edge.host) as client:
        chat = H2WebSocket(client)
        client.reset(chat.stream)
        meridian.wait_until(lambda: gone, "the server has heard of it")
        meridian.wait_until(lambda: edge.metric("meridian_edge_tunnels") == 0, "the tunnel has ended")

        def broken(exchange):
            exchange.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            exchange.sock.close()

        server.script = switching(then=broken)
        chat = H2WebSocket(client)
        client.until_over(chat.stream)
        assert chat.answer.reset == CONNECT_ERROR and not chat.answer.ended
        assert client.fetch("/page").status == 200, "it was this stream's matter alone"


def test_a_silent_one_is_closed_with_1001_and_its_connection_lives(slot, echo, tmp_path):
    with LoneEdge(tmp_path, slot, [echo.name], edge={"timeout": {"tunnel": "1s"}}, routes=[{"path": "/page", "respond": {"body": "x"}}, {"path": "/", "pool": "web"}]) as edge, \
            H2(edge.host) as client:
        chat = H2WebSocket(client)
        assert chat.receive() == (Opcode.CLOSE, b"\x03\xe9")
        chat.close(1001)
        client.until_over(chat.stream)
        meridian.wait_until(lambda: ends(edge) == {"idle": 1}, "it is counted")
        assert client.fetch("/page").status == 200
    assert echo.closes == [1001]


def test_a_drain_closes_with_1001_tells_goaway_and_ends(slot, echo, tmp_path):
    with LoneEdge(tmp_path, slot, [echo.name], **FAST_STOP) as edge, H2(edge.host) as client:
        chats = [H2WebSocket(client) for _ in range(3)]
        for chat in chats:
            chat.send("one")
            assert chat.receive() == (Opcode.TEXT, b"one")
        edge.process.signal(signal.SIGTERM)
        for chat in chats:
            assert chat.receive() == (Opcode.CLOSE, b"\x03\xe9")
            chat.close(1001)
            client.until_over(chat.stream)
            assert chat.answer.ended
        client.until_closed()
        assert client.goaways[-1][1] == h2_client.NO_ERROR
        meridian.wait_until(lambda: not edge.process.running(), "the edge has ended")
        assert echo.closes == [1001] * 3


def test_a_client_that_does_not_answer_is_left_to_the_server(slot, tmp_path):
    heard = []

    def then(exchange):
        heard.append(exchange.read(8))

    with Scripted(slot_address(slot, "2.1"), switching(then=then)) as server, LoneEdge(tmp_path, slot, [server.name], **FAST_STOP) as edge, H2(edge.host) as client:
        chat = H2WebSocket(client)
        edge.process.signal(signal.SIGTERM)
        client.until_over(chat.stream)
        assert chat.answer.body == AWAY and said_away(heard[0])
        meridian.wait_until(lambda: not edge.process.running(), "the edge has ended")


def test_a_slow_reader_stops_the_server_and_loses_nothing(slot, tmp_path):
    total = 3_000_000

    def then(exchange):
        exchange.send(bytes(range(256)) * (total // 256))
        exchange.sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            exchange.sock.recv(1)

    with Scripted(slot_address(slot, "2.1"), switching(then=then)) as server, LoneEdge(tmp_path, slot, [server.name]) as edge, H2(edge.host) as client:
        client.auto_window = False
        chat = H2WebSocket(client)
        client.until(lambda: len(chat.answer.body) == 65535, "the window is full")
        client.round_trip()
        assert len(chat.answer.body) == 65535
        client.auto_window = True
        client.window(0, 65535)
        client.window(chat.stream, 65535)
        client.until_over(chat.stream)
        assert chat.answer.body == (bytes(range(256)) * (total // 256)) and chat.answer.ended


def test_over_tls_with_a_strict_library(slot, echo, tmp_path):
    """python3-h2 judges every frame of ours."""
    authority = Authority(tmp_path)
    certificate = authority.issue("www.tls.example")
    listen = [{"address": "{edge}:8443", "protocol": "https", "certificates": [{"certificate": str(certificate.certificate), "key": str(certificate.key)}]}]
    with LoneEdge(tmp_path, slot, [echo.name], edge={"listen": listen}) as edge:
        context = ssl.create_default_context(cafile=authority.ca)
        context.set_alpn_protocols(["h2"])
        with socket.create_connection((edge.host, 8443), timeout=60) as plain, context.wrap_socket(plain, server_hostname="www.tls.example") as sock:
            client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
            client.initiate_connection()
            sock.sendall(client.data_to_send())
            body, response, over = b"", None, False
            frame = b"\x81\x85\0\0\0\0hello"
            stream = None
            while not over:
                for event in client.receive_data(sock.recv(65536)):
                    if isinstance(event, h2.events.RemoteSettingsChanged):
                        assert client.remote_settings.enable_connect_protocol == 1
                        stream = client.get_next_available_stream_id()
                        client.send_headers(stream, [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/"),
                                                     (":authority", "www.tls.example"), ("sec-websocket-version", "13")])
                    elif isinstance(event, h2.events.ResponseReceived):
                        response = dict(event.headers)
                        client.send_data(stream, frame)
                    elif isinstance(event, h2.events.DataReceived):
                        body += event.data
                        client.acknowledge_received_data(event.flow_controlled_length, stream)
                        if body == b"\x81\x05hello":
                            client.send_data(stream, b"\x88\x82\0\0\0\0\x03\xe8", end_stream=True)
                    elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                        over = True
                sock.sendall(client.data_to_send())
            assert response[":status"] == "200"
            assert body == b"\x81\x05hello\x88\x02\x03\xe8"


def test_the_log_is_the_one_of_http_1_1(slot, echo, tmp_path):
    log = tmp_path / "access.log"
    with LoneEdge(tmp_path, slot, [echo.name], edge={"access_log": str(log)}) as edge:
        async def talk():
            async with connect(edge, "/same", compression=None) as client:
                await client.send("hello")
                assert await client.recv() == "hello"

        asyncio.run(talk())
        with H2(edge.host) as client:
            chat = H2WebSocket(client, "/same")
            chat.send("hello")
            assert chat.receive() == (Opcode.TEXT, b"hello")
            chat.close()
            client.until_over(chat.stream)
        old, new = lines(log, 2)
        for name in ("method", "path", "status", "end", "tunnel", "route", "pool", "server"):
            assert old.get(name) == new.get(name), name
        assert old.keys() - {"user_agent"} == new.keys() - {"user_agent"}

"""Tunnels: WebSocket with a real library at both ends, other protocols behind a 101, and event streams."""
import asyncio
import contextlib
import json
import signal
import socket
import struct
import threading
import time

import pytest
import websockets

import meridian
from lone_edge import LoneEdge, Scripted, read_to_end, slot_address

UPGRADE = b"GET /%s HTTP/1.1\r\nHost: lone.example\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n"
AWAY = b"\x88\x02\x03\xe9"
FAST_STOP = {"health": {"edge": {"interval": "100ms", "timeout": "100ms"}}}


@pytest.fixture
def slot():
    held = meridian.Lease()
    yield held
    held.release()


class Echo:
    """A WebSocket server of the library that sends everything back, on a thread of its own; `closes` has the codes of its ends."""

    def __init__(self, address, port=9000):
        self.name, self.closes, self.open = f"{address}:{port}", [], 0
        self.loop, started = asyncio.new_event_loop(), threading.Event()

        async def serve(connection, _path=None):
            self.open += 1
            try:
                async for message in connection:
                    await connection.send(message)
            except websockets.ConnectionClosed:
                pass
            finally:
                self.open -= 1
                self.closes.append(connection.close_code)

        async def run():
            self.end = asyncio.Event()
            async with websockets.serve(serve, address, port, max_size=None, subprotocols=["chat"], ping_interval=None):
                started.set()
                await self.end.wait()

        self.thread = threading.Thread(target=lambda: self.loop.run_until_complete(run()), daemon=True)
        self.thread.start()
        assert started.wait(60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.end.set)
        self.thread.join(60)


@pytest.fixture
def echo(slot):
    with Echo(slot_address(slot, "2.1")) as server:
        yield server


def connect(edge, path="/", **more):
    return websockets.connect(f"ws://{edge.host}:8080{path}", max_size=None, ping_interval=None, open_timeout=60, close_timeout=60, **more)


def lines(log, count):
    meridian.wait_until(lambda: log.read_text().count("\n") >= count, "it is in the log")
    return [json.loads(line) for line in log.read_text().splitlines()]


def ends(edge):
    reasons = ("client", "server", "idle", "drain", "broken")
    return {name: int(n) for name in reasons if (n := edge.metric("meridian_edge_tunnel_ends_total", f'"{name}"'))}


def test_messages_of_every_size_come_back_and_are_counted(slot, echo, tmp_path):
    log = tmp_path / "access.log"
    with LoneEdge(tmp_path, slot, [echo.name], edge={"access_log": str(log)}) as edge:
        async def talk():
            async with connect(edge, subprotocols=["chat"], compression=None) as client:
                assert client.subprotocol == "chat"
                for size in (0, 1, 125, 126, 65535, 65536, 1 << 20):
                    message = "x" * size if size % 2 else b"\x88" * size
                    await client.send(message)
                    assert await client.recv() == message
                await client.send(["in ", "three ", "pieces"])
                assert await client.recv() == "in three pieces"
                await asyncio.wait_for(await client.ping(), 60)
                assert edge.metric("meridian_edge_tunnels") == 1
            return client.close_code

        assert asyncio.run(talk()) == 1000
        line = lines(log, 1)[0]
        assert (line["status"], line["end"], line["tunnel"]) == (101, "-", "client")
        moved = 1 + 125 + 126 + 65535 + 65536 + (1 << 20)
        assert moved < line["octets_in"] < moved + 1000 and moved < line["octets_out"] < moved + 1500
        assert line["total_us"] > line["first_byte_us"] > 0
        assert edge.metric("meridian_edge_tunnels") == 0 and edge.metric("meridian_edge_tunnels_total") == 1
        assert edge.metric("meridian_edge_tunnel_bytes_total", '"in"') == line["octets_in"]
        assert ends(edge) == {"client": 1}
    meridian.wait_until(lambda: echo.closes == [1000], "the server has seen the client's close")


def test_a_silent_one_is_closed_with_1001_after_timeout_tunnel_and_no_other(slot, echo, tmp_path):
    log = tmp_path / "access.log"
    timeout = {"tunnel": "2s", "read": "200ms", "total": "300ms"}
    breaker = {"breaker": {"failures": 1}}
    with LoneEdge(tmp_path, slot, [echo.name], breaker, edge={"access_log": str(log), "timeout": timeout}) as edge:
        async def talk():
            async with connect(edge) as silent, connect(edge) as busy:
                began, closed = time.monotonic(), asyncio.ensure_future(silent.wait_closed())
                while not closed.done():
                    await busy.send("still here")
                    assert await busy.recv() == "still here"
                    await asyncio.sleep(0.1)
                took = time.monotonic() - began
                await busy.send("and after")
                assert await busy.recv() == "and after"
                return took, silent.close_code

        took, code = asyncio.run(talk())
        assert code == 1001 and took > 1.9
        meridian.wait_until(lambda: sorted(echo.closes) == [1000, 1001], "the server has heard of both")
        assert sorted(line["tunnel"] for line in lines(log, 2)) == ["client", "idle"]
        assert {line["end"] for line in lines(log, 2)} == {"-"}
        assert ends(edge) == {"client": 1, "idle": 1}
        assert edge.metric("meridian_edge_server_failures_total") == 0


def test_a_drain_closes_with_1001_and_loses_nothing_that_the_client_says(slot, echo, tmp_path):
    with LoneEdge(tmp_path, slot, [echo.name], **FAST_STOP) as edge:
        async def talk():
            async with connect(edge) as client:
                await client.send("one")
                assert await client.recv() == "one"
                edge.process.signal(signal.SIGTERM)
                with pytest.raises(websockets.ConnectionClosed):
                    while True:
                        await client.recv()
                return client.close_code

        assert asyncio.run(talk()) == 1001
        meridian.wait_until(lambda: echo.closes == [1001], "the server has heard it from the client")
        meridian.wait_until(lambda: not edge.process.running(), "the edge has ended")


def said_away(frame):
    """A Close with 1001, masked with whatever key."""
    return frame[:2] == b"\x88\x82" and bytes(a ^ b for a, b in zip(frame[6:], frame[2:])) == b"\x03\xe9"


class Ends:
    """A server that switches and hands its connection to the test."""

    def __init__(self, speaks=b"websocket"):
        self.exchange, self.ready, self.done, self.speaks = None, threading.Event(), threading.Event(), speaks

    def __call__(self, exchange):
        exchange.read_head()
        exchange.send(SWITCHED % self.speaks)
        self.exchange = exchange
        self.ready.set()
        self.done.wait(120)


@contextlib.contextmanager
def raw_tunnel(slot, tmp_path, speaks=b"websocket", **more):
    script = Ends(speaks)
    with Scripted(slot_address(slot, "2.1"), script) as server, LoneEdge(tmp_path, slot, [server.name], **more) as edge, edge.raw(60) as client:
        client.sendall(UPGRADE % (b"", speaks))
        assert script.ready.wait(60)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        assert head.startswith(b"HTTP/1.1 101 ")
        try:
            yield edge, client, script.exchange
        finally:
            script.done.set()


def test_the_close_stands_between_two_frames(slot, tmp_path):
    with raw_tunnel(slot, tmp_path, **FAST_STOP) as (edge, client, server):
        server.send(b"\x82\x0abegun")
        assert client.recv(100) == b"\x82\x0abegun"
        edge.process.signal(signal.SIGTERM)
        assert said_away(server.read(8)), "towards the server no frame is under way"
        client.settimeout(0.3)
        with pytest.raises(socket.timeout):
            client.recv(100)
        client.settimeout(60)
        server.send(b"ended\x82\x05after")
        assert b"".join(client.recv(1) for _ in range(9)) == b"ended" + AWAY
        client.sendall(b"\x88\x82mask" + bytes(a ^ b for a, b in zip(b"\x03\xe9", b"ma")))
        server.sock.close()
        assert read_to_end(client) == b""


def test_a_client_that_does_not_answer_leaves_it_to_the_server_and_is_cut(slot, tmp_path):
    with raw_tunnel(slot, tmp_path, **FAST_STOP) as (edge, client, server):
        edge.process.signal(signal.SIGTERM)
        assert said_away(server.read(8))
        assert read_to_end(client) == AWAY
        meridian.wait_until(lambda: not edge.process.running(), "the edge has ended")


def test_another_protocol_is_passed_on_and_cut_when_it_is_silent(slot, tmp_path):
    with raw_tunnel(slot, tmp_path, b"chess", edge={"timeout": {"tunnel": "1s"}}) as (edge, client, server):
        server.send(b"\x88\x02e4")
        assert client.recv(100) == b"\x88\x02e4"
        client.sendall(b"e5")
        assert server.read(2) == b"e5"
        assert read_to_end(client) == b""
        meridian.wait_until(lambda: ends(edge) == {"idle": 1}, "it is counted")


def test_in_a_crowd_a_live_one_stays(slot, echo, tmp_path):
    client = {"max_connections": 2, "min_rate": "1MiB"}
    with LoneEdge(tmp_path, slot, [echo.name], edge={"client": client}, routes=[{"path": "/ws", "pool": "web"}, {"path": "/", "respond": {"body": "x"}}]) as edge:
        async def talk():
            async with connect(edge, "/ws") as live:
                for _ in range(30):
                    await live.send("hello")
                    assert await live.recv() == "hello"
                    with edge.raw() as other:
                        other.sendall(b"GET / HTTP/1.1\r\nHost: lone.example\r\n\r\n")
                        assert other.recv(100).startswith(b"HTTP/1.1 200 ")
                        await asyncio.sleep(0.05)
                        with edge.raw() as third:
                            third.sendall(b"GET / HTTP/1.1\r\nHost: lone.example\r\n\r\n")
                            assert third.recv(100).startswith(b"HTTP/1.1 200 "), "the idle one went"

        asyncio.run(talk())
        assert edge.metric("meridian_edge_connections_evicted_total", '"slow"') == 0


def test_event_streams_come_at_once_and_outlast_every_limit_for_a_head(slot, tmp_path):
    step = threading.Semaphore(0)

    def script(exchange):
        exchange.read_head()
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(20):
            if not step.acquire(timeout=60):
                return
            event = b"data: %d\n\n" % number
            exchange.send(b"%x\r\n%s\r\n" % (len(event), event))
        exchange.send(b"0\r\n\r\n")

    timeout = {"total": "300ms", "try": "300ms", "read": "30s"}
    with Scripted(slot_address(slot, "2.1"), script) as server, LoneEdge(tmp_path, slot, [server.name], edge={"timeout": timeout}) as edge:
        connection = edge.connect()
        connection.request("GET", "/", headers={"Host": "lone.example"})
        response = connection.getresponse()
        for number in range(20):
            step.release()  # the next event is sent only after this one has come
            event = b"data: %d\n\n" % number
            assert response.read(len(event)) == event
            if number % 5 == 0:
                time.sleep(0.2)
        assert response.read() == b""
        connection.close()


def test_fifty_live_on_through_two_hundred_reloads(slot, echo, tmp_path):
    with LoneEdge(tmp_path, slot, [echo.name], edge={"timeout": {"read": "61s"}}) as edge:
        async def talk():
            clients = [await connect(edge) for _ in range(50)]
            loop = asyncio.get_running_loop()
            for number in range(200):
                edge.config["edge"]["timeout"] = {"read": f"{60 + number % 2}s"}
                await loop.run_in_executor(None, edge.reload)
                for client in clients[number % 10::10]:
                    await client.send(struct.pack("!I", number))
                    assert await client.recv() == struct.pack("!I", number)
            assert edge.metric("meridian_edge_tunnels") == 50
            await asyncio.gather(*(client.close() for client in clients))
            return {client.close_code for client in clients}

        assert asyncio.run(talk()) == {1000}
        meridian.wait_until(lambda: ends(edge) == {"client": 50}, "all ended as their clients wanted")


def test_an_upgrade_leaves_them_alone_for_its_grace_and_then_sends_them_over(slot, echo, tmp_path):
    with LoneEdge(tmp_path, slot, [echo.name], edge={"client": {"keep_alive_timeout": "3s"}}) as edge:
        successors = []

        async def talk():
            clients = [await connect(edge) for _ in range(10)]
            successors.append(meridian.Process([*edge.process.arguments, "--upgrade"], tmp_path / "successor.log"))
            await asyncio.get_running_loop().run_in_executor(
                None, lambda: meridian.wait_until(lambda: "event=taken_over" in edge.process.text(), "it is taken over"))
            for client in clients:
                await client.send("on the old one")
                assert await client.recv() == "on the old one"
            await asyncio.gather(*(client.wait_closed() for client in clients))
            async with connect(edge) as again:
                await again.send("on the new one")
                assert await again.recv() == "on the new one"
            return {client.close_code for client in clients}

        try:
            assert asyncio.run(talk()) == {1001}
            meridian.wait_until(lambda: not edge.process.running(), "the old one has ended")
            assert edge.metric("meridian_edge_tunnels_total") == 1
        finally:
            for successor in successors:
                successor.kill()

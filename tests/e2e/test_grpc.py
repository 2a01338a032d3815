"""gRPC end to end: a client and servers of its own library (grpcio) on both sides of the edge, and scripted ones where those would never do what is asked."""
import concurrent.futures
import contextlib
import json
import queue
import threading
import time

import grpc
import pytest

import h2_client as h2
import meridian
from h2_client import H2
from h2_server import speaking_h2
from lone_edge import LoneEdge, Scripted, slot_address

CALL = [("content-type", "application/grpc"), ("te", "trailers")]
OK_HEAD = [("content-type", "application/grpc")]


@pytest.fixture(scope="module")
def slot():
    held = meridian.Lease()
    yield held
    held.release()


class Service(grpc.GenericRpcHandler):
    """Methods of all four kinds over plain octets, and grpc.health.v1."""

    def __init__(self, name):
        self.name, self.health, self.asked, self.calls, self.cancelled, self.slowly = name, {"": 1}, [], 0, threading.Event(), threading.Event()

    def service(self, details):
        method = details.method.rsplit("/", 1)[1]
        self.calls += method != "Check"
        kinds = {"Unary": grpc.unary_unary_rpc_method_handler, "Fail": grpc.unary_unary_rpc_method_handler, "Slow": grpc.unary_unary_rpc_method_handler,
                 "Check": grpc.unary_unary_rpc_method_handler, "Down": grpc.unary_stream_rpc_method_handler, "Up": grpc.stream_unary_rpc_method_handler,
                 "Both": grpc.stream_stream_rpc_method_handler}
        return kinds[method](getattr(self, method.lower())) if method in kinds else None

    def unary(self, request, context):
        received = dict(context.invocation_metadata())
        context.send_initial_metadata([("x-server", self.name), ("x-seen", received.get("x-client", ""))])
        context.set_trailing_metadata([("x-end", "there"), ("x-octets-bin", b"\0\1\2\xff")])
        return request

    def fail(self, request, context):
        context.set_trailing_metadata([("x-why", "because")])
        context.abort(getattr(grpc.StatusCode, request.decode()), "as asked: ä")

    def slow(self, request, context):
        if not context.add_callback(self.cancelled.set):  # it was over before it could be added
            self.cancelled.set()
        self.slowly.set()
        self.cancelled.wait(60)
        return b"late"

    def down(self, request, context):
        for n in range(int(request)):
            yield b"%d" % n

    def up(self, requests, context):
        return b",".join(requests)

    def both(self, requests, context):
        for request in requests:
            yield b"re: " + request

    def check(self, request, context):
        service = request[2:].decode()
        self.asked.append(service)
        if service not in self.health:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        return b"\x08" + bytes([self.health[service]])


@contextlib.contextmanager
def serving(address, name="one", port=9000):
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(40), options=[("grpc.so_reuseport", 0)])
    service = Service(name)
    server.add_generic_rpc_handlers((service,))
    assert server.add_insecure_port(f"{address}:{port}")
    server.start()
    service.server, service.address = server, f"{address}:{port}"
    try:
        yield service
    finally:
        service.cancelled.set()
        server.stop(None).wait(10)


@pytest.fixture
def edge_of(slot, tmp_path):
    with contextlib.ExitStack() as stack:
        def made(servers, pool=None, edge=None, routes=None):
            running = stack.enter_context(LoneEdge(tmp_path, slot, servers, pool={"protocol": "h2", **(pool or {})},
                                                   edge={"access_log": str(tmp_path / "access.log"), **(edge or {})}, routes=routes))
            running.log = tmp_path / "access.log"
            return running
        yield made


class Client:
    def __init__(self, edge, authority="lone.example"):
        # One connection for each client, and none that lives on from a test before.
        self.channel = grpc.insecure_channel(f"{edge.host}:8080", options=[("grpc.default_authority", authority), ("grpc.use_local_subchannel_pool", 1),
                                                                           ("grpc.enable_retries", 0)])

    def unary(self, method="Unary", request=b"hello", timeout=60, metadata=(), path=None):
        return self.channel.unary_unary(path or f"/test.Echo/{method}").with_call(request, timeout=timeout, metadata=metadata)

    def fails(self, *arguments, **more):
        """The error of a call that has to fail."""
        with pytest.raises(grpc.RpcError) as raised:
            self.unary(*arguments, **more)
        return raised.value

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()


def lines_of(edge, path):
    return [line for line in map(json.loads, edge.log.read_text().splitlines()) if line.get("path") == path]


# Calls.


def test_calls_of_all_four_kinds_with_their_metadata(slot, edge_of):
    with serving(slot_address(slot, "2.1")) as service:
        edge = edge_of([service.address])
        with Client(edge) as client:
            body, call = client.unary(metadata=[("x-client", "me"), ("x-data-bin", b"\xfe\0")])
            assert body == b"hello"
            assert ("x-seen", "me") in call.initial_metadata()
            assert ("x-end", "there") in call.trailing_metadata() and ("x-octets-bin", b"\0\1\2\xff") in call.trailing_metadata()
            assert list(client.channel.unary_stream("/test.Echo/Down")(b"100", timeout=60)) == [b"%d" % n for n in range(100)]
            assert client.channel.stream_unary("/test.Echo/Up")(iter([b"a", b"b", b"c"]), timeout=60) == b"a,b,c"
            assert client.unary(request=b"x" * 2_000_000)[0] == b"x" * 2_000_000
            said = queue.SimpleQueue()
            answers = client.channel.stream_stream("/test.Echo/Both")(iter(said.get, None), timeout=60)
            for n in range(10):  # each waits for the one before
                said.put(b"%d" % n)
                assert next(answers) == b"re: %d" % n
            said.put(None)
            assert list(answers) == []
        meridian.wait_until(lambda: lines_of(edge, "/test.Echo/Both"), "it is logged")
        (line,) = lines_of(edge, "/test.Echo/Both")
        assert line["status"] == 200 and line["grpc_status"] == 0 and line["end"] == "-"


def test_many_calls_at_once_share_connections(slot, edge_of):
    with serving(slot_address(slot, "2.1")) as service:
        edge = edge_of([service.address])
        with Client(edge) as client, concurrent.futures.ThreadPoolExecutor(20) as pool:
            assert list(pool.map(lambda n: client.unary(request=b"%d" % n)[0], range(200))) == [b"%d" % n for n in range(200)]
        assert edge.metric("meridian_edge_h2_upstream_connections_total") <= 3


def test_a_servers_error_passes_as_it_is(slot, edge_of):
    with serving(slot_address(slot, "2.1")) as service:
        edge = edge_of([service.address])
        with Client(edge) as client:
            error = client.fails("Fail", b"FAILED_PRECONDITION")
            assert error.code() == grpc.StatusCode.FAILED_PRECONDITION and error.details() == "as asked: ä"
            assert ("x-why", "because") in error.trailing_metadata()
            assert client.fails("Unknown").code() == grpc.StatusCode.UNIMPLEMENTED
        meridian.wait_until(lambda: lines_of(edge, "/test.Echo/Fail"), "it is logged")
        assert lines_of(edge, "/test.Echo/Fail")[0]["grpc_status"] == 9


def test_a_client_that_cancels_is_told_to_the_server(slot, edge_of):
    with serving(slot_address(slot, "2.1")) as service:
        edge = edge_of([service.address])
        with Client(edge) as client:
            call = client.channel.unary_unary("/test.Echo/Slow").future(b"", timeout=60)
            assert service.slowly.wait(30), "its method runs: what is cancelled before is told to nobody"
            call.cancel()
        assert service.cancelled.wait(30)


def test_a_stream_may_be_silent_for_longer_than_a_message_may(slot, edge_of):
    """Neither the time for a body nor that for the next octet of an answer ends a call that waits for something to happen."""
    with serving(slot_address(slot, "2.1")) as service:
        edge = edge_of([service.address], edge={"client": {"body_timeout": "500ms"}, "timeout": {"read": "500ms"}})
        with Client(edge) as client:
            said = queue.SimpleQueue()
            answers = client.channel.stream_stream("/test.Echo/Both")(iter(said.get, None), timeout=60)
            said.put(b"first")
            assert next(answers) == b"re: first"
            time.sleep(2)
            said.put(b"second")
            assert next(answers) == b"re: second"
            said.put(None)
            assert list(answers) == []


# Deadlines.


def call_raw(client, path="/test.Echo/Slow", *fields, body=b"\0\0\0\0\0"):
    return client.post(path, body, *CALL, *fields)


def test_the_clients_deadline_is_the_edges_too(slot, edge_of):
    with Scripted(slot_address(slot, "2.1"), speaking_h2(None)) as server:  # a server that knows of none
        edge = edge_of([server.name])
        with H2(edge.host) as client:
            began = time.monotonic()
            got = client.until_over(call_raw(client, "/test.Echo/Slow", ("grpc-timeout", "300m")))
            assert time.monotonic() - began < 30
            assert server.peers[0].requests[1].fields["grpc-timeout"] == "300m", "it is told all the same"
            assert got.status == 200 and got.fields["content-type"] == "application/grpc" and got.body == b"" and got.trailers is None
            assert got.fields["grpc-status"] == "4" and got.fields["grpc-message"] == "deadline exceeded"
        meridian.wait_until(lambda: server.peers[0].resets == [(1, h2.CANCEL)], "the server hears it")
        meridian.wait_until(lambda: lines_of(edge, "/test.Echo/Slow"), "it is logged")
        (line,) = lines_of(edge, "/test.Echo/Slow")
        assert line["status"] == 200 and line["grpc_status"] == 4 and line["end"] == "e"
        assert edge.servers()[server.name].get("failures", 0) == 0, "the server is not to blame"


def test_a_deadline_ends_while_a_place_is_waited_for(slot, edge_of):
    with Scripted(slot_address(slot, "2.1"), speaking_h2(None)) as server:
        edge = edge_of([server.name], pool={"max_in_flight": 1, "queue": {"size": 10, "timeout": "60s"}})
        with H2(edge.host) as client:
            first = call_raw(client, "/test.Echo/Slow")
            meridian.wait_until(lambda: edge.servers()[server.name]["in_flight"] == 1, "the only place is taken")
            got = client.until_over(call_raw(client, "/test.Echo/Slow", ("grpc-timeout", "300m")))
            assert got.fields["grpc-status"] == "4" and got.fields["grpc-message"] == "deadline exceeded"
            client.reset(first)


def test_a_deadline_of_a_real_client_and_server(slot, edge_of):
    with serving(slot_address(slot, "2.1")) as service:
        edge = edge_of([service.address])
        with Client(edge) as client:
            assert client.fails("Slow", timeout=0.5).code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert service.cancelled.wait(30), "the server hears it"


def test_a_deadline_inside_the_answer_is_told_in_trailers(slot, edge_of):
    def begun(peer, request):
        peer.head(request.stream, 200, OK_HEAD)
        peer.data(request.stream, b"\0\0\0\0\1x")
    with Scripted(slot_address(slot, "2.1"), speaking_h2(None, begun)) as server:
        edge = edge_of([server.name])
        with H2(edge.host) as client:
            got = client.until_over(call_raw(client, "/", ("grpc-timeout", "500m")))
            assert got.body == b"\0\0\0\0\1x" and got.ended and dict(got.trailers)["grpc-status"] == "4"
        meridian.wait_until(lambda: server.peers[0].resets == [(1, h2.CANCEL)], "the stream is reset")


def test_the_routes_time_is_the_lesser_if_it_is(slot, edge_of):
    with serving(slot_address(slot, "2.1")) as service:
        edge = edge_of([service.address], routes=[{"path": "/", "pool": "web", "timeout": {"total": "300ms"}}])
        with H2(edge.host) as client:
            got = client.until_over(call_raw(client, "/test.Echo/Slow", ("grpc-timeout", "60S")))
            assert got.fields["grpc-status"] == "14"


# Errors of the edge.


def test_errors_of_the_edge_are_ends_of_calls(slot, edge_of):
    address = slot_address(slot, "2.1")
    edge = edge_of([f"{address}:9001"], edge={"limits": {"few": {"rate": "1/h", "burst": 0}}},
                   routes=[{"path": "/private/", "allow": ["192.0.2.0/24"], "pool": "web"}, {"path": "/limited/", "limits": ["few"], "pool": "web"},
                           {"path": "/login/", "respond": {"status": 401, "body": "who?"}}, {"path": "/moved/", "redirect": {"to": "https://other.example/"}},
                           {"path": "/well/", "respond": {"status": 200, "body": "well"}}, {"path": "/test.Echo/", "pool": "web"}])
    codes = grpc.StatusCode
    with Client(edge) as client:
        for path, expected in (("/absent/A", codes.UNIMPLEMENTED), ("/private/A", codes.PERMISSION_DENIED), ("/login/A", codes.UNAUTHENTICATED),
                               ("/moved/A", codes.UNKNOWN), ("/test.Echo/Unary", codes.UNAVAILABLE)):
            error = client.fails(path=path)
            assert error.code() == expected, (path, error)
            assert error.details()
        client.fails(path="/limited/A")
        assert client.fails(path="/limited/A").code() == codes.UNAVAILABLE
    with H2(edge.host) as raw:
        got = raw.until_over(call_raw(raw, "/absent/A"))
        assert got.status == 200 and got.fields["grpc-status"] == "12" and got.ended and got.trailers is None
        assert raw.until_over(call_raw(raw, "/well/A")).body == b"well", "what a route says is left as it is"
        assert raw.fetch("/absent/A").status == 404, "others see what they have seen"
        large = raw.until_over(raw.post("/test.Echo/Unary", b"", *CALL, *[(f"x-{n}", "a" * 400) for n in range(90)]))
        assert large.fields.get("grpc-status") == "2" or large.status == 431
    meridian.wait_until(lambda: lines_of(edge, "/test.Echo/Unary"), "it is logged")
    line = lines_of(edge, "/test.Echo/Unary")[0]
    assert line["status"] == 200 and line["grpc_status"] == 14 and line["reason"]


def test_a_server_that_dies_inside_a_call_is_told_in_trailers(slot, edge_of):
    def begun(peer, request):
        peer.head(request.stream, 200, OK_HEAD)
        peer.data(request.stream, b"\0\0\0\0\1x")
        peer.close()
    with Scripted(slot_address(slot, "2.1"), speaking_h2(None, begun)) as server:
        edge = edge_of([server.name])
        with Client(edge) as client:
            answers = client.channel.unary_stream("/test.Echo/Down")(b"", timeout=60)
            assert next(answers) == b"x"
            with pytest.raises(grpc.RpcError) as raised:
                next(answers)
            assert raised.value.code() == grpc.StatusCode.UNAVAILABLE and raised.value.details()
        meridian.wait_until(lambda: lines_of(edge, "/test.Echo/Down"), "it is logged")
        (line,) = lines_of(edge, "/test.Echo/Down")
        assert line["grpc_status"] == 14 and line["end"] == "x"


def test_a_killed_server_is_unavailable_and_no_call_is_made_twice(slot, edge_of):
    def answer(peer, request):
        peer.close()
    with Scripted(slot_address(slot, "2.1"), speaking_h2(answer)) as one, Scripted(slot_address(slot, "2.2"), speaking_h2(answer)) as two:
        edge = edge_of([one.name, two.name])
        with Client(edge) as client:
            assert client.fails().code() == grpc.StatusCode.UNAVAILABLE
        assert len(one.heads) + len(two.heads) == 1


def test_a_server_that_is_not_there_costs_no_call(slot, edge_of):
    with serving(slot_address(slot, "2.1")) as service:
        edge = edge_of([service.address, f"{slot_address(slot, '2.2')}:9001"])
        with Client(edge) as client:
            for _ in range(10):
                assert client.unary()[0] == b"hello"


def test_a_server_that_stops_gently_loses_no_call(slot, edge_of):
    """grpcio says GOAWAY, and finishes what it has begun; the rest goes to the other one. What it has read and not begun it
    cancels itself: of each client one call at most."""
    with serving(slot_address(slot, "2.1"), "one") as one, serving(slot_address(slot, "2.2"), "two") as two:
        edge = edge_of([one.address, two.address])
        done, failures = threading.Event(), []

        def calls():
            with Client(edge) as client:
                while not done.is_set():
                    try:
                        client.unary()
                    except grpc.RpcError as error:
                        failures.append(error)

        threads = [threading.Thread(target=calls) for _ in range(4)]
        for thread in threads:
            thread.start()
        meridian.wait_until(lambda: one.calls > 20 and two.calls > 20, "both serve")
        one.server.stop(10).wait(30)
        before = two.calls
        meridian.wait_until(lambda: two.calls > before + 50, "the other one serves all")
        done.set()
        for thread in threads:
            thread.join()
        ours = [error for error in failures if error.code() != grpc.StatusCode.CANCELLED]
        assert not ours and len(failures) <= len(threads), failures


# What pools make of it.


def test_a_status_of_grpc_speaks_against_its_server(slot, edge_of):
    """UNAVAILABLE is a 503, in trailers as well as in a head alone; what a call asked for in vain is not the server's failure."""
    def answer(peer, request):
        if request.path == "/trailers":
            peer.respond(request.stream, 200, b"\0\0\0\0\0", OK_HEAD, trailers=[("grpc-status", "14")])
        else:
            peer.respond(request.stream, 200, b"", [*OK_HEAD, ("grpc-status", "14" if request.path == "/head" else "5")])
    with Scripted(slot_address(slot, "2.1"), speaking_h2(answer)) as server, serving(slot_address(slot, "2.2")) as other:
        edge = edge_of([server.name, other.address], pool={"breaker": {"failures": 3, "open": "60s"}, "retry": {"attempts": 1}})

        def ask(path, times):
            """So often of this server; every second call goes to the other one."""
            before = len(server.heads)
            with H2(edge.host) as client:
                while len(server.heads) < before + times:
                    client.until_over(call_raw(client, path))
        ask("/not_found", 5)
        ask("/head", 2)
        assert edge.servers()[server.name]["breaker"] == "closed"
        ask("/trailers", 1)
        meridian.wait_until(lambda: edge.servers()[server.name]["breaker"] == "open", "three failures in a row")


@pytest.mark.parametrize("service", ["", "shop.Cart"])
def test_servers_are_checked_by_grpc_health_v1(slot, edge_of, service):
    def health(address):
        return edge.servers()[address]["health"]

    with serving(slot_address(slot, "2.1"), "one") as one, serving(slot_address(slot, "2.2"), "two") as two:
        for each in (one, two):
            each.health = {service: 1}
        check = {"kind": "grpc", "interval": "500ms", "timeout": "500ms", "fall": 2, "rise": 2, **({"service": service} if service else {})}
        edge = edge_of([one.address, two.address], pool={"health": check})
        meridian.wait_until(lambda: health(one.address) == health(two.address) == "up", "both are up")
        assert set(one.asked) == {service}
        one.health = {service: 2}
        meridian.wait_until(lambda: health(one.address) == "down", "NOT_SERVING")
        before = one.calls
        with Client(edge) as client:
            for _ in range(6):
                client.unary()
        assert one.calls == before
        one.health = {}
        time.sleep(1.2)
        assert health(one.address) == "down", "no such service"
        one.health = {service: 1}
        meridian.wait_until(lambda: health(one.address) == "up", "SERVING")
        two.server.stop(None).wait(10)
        meridian.wait_until(lambda: health(two.address) == "down", "it has gone")

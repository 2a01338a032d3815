"""Spans, seen by a collector of OTLP: ids right through client, edge and server, attempts as spans, and a collector that is dead, slow, over
its limit, or comes back, while nobody who is served notices."""
import json
import socket
import ssl
import time

import grpc
import pytest

import meridian
from certificates import Authority
from collector import CLIENT, ERROR, SERVER, Collector, rejecting
from h2_client import H2
from lone_edge import LoneEdge, Scripted, answering, ok, slot_address
from meridian import eventually
from test_grpc import serving

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def slot():
    held = meridian.Lease()
    yield held
    held.release()


@pytest.fixture
def collector(slot):
    with Collector(slot_address(slot, "5.1")) as one:
        yield one


@pytest.fixture
def server(slot):
    with Scripted(slot_address(slot, "2.1")) as one:
        yield one


def traced(tmp_path, slot, servers, collector, sample=100, otlp=None, edge=None, **more):
    """Batches leave soon, everybody's traceparent is believed."""
    trace = {"sample": f"{sample}%", "otlp": {"url": collector.url, "delay": "100ms", **(otlp or {})}}
    return LoneEdge(tmp_path, slot, servers, edge={"trace": trace, "trusted_proxies": ["127.0.0.0/8"], **(edge or {})}, **more)


def seen(collector, path, attempts=1):
    """The SERVER span for this path and its children, once they are there."""
    eventually(lambda: collector.of(path) is not None and len(collector.below(collector.of(path))) >= attempts, f"the spans of {path}")
    span = collector.of(path)
    return span, collector.below(span)


def traceparent(head):
    return next(line.split(b": ", 1)[1].decode() for line in head.split(b"\r\n") if line.lower().startswith(b"traceparent:"))


def tracing_of(edge):
    return json.loads(edge.admin("/status", "GET")[1])["tracing"]


def counter(edge, name, labels=""):
    return edge.metric(f"meridian_edge_{name}", labels)


def test_ids_go_right_through_client_edge_and_server(slot, tmp_path, server, collector):
    with traced(tmp_path, slot, [server.name], collector) as edge:
        status, _, _ = edge.get("/cart?id=7", traceparent=f"00-{TRACE}-{PARENT}-01", tracestate="shop=1", User_Agent="caf\xe9")
        assert status == 200
        span, (attempt,) = seen(collector, "/cart")
        assert (span.trace, span.parent, span.state, span.kind, span.flags) == (TRACE, PARENT, "shop=1", SERVER, 0x301)
        assert (attempt.trace, attempt.parent, attempt.kind) == (TRACE, span.id, CLIENT)
        assert traceparent(server.heads[0][1]) == f"00-{TRACE}-{attempt.id}-01", "the server's span will be below that of its attempt"
        assert span.began <= attempt.began <= attempt.ended <= span.ended <= time.time_ns()
        assert span.attributes.items() >= {
            "http.request.method": "GET", "http.route": "/", "http.response.status_code": 200, "url.scheme": "http", "url.path": "/cart",
            "server.address": "lone.example", "client.address": "127.0.0.1", "network.protocol.version": "1.1", "network.protocol.name": "http",
            "user_agent.original": "caf\xe9", "meridian.pool": "web"}.items()
        assert "url.query" not in span.attributes
        assert attempt.attributes.items() >= {
            "server.address": server.address, "server.port": 9000, "url.full": f"http://{server.name}/cart", "http.response.status_code": 200,
            "network.peer.address": server.address, "network.peer.port": 9000, "meridian.server": server.name, "meridian.pool": "web",
            "meridian.attempt": "first", "meridian.outcome": "answered"}.items()
        assert span.resource.items() >= {"service.name": "meridian-edge", "service.namespace": "lone", "meridian.region": "eu",
                                         "meridian.edge": edge.host, "service.instance.id": edge.host}.items()
        assert span.resource["service.version"] and span.resource["host.name"] == socket.gethostname()
        assert collector.scopes[0][0] == "meridian-edge" and not collector.problems


def test_the_log_and_a_client_without_a_trace(slot, tmp_path, server, collector):
    log = tmp_path / "access.log"
    with traced(tmp_path, slot, [server.name], collector, edge={"access_log": str(log)}) as edge:
        edge.get("/new")
        span, (attempt,) = seen(collector, "/new")
        assert span.parent == "" and len(span.trace) == 32
        eventually(lambda: f"00-{span.trace}-{span.id}-01" in log.read_text(), "the access log has the id of the SERVER span")
        assert attempt.trace == span.trace


def test_only_what_is_sampled_is_told(slot, tmp_path, server, collector):
    with traced(tmp_path, slot, [server.name], collector, sample=0) as edge:
        edge.get("/unseen")
        edge.get("/not", traceparent=f"00-{TRACE}-{PARENT}-00")
        edge.get("/last", traceparent=f"00-{TRACE}-{PARENT}-01")
        seen(collector, "/last")
        assert {span["url.path"] for span in collector.spans if span.kind == SERVER} == {"/last"}
        assert traceparent(server.heads[0][1]).endswith("-00")


def test_what_the_edge_answers_itself_has_no_attempt(slot, tmp_path, server, collector):
    routes = [{"path": "/fixed", "respond": {"body": "x"}}, {"path": "/shut", "pool": "web", "allow": ["192.0.2.0/24"]}, {"path": "/api", "pool": "web"}]
    with traced(tmp_path, slot, [server.name], collector, routes=routes) as edge:
        for path, status in (("/fixed", 200), ("/shut", 403), ("/none", 404)):
            assert edge.get(path)[0] == status
            span, below = seen(collector, path, attempts=0)
            assert (span["http.response.status_code"], span.status, below) == (status, 0, [])
        assert collector.of("/none")["http.route"] is None and collector.of("/none").name == "GET"
        edge.get("/.meridian/health")
        edge.get("/fixed/2")
        seen(collector, "/fixed/2", attempts=0)
        assert collector.of("/.meridian/health") is None


def test_retries_are_spans_of_their_own(slot, tmp_path, server, collector):
    gone = f"{slot_address(slot, '2.9')}:9000"  # nobody listens there
    with traced(tmp_path, slot, [gone, server.name], collector, pool={"retry": {"attempts": 2, "budget": "100%", "min_rate": 1000}}) as edge:
        for turn in range(4):
            assert edge.get(f"/{turn}")[0] == 200
        retried = None
        for turn in range(4):
            span, attempts = seen(collector, f"/{turn}")
            if span["meridian.attempts"] == 2:
                retried = seen(collector, f"/{turn}", attempts=2)
        assert retried, "round robin meets the one that is gone"
        span, (first, second) = retried
        assert (first["meridian.server"], first["meridian.outcome"], first["error.type"], first.status) == (gone, "failed", "connect_refused", ERROR)
        assert (second["meridian.server"], second["meridian.attempt"], second["http.request.resend_count"]) == (server.name, "retry", 1)
        assert span.status == 0 and first.id != second.id
        assert second.id in [traceparent(head).split("-")[2] for _, head in server.heads]


def test_a_hedge_and_who_lost_against_it(slot, tmp_path, server, collector):
    def slow(head):
        if b"/slow" in head.split(b" ")[1]:
            time.sleep(1.5)
        return ok()
    pool = {"retry": {"attempts": 2, "budget": "100%", "min_rate": 1000, "hedge": {"mode": "enforce", "quantile": "50%", "min_delay": "50ms"}}}
    with Scripted(slot_address(slot, "2.2"), answering(slow)) as other, traced(tmp_path, slot, [server.name, other.name], collector, pool=pool) as edge:
        for turn in range(60):
            edge.get(f"/{turn}")
        hedged = None
        for turn in range(6):
            edge.get(f"/slow/{turn}")
            span, attempts = seen(collector, f"/slow/{turn}")
            if span["meridian.attempts"] == 2:
                hedged = seen(collector, f"/slow/{turn}", attempts=2)
        assert hedged, "one of them met the slow server"
        _, (first, second) = hedged
        assert (first["meridian.attempt"], first["meridian.outcome"], first.status) == ("first", "cancelled", 0)
        assert (second["meridian.attempt"], second["meridian.outcome"]) == ("hedge", "answered")


def test_hits_have_no_attempt_and_a_miss_has_that_of_its_fetch(slot, tmp_path, collector):
    routes = [{"path": "/", "pool": "web", "cache": {"store": "main"}}]
    with Scripted(slot_address(slot, "2.3"), answering(lambda head: ok(b"x", b"Cache-Control: max-age=60\r\n"))) as server:
        with traced(tmp_path, slot, [server.name], collector, routes=routes, edge={"caches": {"main": {"size": "64MiB"}}}) as edge:
            edge.get("/page")
            miss, (attempt,) = seen(collector, "/page")
            assert (miss["meridian.cache"], attempt["meridian.attempt"], attempt["meridian.server"]) == ("MISS", "cache", server.name)
            assert traceparent(server.heads[0][1]) == f"00-{miss.trace}-{attempt.id}-01"
            edge.get("/page")
            eventually(lambda: len([span for span in collector.spans if span["url.path"] == "/page"]) == 2, "the hit is told")
            hit = next(span for span in collector.spans if span["meridian.cache"] == "HIT")
            assert collector.below(hit) == [] and hit.trace != miss.trace


def test_http2_and_grpc(slot, tmp_path, server, collector):
    with serving(slot_address(slot, "2.4"), port=9000) as service:
        pools = {"calls": {"servers": [service.address], "protocol": "h2"}}
        routes = [{"path": "/shop.Api", "pool": "calls"}, {"path": "/", "pool": "web"}]
        with traced(tmp_path, slot, [server.name], collector, routes=routes, pools=pools) as edge:
            with H2(edge.host, 8080) as client:
                assert client.fetch("/h2").status == 200
            span, (attempt,) = seen(collector, "/h2")
            assert (span["network.protocol.version"], attempt["network.protocol.version"]) == ("2", "1.1")
            with grpc.insecure_channel(f"{edge.host}:8080") as channel:
                assert channel.unary_unary("/shop.Api/Unary")(b"x", timeout=60) == b"x"
                with pytest.raises(grpc.RpcError):
                    channel.unary_unary("/shop.Api/Fail")(b"NOT_FOUND", timeout=60)
            span, (attempt,) = seen(collector, "/shop.Api/Unary")
            assert (span.name, span["rpc.system.name"], span["rpc.method"], span["rpc.response.status_code"]) == (
                "shop.Api/Unary", "grpc", "shop.Api/Unary", "OK")
            assert (attempt["network.protocol.version"], attempt["rpc.response.status_code"], attempt.status) == ("2", "OK", 0)
            span, (attempt,) = seen(collector, "/shop.Api/Fail")
            assert (span["rpc.response.status_code"], span.status, attempt.status, attempt["error.type"]) == ("NOT_FOUND", 0, ERROR, "NOT_FOUND")


def test_errors_and_clients_that_leave(slot, tmp_path, collector):
    def broken(head):
        if head.startswith(b"GET /hangs"):
            time.sleep(3)
        return None if head.startswith(b"GET /cut") else b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
    with Scripted(slot_address(slot, "2.5"), answering(broken)) as server, traced(tmp_path, slot, [server.name], collector) as edge:
        assert edge.get("/no")[0] == 503
        span, (attempt,) = seen(collector, "/no")
        assert (span.status, span["error.type"], attempt.status, attempt["error.type"]) == (ERROR, "503", ERROR, "503")
        assert edge.get("/cut")[0] == 502
        span, attempts = seen(collector, "/cut")
        assert (span.status, span["error.type"], span["http.response.status_code"]) == (ERROR, "upstream_reset", 502)
        assert attempts[-1]["error.type"] == "upstream_reset" and attempts[-1]["http.response.status_code"] is None
        with edge.raw() as client:
            client.sendall(b"GET /hangs HTTP/1.1\r\nHost: a\r\n\r\n")
            eventually(lambda: server.asked("/hangs"), "it is at the server")
        span, (attempt,) = seen(collector, "/hangs")
        assert (span["error.type"], span["http.response.status_code"], span.status) == ("client_closed", None, 0)
        assert attempt["error.type"] == "client_closed"


def test_a_dead_collector_stalls_nobody_and_hears_the_rest_when_it_is_back(slot, tmp_path, server):
    address = slot_address(slot, "5.2")
    with Collector(address) as dead:
        port = dead.port
    with traced(tmp_path, slot, [server.name], dead, otlp={"queue": "64KiB"}) as edge:
        connection = edge.connect()
        slowest = 0
        for turn in range(400):
            began = time.monotonic()
            connection.request("GET", f"/{turn}", headers={"Host": "a"})
            assert connection.getresponse().read() == b"x"
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < 5
        eventually(lambda: counter(edge, "spans_dropped_total", 'reason="queue_full"') > 0, "the oldest are dropped")
        eventually(lambda: counter(edge, "span_calls_total", 'result="failed"') > 0, "a call has failed")
        tracing = tracing_of(edge)
        assert tracing["problem"] and tracing["waiting_octets"] <= 64 * 1024, tracing
        edge.get("/newest")
        with Collector(address, port) as back:
            eventually(lambda: back.of("/newest") is not None, "the newest is told")
            eventually(lambda: tracing_of(edge)["problem"] == "", "all is well again")
            eventually(lambda: counter(edge, "spans_waiting") == 0, "nothing waits")
            told = counter(edge, "spans_exported_total")
            assert told == len(back.spans) and told + counter(edge, "spans_dropped_total") == 2 * 401


def test_a_collector_that_says_later_or_no(slot, tmp_path, server, collector):
    answers = [(429, {"Retry-After": "1"}, b""), (503, {}, b""), (200, {}, b"")]
    collector.answer = lambda: answers.pop(0) if answers else (200, {}, b"")
    with traced(tmp_path, slot, [server.name], collector) as edge:
        edge.get("/later")
        span, _ = seen(collector, "/later")
        assert len([one for one in collector.spans if one.id == span.id]) == 1 and collector.calls >= 3
        assert counter(edge, "spans_dropped_total") == 0
        collector.answer = lambda: (400, {}, b"")
        edge.get("/refused")
        eventually(lambda: counter(edge, "spans_dropped_total", 'reason="refused"') == 2, "what was refused is dropped")
        collector.answer = lambda: (200, {}, rejecting(1, "too old"))
        edge.get("/partly")
        eventually(lambda: counter(edge, "spans_dropped_total", 'reason="rejected"') == 1, "what was rejected is counted")
        eventually(lambda: "too old" in edge.process.text(), "the log says why")


def test_a_slow_collector_stalls_nobody(slot, tmp_path, server, collector):
    def slowly():
        collector.released.wait(30)
        return 200, {}, b""
    collector.answer = slowly
    with traced(tmp_path, slot, [server.name], collector) as edge:
        edge.get("/first")
        eventually(lambda: collector.calls == 1, "the collector is called")
        began = time.monotonic()
        for turn in range(50):
            assert edge.get(f"/{turn}")[0] == 200
        assert edge.admin("/healthz", "GET")[0] == 200
        assert collector.calls == 1 and time.monotonic() - began < 20, "one call at a time, and nobody waits for it"
        collector.released.set()
        seen(collector, "/49")


def test_what_is_left_is_told_at_the_end_and_a_reload_moves_it(slot, tmp_path, server, collector):
    with Collector(slot_address(slot, "5.3")) as other, traced(tmp_path, slot, [server.name], collector, otlp={"delay": "30s"}) as edge:
        edge.get("/kept")
        edge.config["edge"]["trace"]["otlp"].update(url=other.url, delay="100ms", gzip=True, headers={"X-Tenant": "shop"}, service="shop-edge")
        edge.reload()
        edge.get("/moved")
        span, _ = seen(other, "/moved")
        assert span.resource["service.name"] == "shop-edge"
        assert other.fields[0]["Content-Encoding"] == "gzip" and other.fields[0]["X-Tenant"] == "shop"
        edge.config["edge"]["trace"]["otlp"]["delay"] = "30s"
        edge.reload()
        edge.get("/last")
        edge.process.popen.terminate()
        seen(other, "/last")


def test_over_tls_with_a_token_from_a_file(slot, tmp_path, server):
    authority = Authority(tmp_path / "ca")
    certified = authority.issue("collector.internal")
    address = slot_address(slot, "5.4")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certified.certificate, certified.key)
    headers = tmp_path / "headers"
    headers.write_text("Authorization: Bearer secret-token\n")
    headers.chmod(0o600)
    with Collector(address, tls=context) as collector:
        otlp = {"tls": {"ca": str(authority.ca), "server_name": "collector.internal"}, "headers_file": str(headers)}
        with traced(tmp_path, slot, [server.name], collector, otlp=otlp) as edge:
            edge.get("/over-tls")
            seen(collector, "/over-tls")
            assert collector.fields[0]["Authorization"] == "Bearer secret-token"
            headers.write_text("Authorization: Bearer another\n")
            eventually(lambda: (edge.get("/again"), any(one["Authorization"] == "Bearer another" for one in collector.fields))[1], "the new token")

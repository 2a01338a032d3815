"""HTTP/2 to servers under TLS (`protocol: h2` with `tls`): what is agreed on in the handshake, real servers, gRPC and its checks."""
import concurrent.futures
import contextlib

import grpc
import pytest

import meridian
from certificates import Authority
from h2_server import speaking_h2
from lone_edge import LoneEdge, answering, slot_address
from test_backend_tls import NAME, an_edge, failed, logged, server_context, trusting
from test_grpc import Client, Service
from test_http2_upstream import accepts, at_once, echo

FILE = b"n" * 300_000


@pytest.fixture(scope="module", name="authority")
def an_authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module", name="web")
def certificate_of_web(authority):
    return authority.issue(NAME)


@pytest.fixture
def slot():
    held = meridian.Lease()
    yield held
    held.release()


def test_requests_share_a_connection_that_agreed_on_h2(tmp_path, authority, web):
    with an_edge(tmp_path, [server_context(web, alpn=("h2", "http/1.1"))], trusting(authority), {"protocol": "h2"}, speaking_h2(echo)) as (edge, [server]):
        assert edge.get()[0] == 200
        assert [status for status, _, _ in at_once(edge, ["/"] * 20)] == [200] * 20
        assert server.seen == [("TLSv1.3", "h2", None, False)] and server.names == [NAME]
        assert b'":scheme", "https"' in edge.get()[2]
        assert edge.metric("meridian_edge_h2_upstream_connections_total") == 1
        assert edge.metric("meridian_edge_upstream_tls_handshakes_total", 'version="1.3",resumed="false"') == 1


@pytest.mark.parametrize("alpn", [("http/1.1",), ()], ids=["http/1.1", "none"])
def test_a_server_that_does_not_agree_on_h2_is_told_as_that(tmp_path, authority, web, alpn):
    """RFC 9113 section 3.2: without the agreement there is no HTTP/2 under TLS."""
    with an_edge(tmp_path, [server_context(web, alpn=alpn)], trusting(authority), {"protocol": "h2"}, answering()) as (edge, [server]):
        assert edge.get()[0] == 502
        assert "HTTP/2" in logged(edge, 1)["reason"]
        assert not server.heads, "and is sent nothing"


def test_who_is_not_trusted_gets_nothing(tmp_path, authority, web):
    stranger = Authority(tmp_path / "stranger").issue(NAME)
    with an_edge(tmp_path, [server_context(stranger, alpn=("h2",)), server_context(web, alpn=("h2",))], trusting(authority), {"protocol": "h2"},
                 speaking_h2(echo)) as (edge, [bad, good]):
        assert [edge.get(method="POST", body=b"secret")[0] for _ in range(6)] == [200] * 6
        assert not bad.__dict__.get("peers") and len(good.peers) == 1
        assert failed(edge, "certificate") >= 1


def test_names_of_the_clients_choice_keep_no_more_connections_than_are_kept(tmp_path, authority):
    every = authority.issue("*.shop.example")
    with an_edge(tmp_path, [server_context(every, alpn=("h2",))], trusting(authority, server_name="{host}"), {"protocol": "h2", "idle": {"connections": 3, "timeout": "1h"}},
                 speaking_h2(echo)) as (edge, [server]):
        for n in range(20):
            assert edge.get(Host=f"n{n}.shop.example")[0] == 200
        meridian.eventually(lambda: len(server.open) <= 3, "the others are closed")
        assert edge.get(Host="n19.shop.example")[0] == 200 and server.names == [f"n{n}.shop.example" for n in range(20)], "not the one that was used last"
        assert edge.metric("meridian_edge_server_failures_total") == 0


def nghttpd(directory, address, web):
    return ["/usr/sbin/nghttpd", "-a", address, "-d", directory / "www", "9000", web.key, web.certificate]


def nginx(directory, address, web):
    (directory / "nginx.conf").write_text(
        f"user root; daemon off; pid {directory}/nginx.pid; error_log stderr; worker_processes 1;\nevents {{}}\nhttp {{ access_log off; root {directory}/www;\n"
        f"server {{ listen {address}:9000 ssl http2; ssl_certificate {web.certificate}; ssl_certificate_key {web.key}; }} }}\n")
    return ["/usr/sbin/nginx", "-p", directory, "-c", directory / "nginx.conf"]


def h2o(directory, address, web):
    (directory / "h2o.conf").write_text(
        f"user: root\nnum-threads: 1\nlisten: {{host: {address}, port: 9000, ssl: {{certificate-file: {web.certificate}, key-file: {web.key}}}}}\nhosts:\n"
        f"  default:\n    paths:\n      /: {{file.dir: {directory}/www}}\n")
    return ["/usr/bin/h2o", "-m", "worker", "-c", directory / "h2o.conf"]


@pytest.mark.parametrize("real", [nghttpd, nginx, h2o], ids=["nghttpd", "nginx", "h2o"])
def test_real_servers(slot, tmp_path, authority, web, real):
    address = slot_address(slot, "2.1")
    (tmp_path / "real" / "www").mkdir(parents=True)
    (tmp_path / "real" / "www" / "file").write_bytes(FILE)
    process = meridian.Process(real(tmp_path / "real", address, web), tmp_path / "real.log")
    try:
        meridian.wait_until(lambda: accepts(address), "it listens")
        with LoneEdge(tmp_path, slot, [f"{address}:9000"], pool={"protocol": "h2", "tls": trusting(authority)}) as edge:
            assert edge.get("/file")[0] == 200
            for status, _, body in at_once(edge, ["/file"] * 20):
                assert status == 200 and body == FILE
            assert edge.get("/absent")[0] == 404
            assert edge.metric("meridian_edge_h2_upstream_connections_total") <= 2
    finally:
        process.kill()


@contextlib.contextmanager
def grpc_over_tls(address, web):
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
    service = Service("tls")
    server.add_generic_rpc_handlers((service,))
    assert server.add_secure_port(f"{address}:9000", grpc.ssl_server_credentials([(web.key.read_bytes(), web.certificate.read_bytes())]))
    server.start()
    try:
        yield service
    finally:
        service.cancelled.set()
        server.stop(None).wait(10)


def test_grpc_and_its_checks_go_over_tls(slot, tmp_path, authority, web):
    address = slot_address(slot, "2.1")

    def health():
        return edge.servers()[f"{address}:9000"]["health"]

    check = {"kind": "grpc", "interval": "1s", "timeout": "1s", "fall": 2, "rise": 1}
    with grpc_over_tls(address, web) as service, \
            LoneEdge(tmp_path, slot, [f"{address}:9000"], pool={"protocol": "h2", "tls": trusting(authority), "health": check}) as edge:
        meridian.wait_until(lambda: health() == "up" and service.asked, "it is checked")
        with Client(edge) as client:
            answer, call = client.unary()
            assert answer == b"hello" and ("x-server", "tls") in call.initial_metadata() and ("x-end", "there") in call.trailing_metadata()
        service.health = {"": 2}
        meridian.wait_until(lambda: health() == "down", "NOT_SERVING")
        service.health = {"": 1}
        meridian.wait_until(lambda: health() == "up", "SERVING")

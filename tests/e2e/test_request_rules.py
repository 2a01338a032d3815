"""What routes do to requests: paths and queries rewritten, maintenance, error pages, ready sets of fields, bodies bounded; docs/http.md."""
import pytest

import meridian
from lone_edge import LoneEdge, Scripted, answering, ok, slot_address


@pytest.fixture
def slot():
    held = meridian.Lease()
    yield held
    held.release()


@pytest.fixture
def server(slot):
    with Scripted(slot_address(slot, "2.1")) as running:
        yield running


def targets(server):
    return [head.split(b" ")[1].decode() for _, head in server.heads]


def test_servers_get_the_rewritten_target_and_the_log_has_the_asked_one(slot, server, tmp_path):
    routes = [{"path": "/api", "pool": "web", "rewrite": {"strip": "/api", "add": "/internal"}, "query": {"remove": ["utm_source"], "set": {"v": "2"}}},
              {"path": "/users", "pool": "web", "rewrite": [{"from": "/users/{id}/orders/{rest*}", "to": "/orders/of-{id}/{rest}"}]},
              {"path": "/old", "redirect": {"to": "https://{host}{uri}", "status": 301}, "rewrite": {"strip": "/old", "add": "/new"}},
              {"path": "/", "pool": "web"}]
    with LoneEdge(tmp_path, slot, [server.name], routes=routes, edge={"access_log": f"{tmp_path}/access.log"}) as edge:
        for path in ("/api/items?a=1&utm_source=x&v=1", "/api", "/users/7/orders/a%2fb", "/users/7", "/apis?utm_source=x"):
            assert edge.get(path)[0] == 200, path
        assert targets(server) == ["/internal/items?a=1&v=2", "/internal/?v=2", "/orders/of-7/a%2fb", "/users/7", "/apis?utm_source=x"]
        assert edge.get("/old/x?y=1")[1]["Location"] == "https://lone.example/new/x?y=1"
        meridian.eventually(lambda: '"path":"/api/items"' in (tmp_path / "access.log").read_text(), "it is logged as asked")
        assert '"query":"a=1&utm_source=x&v=1"' in (tmp_path / "access.log").read_text()
        said = edge.admin("/explain?host=lone.example&path=/api/items", "GET")[1]
        assert "rewrite: to /internal/items, by /api/{rest*} -> /internal/{rest}" in said and "query: ?v=2" in said


def test_a_route_is_for_the_methods_headers_and_cookies_that_it_names(slot, server, tmp_path):
    routes = [{"path": "/", "method": ["POST", "PUT"], "respond": {"status": 201}},
              {"path": "/", "header": {"X-Beta": "1"}, "respond": {"status": 202}},
              {"path": "/", "cookie": {"beta": "yes"}, "respond": {"status": 203}},
              {"path": "/", "pool": "web"}]
    with LoneEdge(tmp_path, slot, [server.name], routes=routes) as edge:
        connection = edge.connect()
        for method, headers, wanted in [("POST", {}, 201), ("PUT", {}, 201), ("GET", {}, 200), ("DELETE", {}, 200), ("GET", {"X-Beta": "1"}, 202), ("GET", {"X-Beta": "2"}, 200),
                                        ("GET", {"Cookie": "a=b; beta=yes"}, 203), ("GET", {"Cookie": "beta=no"}, 200), ("PUT", {"X-Beta": "1"}, 201)]:
            connection.request(method, "/", headers={"Host": "lone.example", **headers})
            response = connection.getresponse()
            response.read()
            assert response.status == wanted, (method, headers)


def test_no_spelling_reaches_past_a_rule_that_rewrites(slot, server, tmp_path):
    """Whatever a client writes: what reaches the server lies below where the rule leads, or is refused."""
    routes = [{"path": "/pub", "pool": "web", "rewrite": [{"from": "/pub/{a}/{rest*}", "to": "/data/{a}/{rest}"}, {"strip": "/pub", "add": "/data"}]},
              {"path": "/data/secret", "pool": "web", "allow": ["192.0.2.0/24"]}]
    with LoneEdge(tmp_path, slot, [server.name], routes=routes) as edge:
        for path in ("/pub/../data/secret", "/pub/%2e%2e/data/secret", "/pub/x/..%2f..%2fdata/secret", "/pub/x/..;/..;/secret", "/pub//../secret", "/pub/.%2e/secret",
                     "/pub/x/%252e%252e/secret", "/pub/x\\..\\secret", "/pub/%00", "/pub/x/%c0%ae%c0%ae/secret", "/./pub/./x/./y", "//pub///x//y", "/pub;p=1/x",
                     "/pub/a?/../secret", "/pub/x/%2e/y"):
            status = edge.get(path)[0]
            assert status in (200, 400, 403, 404), path
        for target in (target.partition("?")[0] for target in targets(server)):
            assert target.startswith("/data/") and "/.." not in target and "/./" not in target and "%2e%2e" not in target, target


def test_maintenance_lets_only_those_who_work_on_it_through(slot, server, tmp_path):
    office, other = slot_address(slot, "9.1"), slot_address(slot, "9.2")
    page = tmp_path / "sorry.html"
    page.write_text("<h1>Back soon</h1>")
    routes = [{"path": "/shop", "pool": "web", "maintenance": {"bypass": [office], "retry_after": "2m"}, "error_pages": [{"status": 503, "file": str(page)}]},
              {"path": "/", "pool": "web"}]
    with LoneEdge(tmp_path, slot, [server.name], routes=routes, edge={"access_log": f"{tmp_path}/access.log"}) as edge:
        status, fields, body = edge.get("/shop/x", source=other)
        assert (status, fields["Retry-After"], body) == (503, "120", b"<h1>Back soon</h1>")
        assert fields["Content-Type"] == "text/html; charset=utf-8"
        assert edge.get("/shop/x", source=office)[0] == 200
        assert edge.get("/", source=other)[0] == 200
        meridian.eventually(lambda: edge.metric("meridian_edge_errors_total", 'kind="maintenance"') == 1, "it is counted")
        meridian.eventually(lambda: '"end":"M"' in (tmp_path / "access.log").read_text(), "it is in the log")
        mark = len(edge.process.text())
        page.write_text("<h1>Tomorrow</h1>")
        meridian.eventually(lambda: "event=rules_renewed" in edge.process.text()[mark:], "the page is read again")
        assert edge.get("/shop/x", source=other)[2] == b"<h1>Tomorrow</h1>"
        assert edge.get("/shop/x", source=other, method="HEAD")[2] == b""


def test_error_pages_by_status_for_what_the_edge_says(slot, server, tmp_path):
    for name in ("own", "all", "lost"):
        (tmp_path / name).write_text(name)
    routes = [{"path": "/own", "pool": "dead", "error_pages": [{"status": "500-599", "file": str(tmp_path / "own"), "content_type": "text/plain"}]},
              {"path": "/dead", "pool": "dead"}, {"path": "/web", "pool": "web"}]
    edge_section = {"error_pages": [{"status": [502, 503], "file": str(tmp_path / "all")}, {"status": 404, "file": str(tmp_path / "lost")}],
                    "response_headers": {"set": {"X-All": "1"}}}
    with LoneEdge(tmp_path, slot, [server.name], routes=routes[2:], edge=edge_section) as edge:
        edge.config["edge"]["pools"]["dead"] = {"servers": [slot_address(slot, "2.9") + ":9"]}
        edge.config["edge"]["routes"] = routes
        edge.reload()
        status, fields, body = edge.get("/own")
        assert (status, body, fields["Content-Type"]) == (502, b"own", "text/plain")
        assert edge.get("/dead")[2] == b"all"
        status, fields, body = edge.get("/nowhere")
        assert (status, body, fields["X-All"]) == (404, b"lost", "1")
        server.script = lambda exchange: (exchange.read_head(), exchange.send(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\nmine"))
        assert edge.get("/web")[2] == b"mine", "what a server says stays"


def test_pages_for_servers_stand_in_the_place_of_their_errors(slot, tmp_path):
    page = tmp_path / "sorry.html"
    page.write_text("<p>sorry" + "." * 200_000)

    def answer(head):
        status = head.split(b" ")[1][1:4]
        again = b"Retry-After: 7\r\n" if status == b"503" else b""
        return b"HTTP/1.1 %s Of The Server\r\nContent-Length: 6\r\nX-Of-Server: 1\r\n%s\r\nsecret" % (status, again)
    routes = [{"path": "/", "pool": "web", "error_pages": [{"status": [500, 503], "file": str(page), "for_servers": True}]}]
    with Scripted(slot_address(slot, "2.1"), answering(answer)) as server:
        with LoneEdge(tmp_path, slot, [server.name], routes=routes, pool={"retry": {"attempts": 1}}) as edge:
            for status in (500, 503):
                got, fields, body = edge.get(f"/{status}")
                assert got == status and body == page.read_bytes() and fields["Content-Type"].startswith("text/html"), (got, fields)
                assert "X-Of-Server" not in fields and fields["Retry-After"] == ("7" if status == 503 else None)
            got, fields, body = edge.get("/500", method="HEAD")
            assert got == 500 and body == b"" and int(fields["Content-Length"]) == page.stat().st_size
            for status in (200, 404, 501):
                assert edge.get(f"/{status}")[0::2] == (status, b"secret"), "others pass as they are"
            kept = edge.connect()
            for path, size in (("/500", page.stat().st_size), ("/200", 6), ("/503", page.stat().st_size)):
                kept.request("GET", path, headers={"Host": "lone.example"})
                assert len(kept.getresponse().read()) == size, "the connection goes on behind a page"
            kept.close()
            assert len(server.heads) == 9


def test_a_maintenance_in_shadow_serves_and_counts(slot, server, tmp_path):
    routes = [{"path": "/", "pool": "web", "maintenance": {"mode": "shadow"}}, {"path": "/off", "pool": "web", "maintenance": {"mode": "disabled"}}]
    with LoneEdge(tmp_path, slot, [server.name], routes=routes) as edge:
        assert edge.get("/")[0] == edge.get("/off")[0] == 200
        meridian.eventually(lambda: edge.metric("meridian_edge_maintenance_shadowed_total") == 1, "it is counted")


def test_a_share_by_cookie_stays_with_its_client(slot, tmp_path):
    servers = [Scripted(slot_address(slot, f"2.{n}")) for n in (1, 2)]
    routes = [{"name": "canary", "path": "/", "share": "50%", "share_cookie": "ab", "pool": "next"}, {"name": "stable", "path": "/", "pool": "web"}]
    try:
        with LoneEdge(tmp_path, slot, [servers[0].name], routes=routes[1:]) as edge:
            edge.config["edge"]["pools"]["next"] = {"servers": [servers[1].name]}
            edge.config["edge"]["routes"] = routes
            edge.reload()
            sides = {}
            for last in range(1, 25):
                before = len(servers[1].heads)
                status, fields, _ = edge.get("/", source=slot_address(slot, f"9.{last}"))
                given = fields["Set-Cookie"]
                assert status == 200 and given.endswith("; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"), given
                sides[given.partition(";")[0]] = len(servers[1].heads) > before
            assert len(sides) == 24 and len(set(sides.values())) == 2, "drawn by chance"
            edge.reload()
            for cookie, side in sides.items():  # from one address, all of them
                before = len(servers[1].heads)
                status, fields, _ = edge.get("/", Cookie=f"x=y; {cookie}")
                assert status == 200 and "Set-Cookie" not in fields
                assert (len(servers[1].heads) > before) == side, "it is asked by the cookie, wherever it comes from"
            edge.config["edge"]["routes"][0]["share"] = "90%"
            edge.reload()
            before = len(servers[0].heads)
            for cookie in (cookie for cookie, side in sides.items() if side):
                assert edge.get("/", Cookie=cookie)[0] == 200
            assert len(servers[0].heads) == before, "a larger share keeps those that it has"
            said = edge.admin("/explain?host=lone.example&path=/", "GET")[1]
            assert "share: a new visitor, without the cookie ab" in said, said
    finally:
        for server in servers:
            server.__exit__()


def test_security_headers_are_on_everything(slot, server, tmp_path):
    routes = [{"path": "/", "pool": "web"}, {"path": "/strict", "pool": "web", "security_headers": "strict", "response_headers": {"set": {"X-Frame-Options": "DENY"}}},
              {"path": "/denied", "pool": "web", "allow": ["192.0.2.1"]}]
    with LoneEdge(tmp_path, slot, [server.name], routes=routes, edge={"security_headers": "basic"}) as edge:
        for path in ("/", "/denied"):
            fields = edge.get(path)[1]
            assert fields["X-Content-Type-Options"] == "nosniff" and fields["X-Frame-Options"] == "SAMEORIGIN", path
            assert "Content-Security-Policy" not in fields
        fields = edge.get("/strict")[1]
        assert fields["X-Frame-Options"] == "DENY" and "default-src 'self'" in fields["Content-Security-Policy"]
        assert "Strict-Transport-Security" not in fields, "not without TLS"


def test_a_route_takes_smaller_bodies_than_the_edge(slot, server, tmp_path):
    routes = [{"path": "/form", "pool": "web", "max_body": "1KiB"}, {"path": "/", "pool": "web"}]
    with LoneEdge(tmp_path, slot, [server.name], routes=routes) as edge:
        assert edge.get("/form", method="POST", body=b"x" * 1024)[0] == 200
        assert edge.get("/form", method="POST", body=b"x" * 1025)[0] == 413
        assert edge.get("/", method="POST", body=b"x" * 4096)[0] == 200
        assert len(server.heads) == 2
        with edge.raw() as sock:
            sock.sendall(b"POST /form HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n" + b"x" * 2048 + b"\r\n0\r\n\r\n")
            assert sock.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_a_cache_never_takes_one_target_for_another(slot, tmp_path):
    """What is stored is found by what servers were asked for: rules that differ share nothing, targets that end alike share all."""
    cache = {"store": "main"}
    routes = [{"path": "/one", "pool": "web", "rewrite": {"strip": "/one"}, "query": {"remove": ["track"]}, "cache": cache},
              {"path": "/two", "pool": "web", "rewrite": {"strip": "/two"}, "request_headers": {"set": {"X-Shop": "two"}}, "cache": cache},
              {"path": "/", "pool": "web", "cache": cache}]
    fresh = lambda head: ok(head.split(b" ")[1] + (b" of two" if b"X-Shop" in head else b""), b"Cache-Control: max-age=3600\r\n")  # noqa: E731
    with Scripted(slot_address(slot, "2.1"), answering(fresh)) as server, LoneEdge(tmp_path, slot, [server.name], routes=routes, edge={"caches": {"main": {"size": "64MiB"}}}) as edge:
        for path, body in (("/one/a?b=1", b"/a?b=1"), ("/one/a?b=1&track=7", b"/a?b=1"), ("/one/a?b=2", b"/a?b=2"), ("/two/a?b=1", b"/a?b=1 of two"), ("/a?b=1", b"/a?b=1")):
            for _ in range(2):
                status, _, got = edge.get(path)
                assert (status, got) == (200, body), path
        assert targets(server) == ["/a?b=1", "/a?b=2", "/a?b=1", "/a?b=1"]

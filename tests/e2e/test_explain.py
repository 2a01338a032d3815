"""`meridian explain --url`: what it says of a request is what the request then gets; docs/explain.md."""
import hashlib
import json
import subprocess

import pytest

import meridian
from lone_edge import LoneEdge, Scripted, answering, ok, slot_address

SLOW = {"rate": "2/h", "burst": 2}  # nothing comes back while a test runs


@pytest.fixture
def slot():
    held = meridian.Lease()
    yield held
    held.release()


def command(*arguments, status=0):
    done = subprocess.run([meridian.binaries() / "meridian", "explain", *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def explained(edge, url, client=None, *more):
    """What the running edge says of it, as JSON."""
    server = f"unix:{edge.directory}/state/edge-{edge.host}/admin.sock"
    told = json.loads(command("--url", url, "--server", server, "--json", *(("--client", client) if client else ()), *more))
    return told["edges"][0]


def fields_of(request):
    return [item for name, value in request.get("fields", {}).items() for item in ("--header", f"{name}: {value}")]


ROUTES = [
    {"name": "admin", "path": "/admin/", "pool": "web", "access": "office"},
    {"name": "closed", "path": "/closed/", "pool": "web", "maintenance": {"bypass": ["192.0.2.0/24"]}},
    {"name": "keys", "path": "/keys/", "pool": "web", "auth": "partners"},
    {"name": "tight", "path": "/tight/", "pool": "web", "limits": ["tight"]},
    {"name": "small", "path": "/small/", "pool": "web", "max_body": "10B"},
    {"name": "moved", "path": "/moved/", "redirect": {"to": "/new/", "status": 301}},
    {"name": "said", "path": "/said", "respond": {"status": 418, "body": "tea\n"}},
    {"name": "posts", "path": "/posts/", "method": "POST", "pool": "other"},
    {"name": "strip", "path": "/strip/", "pool": "other", "rewrite": {"strip": "/strip"}},
    {"name": "vip", "path": "/", "header": {"X-Vip": "yes"}, "pool": "other"},
    {"name": "all", "path": "/", "pool": "web"},
]

# Path, and what else comes.
REQUESTS = [
    {"path": "/"}, {"path": "/x?y=1"}, {"path": "/", "fields": {"X-Vip": "yes"}}, {"path": "/admin/x"}, {"path": "/admin/x", "from": "friend"},
    {"path": "/x/../admin/x"}, {"path": "//admin/x"}, {"path": "/%61dmin/x"}, {"path": "/closed/x"}, {"path": "/keys/x"},
    {"path": "/keys/x", "fields": {"X-Api-Key": "right"}}, {"path": "/keys/x", "fields": {"X-Api-Key": "wrong"}},
    {"path": "/tight/x"}, {"path": "/tight/x"}, {"path": "/tight/x"}, {"path": "/tight/x"}, {"path": "/tight/x", "from": "friend"},
    {"path": "/small/x", "method": "POST", "body": b"x" * 10}, {"path": "/small/x", "method": "POST", "body": b"x" * 11},
    {"path": "/moved/x"}, {"path": "/said"}, {"path": "/posts/x"}, {"path": "/posts/x", "method": "POST", "body": b"x"}, {"path": "/strip/y"},
    {"path": "/a%2fb"}, {"path": "/%00"}, {"path": "/.meridian/health"},
]


def test_a_table_of_requests_gets_what_is_said(slot, tmp_path):
    """Route, status, server, refusals: explained first, then sent."""
    addresses = [slot_address(slot, f"2.{n}") for n in (1, 2, 3)]
    names = [f"{address}:9000" for address in addresses]
    friend = slot_address(slot, "9.1")
    script = answering(lambda head: ok(more=b"X-Path: %s\r\n" % head.split(b" ")[1]))
    digest = hashlib.sha256(b"right").hexdigest()
    (tmp_path / "keys.txt").write_text(f"sha256:{digest} partner\n")
    servers = [Scripted(address, script) for address in addresses]
    log = tmp_path / "access.log"
    edge_part = {"access": {"office": {"allow": [friend]}}, "limits": {"tight": SLOW}, "auth": {"partners": {"api_keys": str(tmp_path / "keys.txt")}},
                 "access_log": str(log)}
    try:
        with LoneEdge(tmp_path, slot, names[:2], edge=edge_part, routes=[ROUTES[-1]]) as edge:
            edge.config["edge"]["pools"]["other"] = {"servers": names[2:]}
            edge.config["edge"]["routes"] = ROUTES
            edge.reload()
            kinds = set()
            for number, request in enumerate(REQUESTS):
                source = friend if request.get("from") == "friend" else edge.host
                method, body = request.get("method", "GET"), request.get("body")
                more = [*fields_of(request), "--method", method, *(("--header", f"Content-Length: {len(body)}") if body else ())]
                url = f"http://lone.example:8080{request['path']}"
                said = explained(edge, url, source, *more)
                again = explained(edge, url, source, *more)
                assert (said["answer"], said["kind"], said["status"]) == (again["answer"], again["kind"], again["status"]), "explaining changes nothing"
                assert said["limit"] is None or said["limit"]["remaining"] == again["limit"]["remaining"]
                before = len(log.read_text().splitlines()) if log.exists() else 0
                status, fields, _ = edge.get(request["path"], source=source, method=method, body=body, **{k.replace("-", "_"): v for k, v in request.get("fields", {}).items()})
                where = (number, request, said, status)
                meridian.eventually(lambda: log.exists() and len(log.read_text().splitlines()) > before, "it is in the log")
                record = json.loads(log.read_text().splitlines()[-1])
                kinds.add(said["kind"])
                assert said["status"] == (None if said["kind"] == "pool" else status) or said["kind"] == "health_page", where
                assert (said["route"] or "") == record.get("route", ""), (where, record)
                if said["kind"] == "pool":
                    assert status == 200, where
                    assert said["server"] == record["server"], (where, record)
                if said["kind"] == "refused" and said["reason"]:
                    assert record.get("reason", said["reason"]) == said["reason"], (where, record)
            assert kinds == {"pool", "refused", "respond", "redirect", "health_page"}
    finally:
        for server in servers:
            server.__exit__()


def test_limits_tell_what_is_left_and_spend_nothing(slot, tmp_path):
    with Scripted(slot_address(slot, "2.1")) as server:
        routes = [{"path": "/", "pool": "web", "limits": ["tight", "wide"]}]
        limits = {"tight": SLOW, "wide": {"rate": "10/h", "burst": 40, "mode": "shadow"}}
        with LoneEdge(tmp_path, slot, [server.name], routes=routes, edge={"limits": limits}) as edge:
            for left in (2, 1, 0):
                for _ in range(3):
                    said = explained(edge, "http://lone.example:8080/", edge.host)
                    assert said["limit"]["remaining"] == left and not said["limit"]["refused"], said
                    assert any(line["topic"] == "limit" and line["text"].startswith("wide: ") and "shadow" in line["text"] for line in said["why"]), said
                assert edge.get("/", source=edge.host)[0] == 200
            said = explained(edge, "http://lone.example:8080/", edge.host)
            assert (said["status"], said["limit"]["refused"], said["reason"]) == (429, True, "over the limit 'tight'")
            assert edge.get("/", source=edge.host)[0] == 429


def test_the_server_is_the_one_that_the_workers_state_leads_to(slot, tmp_path):
    servers = [Scripted(slot_address(slot, f"2.{n}")) for n in (1, 2, 3)]
    try:
        with LoneEdge(tmp_path, slot, [server.name for server in servers]) as edge:
            for _ in range(7):
                said = explained(edge, "http://lone.example:8080/")["server"]
                asked = [len(server.heads) for server in servers]
                assert edge.get("/")[0] == 200
                got = next(server.name for server, before in zip(servers, asked) if len(server.heads) > before)
                assert said == got
            edge.web["balance"] = "ip_hash"
            edge.reload()
            for last in range(1, 6):
                source = slot_address(slot, f"9.{last}")
                said = explained(edge, "http://lone.example:8080/", source)
                asked = [len(server.heads) for server in servers]
                assert edge.get("/", source=source)[0] == 200
                assert said["server"] == next(server.name for server, before in zip(servers, asked) if len(server.heads) > before)
                assert any("by the request's hash" in line["text"] for line in said["why"])
    finally:
        for server in servers:
            server.__exit__()


def test_one_trace_from_the_name_to_the_server(shop):
    """Over a DNS node and an edge that run, and from their file."""
    host, client = "www.shop.example", "81.2.69.142"
    words = command(shop.config, "--url", f"http://{host}:8080/x", "--client", client)
    assert "In short: region " in words and "Where DNS sends the client" in words and "What becomes of the request" in words, words
    told = json.loads(command(shop.config, "--url", f"http://{host}:8080/x", "--client", client, "--json"))
    region = told["dns"][0]["region"]
    assert told["edges"][0]["edge"]["region"] == region
    running = json.loads(command("--url", f"http://{host}:8080/x", "--client", client, "--json", "--server", f"{shop.dns_address}:9053"))
    assert running["dns"][0]["region"] == region
    assert "no edge was asked" in " ".join(running["notes"])


def test_a_trusted_client_is_told_in_the_answer_and_nobody_else(slot, tmp_path):
    friend, other = slot_address(slot, "9.1"), slot_address(slot, "9.2")
    log = tmp_path / "access.log"
    routes = [{"name": "all", "path": "/", "pool": "web", "limits": ["tight"]}, {"name": "said", "path": "/said", "respond": {"status": 418, "body": "tea"}},
              {"name": "closed", "path": "/closed", "pool": "web", "access": "nobody"}, {"name": "kept", "path": "/kept", "pool": "web", "cache": {"store": "main"}}]
    script = answering(lambda head: ok(more=b"X-Meridian-Explain: of the server\r\nX-Meridian-Trace: likewise\r\nCache-Control: max-age=60\r\n"))
    edge_part = {"explain_to": [f"{friend}/32"], "access_log": str(log), "access": {"nobody": {"allow": ["192.0.2.0/24"]}},
                 "limits": {"tight": {"rate": "2/h", "burst": 8}}, "caches": {"main": {}}}
    with Scripted(slot_address(slot, "2.1"), script) as server:
        with LoneEdge(tmp_path, slot, [server.name], routes=routes, edge=edge_part) as edge:
            ask = lambda path, source, value="1": edge.get(path, source=source, X_Meridian_Explain=value)
            status, fields, _ = ask("/x", friend)
            assert status == 200 and fields.get_all("X-Meridian-Explain")[0].startswith(f"route all, pool web, server {server.name}; client: {friend}"), fields
            assert "limit: tight: 8 more at once" in fields["X-Meridian-Explain"]
            assert len(fields.get_all("X-Meridian-Explain")) == len(fields.get_all("X-Meridian-Trace")) == 1, "ours alone"
            meridian.eventually(lambda: log.exists() and f'"request_id":"{fields["X-Meridian-Trace"]}"' in log.read_text(), "by which it is in the log")
            status, fields, _ = ask("/said", friend)
            assert status == 418 and fields["X-Meridian-Explain"].startswith("route said, respond 418; ")
            status, fields, _ = ask("/closed", friend)
            assert status == 403 and fields["X-Meridian-Explain"].startswith("403 denied by the access list 'nobody'; ")
            status, fields, _ = ask("/kept", friend)
            assert status == 200 and fields["X-Meridian-Explain"].startswith("route kept, pool web, "), fields
            for path, source, value in (("/x", other, "1"), ("/x", friend, "0"), ("/x", friend, "11")):
                status, fields, _ = ask(path, source, value)
                assert status == 200 and fields["X-Meridian-Explain"] == "of the server", "a field like any other"
            assert not any(b"x-meridian-explain" in head.lower() for _, head in server.heads), "it goes to no server"
            status, fields, _ = edge.get("/said", source=other, X_Meridian_Explain="1")
            assert status == 418 and "X-Meridian-Explain" not in fields and "X-Meridian-Trace" not in fields

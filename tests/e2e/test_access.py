"""Who may come: access lists by network, inherited, in shadow, and from files that change; docs/access.md."""
import json

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


def edge_with(tmp_path, slot, server, access, routes, **edge):
    return LoneEdge(tmp_path, slot, [server.name], routes=routes, edge={"access": access, "access_log": f"{tmp_path}/access.log", **edge})


def test_lists_of_all_routes_of_a_host_and_of_a_route_add_up(slot, server, tmp_path):
    friend, other, banned = (slot_address(slot, f"9.{n}") for n in (1, 2, 3))
    access = {"admins": {"allow": [friend, banned]}, "banned": {"deny": [banned], "everywhere": True},
              "named": {"deny": [other], "hosts": ["named.example"]}}
    routes = [{"path": "/admin/", "pool": "web", "access": "admins"}, {"path": "/", "pool": "web"},
              {"host": "named.example", "path": "/", "pool": "web"}]
    with edge_with(tmp_path, slot, server, access, routes) as edge:
        assert edge.get("/admin/x", source=friend)[0] == 200
        assert edge.get("/admin/x", source=other)[0] == 403
        assert edge.get("/admin/x", source=banned)[0] == 403, "each list has to let the client in"
        assert edge.get("/", source=other)[0] == 200
        assert edge.get("/", source=banned)[0] == 403
        assert edge.get("/", source=other, Host="named.example")[0] == 403
        assert edge.get("/", source=friend, Host="named.example")[0] == 200
        assert len(server.heads) == 3, "what is denied reaches no server"
        meridian.eventually(lambda: edge.metric("meridian_edge_access_requests_total", 'list="banned",ruling="denied"') == 2, "it is counted")
        meridian.eventually(lambda: edge.metric("meridian_edge_errors_total", 'kind="forbidden"') == 4, "and here")
        lists = {one["name"]: one for one in json.loads(edge.admin("/status", "GET")[1])["access"]}
        assert lists["admins"]["denied"] == 1 and lists["named"]["denied"] == 1
        meridian.eventually(lambda: "denied by the access list 'named'" in (tmp_path / "access.log").read_text(), "the log says why")


def test_a_shadowed_list_denies_nobody_and_counts(slot, server, tmp_path):
    access = {"strict": {"allow": ["192.0.2.0/24"], "mode": "shadow", "everywhere": True}}
    with edge_with(tmp_path, slot, server, access, [{"path": "/", "pool": "web"}]) as edge:
        assert edge.get("/")[0] == 200
        meridian.eventually(lambda: edge.metric("meridian_edge_access_requests_total", 'ruling="shadowed"') == 1, "it is counted")


def test_a_file_is_read_again_when_it_changes_and_kept_when_it_is_broken(slot, server, tmp_path):
    one, two = slot_address(slot, "9.1"), slot_address(slot, "9.2")
    networks = tmp_path / "banned.txt"
    networks.write_text(f"# since yesterday\n{one} ; they know why\n")
    access = {"banned": {"deny": [{"file": str(networks)}], "everywhere": True}}
    with edge_with(tmp_path, slot, server, access, [{"path": "/", "pool": "web"}]) as edge:
        assert (edge.get("/", source=one)[0], edge.get("/", source=two)[0]) == (403, 200)
        mark = len(edge.process.text())
        networks.write_text(f"{two}\n")
        meridian.eventually(lambda: "event=rules_renewed" in edge.process.text()[mark:], "the file is read again")
        assert (edge.get("/", source=one)[0], edge.get("/", source=two)[0]) == (200, 403)
        mark = len(edge.process.text())
        networks.write_text("what is this\n")
        meridian.eventually(lambda: "event=rules_kept" in edge.process.text()[mark:], "it is refused")
        assert f"{networks}:1" in edge.process.text()[mark:]
        assert (edge.get("/", source=one)[0], edge.get("/", source=two)[0]) == (200, 403), "what was there stays"


def test_countries_are_networks_of_the_geo_database_and_follow_it(slot, server, tmp_path):
    """Clients are told by a proxy that is trusted, so that they may be anywhere."""
    database = tmp_path / "geo.mmdb"
    database.write_bytes(meridian.geo_database("city.mmdb").read_bytes())
    british, american = "81.2.69.142", "128.32.1.7"
    access = {"home": {"allow": [{"country": "GB"}, "192.0.2.0/24"]}, "tried": {"deny": [{"country": "GB"}], "mode": "shadow", "everywhere": True}}
    routes = [{"path": "/", "pool": "web"}, {"path": "/home", "pool": "web", "access": "home"}]
    with edge_with(tmp_path, slot, server, access, routes, geo_database=str(database), trusted_proxies=["127.0.0.0/8"]) as edge:
        ask = lambda path, client: edge.get(path, X_Forwarded_For=client)[0]
        assert [ask("/home", client) for client in (british, american, "192.0.2.7")] == [200, 403, 200]
        assert ask("/", british) == 200, "in shadow"
        meridian.eventually(lambda: edge.metric("meridian_edge_access_requests_total", 'list="tried",ruling="shadowed"') == 2, "it is counted")
        mark = len(edge.process.text())
        whole = database.read_bytes()
        database.write_bytes(whole[:5000])
        meridian.eventually(lambda: "event=rules_kept" in edge.process.text()[mark:], "a broken one is refused")
        assert "geo.mmdb" in edge.process.text()[mark:]
        assert [ask("/home", client) for client in (british, american)] == [200, 403], "what was there stays"
        mark = len(edge.process.text())
        other = tmp_path / "other.mmdb"
        other.write_bytes(whole)
        other.rename(database)
        meridian.eventually(lambda: "event=rules_renewed" in edge.process.text()[mark:], "the file is read again")
        assert [ask("/home", client) for client in (british, american)] == [200, 403]
        edge.config["edge"]["access"]["home"]["allow"][0]["country"] = "QQ"
        assert "country QQ" in edge.reload(status=422)


def test_no_other_way_to_write_a_path_reaches_past_a_list(slot, server, tmp_path):
    access = {"nobody": {"allow": ["192.0.2.0/24"]}}
    routes = [{"path": "/admin", "pool": "web", "access": "nobody"}, {"path": "/", "pool": "web"}]
    with edge_with(tmp_path, slot, server, access, routes) as edge:
        for path in ("/admin", "/admin/", "/admin/x", "/./admin", "//admin", "/%61dmin", "/x/../admin", "/static/%2e%2e/admin",
                     "/admin;v=1", "/admin%2fx", "/x/..%2fadmin", "/%2561dmin", "/admin/..;/admin", "/a//../admin", "http://lone.example/admin"):
            assert edge.get(path)[0] in (400, 403), path
        assert server.heads == []


def test_explain_says_what_a_list_says(slot, server, tmp_path):
    access = {"office": {"allow": ["192.0.2.0/24"]}}
    with edge_with(tmp_path, slot, server, access, [{"path": "/", "pool": "web", "access": "office"}]) as edge:
        said = edge.admin("/explain?host=lone.example&client=192.0.2.7", "GET")[1]
        assert "access: office: 192.0.2.7 is allowed, as all of 192.0.2.0/24" in said
        said = edge.admin("/explain?host=lone.example&client=198.51.100.7", "GET")[1]
        assert "answer: 403 denied by the access list 'office'" in said
        assert edge.metric("meridian_edge_access_requests_total") == 0, "who only asks is not counted"


def test_neither_a_cache_nor_a_directory_answers_who_is_denied(slot, tmp_path):
    friend, other = slot_address(slot, "9.1"), slot_address(slot, "9.2")
    root = tmp_path / "root"
    root.mkdir()
    (root / "index.html").write_text("for friends")
    access = {"friends": {"allow": [friend]}}
    routes = [{"path": "/files", "files": {"root": str(root)}, "access": "friends"},
              {"path": "/", "pool": "web", "access": "friends", "cache": {"store": "main"}}]
    fresh = ok(b"for friends", b"Cache-Control: max-age=3600\r\n")
    with Scripted(slot_address(slot, "2.1"), answering(lambda head: fresh)) as server, \
            edge_with(tmp_path, slot, server, access, routes, caches={"main": {"size": "64MiB"}}) as edge:
        for path in ("/x", "/files/"):
            assert edge.get(path, source=friend)[0] == 200, path
            assert edge.get(path, source=other)[0] == 403, path
            assert edge.get(path, source=friend)[0] == 200, path
        assert len(server.heads) == 1, "the second time it came out of the cache"
        meridian.eventually(lambda: edge.metric("meridian_edge_access_requests_total", 'ruling="denied"') == 2, "each is counted")
        assert edge.metric("meridian_edge_access_requests_total", 'ruling="allowed"') == 4, "the cache's own fetch is nobody who asks"

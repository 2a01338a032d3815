"""Early hints that are learned of earlier answers (docs/content.md); those of a route are in test_compression.py."""
import hashlib

import pytest

import meridian
from h2_client import H2
from lone_edge import LoneEdge, Scripted, answering, ok, slot_address

LINKS = b"Link: </a.css>; rel=preload; as=style, </next>; rel=next\r\nLink: <https://cdn.example>; rel=preconnect\r\n"


@pytest.fixture
def slot():
    with meridian.Lease() as held:
        yield held


@pytest.fixture
def server(slot):
    with Scripted(slot_address(slot, "2.1")) as running:
        running.answer = lambda head: ok(b"page", LINKS)
        running.script = answering(lambda head: running.answer(head))
        yield running


def learning(tmp_path, slot, server, edge=None, **route):
    return LoneEdge(tmp_path, slot, [server.name], routes=[{"path": "/", "pool": "web", "learn_early_hints": True, **route}], edge={**(edge or {})})


def hints(edge, path="/", *fields):
    """The links of the 103s that came ahead."""
    with H2(edge.host) as client:
        stream = client.get(path, *fields)
        client.until_over(stream)
        answer = client.streams[stream]
        assert answer.status == 200
        return [value for head in answer.interims if dict(head)[":status"] == "103" for name, value in head if name == "link"]


def test_links_of_the_last_answer_go_ahead_of_the_next(slot, server, tmp_path):
    with learning(tmp_path, slot, server) as edge:
        assert hints(edge) == []
        assert hints(edge) == ["</a.css>; rel=preload; as=style", "<https://cdn.example>; rel=preconnect"]
        assert hints(edge, "/other") == [], "by URL"
        assert edge.metric("meridian_edge_early_hints_total") == 1
        status, headers, _ = edge.get("/")
        assert status == 200, "HTTP/1.1 is told none"
        server.answer = lambda head: ok(b"page")
        assert len(hints(edge)) == 2
        assert hints(edge) == [], "the last answer had none"


def test_nothing_is_learned_of_what_is_for_one_client(slot, server, tmp_path):
    with learning(tmp_path, slot, server) as edge:
        for n, more in enumerate((b"Cache-Control: private\r\n", b"Set-Cookie: a=b\r\n", b"Cache-Control: no-store\r\n")):
            server.answer = lambda head: ok(b"page", LINKS + more)
            assert hints(edge, f"/{n}") == hints(edge, f"/{n}") == []
        server.answer = lambda head: ok(b"page", LINKS)
        assert hints(edge, "/z", ("authorization", "Basic eDp5")) == hints(edge, "/z") == []
        assert len(hints(edge, "/z")) == 2


def test_nothing_is_learned_of_who_has_shown_a_key(slot, server, tmp_path):
    (tmp_path / "keys").write_text(f"sha256:{hashlib.sha256(b'k1').hexdigest()} bob\nsha256:{hashlib.sha256(b'k2').hexdigest()} eve\n")
    (tmp_path / "keys").chmod(0o600)
    with learning(tmp_path, slot, server, {"auth": {"keys": {"api_keys": str(tmp_path / "keys")}}}, auth="keys") as edge:
        assert hints(edge, "/me", ("x-api-key", "k1")) == hints(edge, "/me", ("x-api-key", "k2")) == []


def test_what_is_learned_of_a_route_for_some_is_told_to_no_others(slot, server, tmp_path):
    with learning(tmp_path, slot, server) as edge:
        plain = edge.config["edge"]["routes"][0]
        edge.config["edge"]["routes"] = [{**plain, "header": {"X-Preview": "1"}}, plain]
        edge.reload()
        assert hints(edge, "/", ("x-preview", "1")) == []
        assert hints(edge, "/") == []
        assert len(hints(edge, "/", ("x-preview", "1"))) == len(hints(edge, "/")) == 2


def test_with_a_cache_hints_go_ahead_of_what_is_asked_anew_and_of_no_hit(slot, server, tmp_path):
    server.answer = lambda head: ok(b"page", LINKS + b"Cache-Control: max-age=3600\r\n")
    with learning(tmp_path, slot, server, {"caches": {"main": {"size": "64MiB"}}}, cache={"store": "main"}) as edge:
        assert hints(edge) == []
        assert hints(edge) == [], "a hit is there at once"
        edge.admin("/cache/purge?url=lone.example/")
        assert len(hints(edge)) == 2
        assert len(server.heads) == 2

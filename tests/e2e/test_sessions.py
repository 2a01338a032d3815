"""Sessions that servers make, which the edges of a region share through a real Redis: killed, standing still, full; docs/sessions.md."""
import contextlib
import json
import secrets
import select
import subprocess
import threading

import pytest

import h2_client
import meridian
from lone_edge import LoneEdge, Scripted, answering, ok, slot_address
from redis_server import Redis

PATIENT = {"timeout": "10s", "lease": "30s"}  # a busy machine answers late
STICKY = {"store": "redis", "learn": "JSESSIONID", "wait": "1s", "refresh": "250ms", "ttl": "10m"}
SESSIONS = 8  # so many do not all go by chance where they belong


@pytest.fixture
def slot():
    held = meridian.Lease()
    yield held
    held.release()


class Backend(Scripted):
    """Makes a session for each /login, in a cookie and in a field, and says who it is."""

    def __init__(self, address):
        super().__init__(address, answering(self.answer))

    def answer(self, head):
        more = b""
        if head.startswith(b"GET /login"):
            session = secrets.token_hex(16).encode()
            more = b"Set-Cookie: JSESSIONID=%s; Path=/; HttpOnly\r\nX-Session: %s\r\n" % (session, session)
        return ok(self.name.encode(), more)


@pytest.fixture
def servers(slot):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Backend(slot_address(slot, f"2.{n}"))) for n in (1, 2, 3)]


@pytest.fixture
def redis(slot, tmp_path):
    with Redis(tmp_path / "redis", slot_address(slot, "3.1")) as running:
        yield running


@pytest.fixture
def keys(tmp_path):
    secret = tmp_path / "sticky.keys"
    secret.write_text(secrets.token_hex(16) + "\n")
    secret.chmod(0o600)
    return secret


class Edge(LoneEdge):
    """One of the two edges of a region."""

    def __init__(self, directory, slot, servers, redis, keys, index=1, sticky=None, **edge):
        self.index = index
        directory.mkdir(exist_ok=True)
        super().__init__(directory, slot, [server.name for server in servers], pool={"sticky": {k: v for k, v in {**STICKY, "keys": str(keys), **(sticky or {})}.items() if v is not None}},
                         edge={"redis": {"servers": [redis.name], **PATIENT}, "access_log": str(directory / "access.log"), **edge})

    @property
    def host(self):
        return slot_address(self.slot, f"1.{self.index}")

    @host.setter
    def host(self, _):
        pass

    def login(self):
        """A new session and its server."""
        status, fields, body = self.get("/login")
        assert status == 200
        return fields["Set-Cookie"].partition("=")[2].partition(";")[0], body.decode()

    def at(self, session):
        """Where a request with this session goes."""
        status, _, body = self.get("/", Cookie=f"JSESSIONID={session}")
        assert status == 200
        return body.decode()

    def finds(self, session, server):
        """At the first request, or, on a machine so busy that Redis is late, at the next."""
        meridian.eventually(lambda: self.at(session) == server, f"{self.host} leads {session} to {server}", 60)

    def sessions(self):
        return self.pool()["sessions"]

    def is_up(self, state="up"):
        meridian.wait_until(lambda: self.sessions()["state"] == state, f"the store is {state}")

    def written(self, count):
        meridian.wait_until(lambda: self.sessions()["written"] >= count, "the sessions are in Redis")


@contextlib.contextmanager
def two_edges(tmp_path, slot, servers, redis, keys, **more):
    with contextlib.ExitStack() as stack:
        edges = [stack.enter_context(Edge(tmp_path / f"edge{n}", slot, servers, redis, keys, n, **more)) for n in (1, 2)]
        for edge in edges:
            edge.is_up()
        yield edges


def made(edge, count=SESSIONS):
    before = edge.sessions()["written"]
    found = dict(edge.login() for _ in range(count))
    edge.written(before + count)
    return found


@pytest.mark.parametrize("workers", [1, 2])
def test_a_session_learned_by_one_edge_is_found_by_the_other(slot, servers, redis, keys, tmp_path, workers):
    with two_edges(tmp_path, slot, servers, redis, keys, workers=workers) as (one, two):
        sessions = made(one)
        assert len(set(sessions.values())) > 1
        for session, server in sessions.items():
            assert one.at(session) == server
            two.finds(session, server)
            assert two.at(session) == server
        assert one.sessions()["requests"]["known"] == SESSIONS
        told = two.sessions()["requests"]
        assert told["found"] > 0 and told["known"] >= SESSIONS and told["absent"] == told["away"] == 0
        assert two.metric("meridian_edge_sticky_requests_total", 'session="found"') == told["found"]
        assert one.metric("meridian_edge_sticky_learned_total") == SESSIONS
        assert one.metric("meridian_edge_sticky_store_up") == 1
        words = lambda: {json.loads(line)["session"] for line in (tmp_path / "edge2/access.log").read_text().splitlines()}
        meridian.eventually(lambda: words() >= {"found", "known"}, "the access log tells of both", passing=(OSError, KeyError, ValueError))
        assert words() <= {"found", "known", "late"}


def test_what_is_in_redis_tells_no_session_and_ends(slot, servers, redis, keys, tmp_path):
    with Edge(tmp_path / "edge", slot, servers, redis, keys) as edge:
        edge.is_up()
        sessions = made(edge)
        names = [name.decode() for name in redis.ask("KEYS", "*")]
        assert len(names) == SESSIONS and all(name.startswith("meridian:session:eu:web:") for name in names)
        assert not any(session in name for session in sessions for name in names)
        assert sorted(redis.ask("GET", name).decode() for name in names) == sorted(sessions.values())
        assert all(0 < redis.ask("TTL", name) <= 600 for name in names)


def test_sessions_that_clients_make_up_are_not_written(slot, servers, redis, keys, tmp_path):
    with two_edges(tmp_path, slot, servers, redis, keys) as (one, two):
        made_up = [secrets.token_hex(16) for _ in range(20)]
        for session in made_up:
            assert one.at(session) == two.at(session), "by its hash, on both"
        assert redis.ask("DBSIZE") == 0
        told = one.sessions()["requests"]
        assert told["absent"] + told["late"] == 20 and told["absent"] > 0
        assert one.sessions()["written"] == 0


def test_redis_that_stands_still_stalls_nobody(slot, servers, redis, keys, tmp_path):
    with Edge(tmp_path / "edge", slot, servers, redis, keys) as edge:
        edge.is_up()

        def others_are_answered():
            with edge.raw() as waiting:
                waiting.sendall(b"GET / HTTP/1.1\r\nHost: lone.example\r\nCookie: JSESSIONID=%s\r\n\r\n" % secrets.token_hex(8).encode())
                waits_on = edge.sessions()["requests"]
                assert edge.get("/")[0] == 200
                meanwhile = not select.select([waiting], [], [], 0)[0] and edge.sessions()["requests"] == waits_on
                assert waiting.recv(4096).startswith(b"HTTP/1.1 200 "), "it goes by its hash then"
                return meanwhile
        redis.stop()
        meridian.eventually(others_are_answered, "another request is answered while one waits for Redis", 60)
        assert edge.sessions()["requests"]["late"] > 0
        edge.is_up("away")  # once a reply is overdue nobody waits any more
        known = edge.sessions()["requests"]["away"]
        edge.at("nobodys")
        assert edge.sessions()["requests"]["away"] == known + 1
        redis.go()
        edge.is_up()


def test_an_error_of_redis_is_not_its_absence(slot, servers, redis, keys, tmp_path):
    with two_edges(tmp_path, slot, servers, redis, keys) as (one, two):
        [(session, server)] = made(one, 1).items()
        redis.ask("ACL", "SETUSER", "default", "-mget")

        def is_refused():
            assert two.get("/", Cookie=f"JSESSIONID={session}")[0] == 200, "it goes by its hash"
            return two.sessions()["requests"]["failed"] > 1  # at the first one Redis may be late
        meridian.eventually(is_refused, "errors are told", 60)
        told = two.sessions()
        assert told["state"] == "up" and told["requests"]["away"] == told["requests"]["absent"] == 0
        assert "NOPERM" in told["read_reason"]
        assert two.metric("meridian_edge_sticky_requests_total", 'session="failed"') > 1
        meridian.eventually(lambda: two.process.text().count("event=sessions_not_asked") == 1, "once, and not for each")
        redis.ask("ACL", "SETUSER", "default", "+mget")
        two.finds(session, server)
        assert two.sessions()["read_reason"] == ""


def test_without_redis_both_edges_agree_and_what_is_known_stays(slot, servers, redis, keys, tmp_path):
    with two_edges(tmp_path, slot, servers, redis, keys) as (one, two):
        sessions = made(one)
        redis.kill()
        for edge in (one, two):
            edge.is_up("away")
            assert edge.metric("meridian_edge_redis_up") == 0 and edge.metric("meridian_edge_sticky_store_up") == 0
        for session, server in sessions.items():
            assert one.at(session) == server, "it has learned it itself"
        for session in [*sessions, *[secrets.token_hex(16) for _ in range(SESSIONS)]]:
            assert two.at(session) == two.at(session)
        for session in [secrets.token_hex(16) for _ in range(SESSIONS)]:
            assert one.at(session) == two.at(session), "by its hash"
        assert two.sessions()["requests"]["away"] >= SESSIONS
        one.config["edge"]["response_headers"] = {"set": {"X-New": "1"}}
        one.reload()
        for session, server in sessions.items():
            assert one.at(session) == server, "over a reload"
        # A session that begins meanwhile is learned, and written as soon as there is a Redis and it is used.
        late, at = one.login()
        meridian.wait_until(lambda: one.sessions()["write_failures"] > 0, "its write fails")
        redis.start()
        for edge in (one, two):
            edge.is_up()
        # What is used is told anew, once an interval of `refresh`.
        meridian.wait_until(lambda: all(one.at(session) == server for session, server in [*sessions.items(), (late, at)])
                            and redis.ask("DBSIZE") == SESSIONS + 1, "all are in Redis again, and where they were")
        for session, server in [*sessions.items(), (late, at)]:
            two.finds(session, server)


def test_a_full_redis_is_told_and_sessions_stay_at_their_edge(slot, servers, redis, keys, tmp_path):
    with Edge(tmp_path / "edge", slot, servers, redis, keys) as edge:
        edge.is_up()
        redis.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
        redis.ask("CONFIG", "SET", "maxmemory", "1")
        sessions = dict(edge.login() for _ in range(SESSIONS))
        meridian.wait_until(lambda: edge.sessions()["write_failures"] >= SESSIONS, "the writes are refused")
        assert "OOM" in edge.sessions()["write_reason"] and edge.sessions()["state"] == "up"
        assert edge.metric("meridian_edge_sticky_writes_total", 'result="failed"') >= SESSIONS
        assert edge.process.text().count("event=sessions_not_kept") == 1, "once, and not for each"
        for session, server in sessions.items():
            assert edge.at(session) == server
        redis.ask("CONFIG", "SET", "maxmemory", "0")

        def written():
            for session, server in sessions.items():
                assert edge.at(session) == server
            return redis.ask("DBSIZE") == SESSIONS
        meridian.eventually(written, "what is used is written again", 60)
        assert edge.process.text().count("event=sessions_kept") == 1


def test_a_session_whose_server_is_removed_moves_and_both_edges_follow(slot, servers, redis, keys, tmp_path):
    with two_edges(tmp_path, slot, servers, redis, keys) as (one, two):
        sessions = made(one, 2 * SESSIONS)
        for session, server in sessions.items():
            two.finds(session, server)
        gone = servers[0].name
        moving = [session for session, server in sessions.items() if server == gone]
        assert moving
        for edge in (one, two):
            edge.web["servers"] = [server.name for server in servers[1:]]
            edge.reload()
        moved = {session: one.at(session) for session in moving}
        assert gone not in moved.values()
        assert one.sessions()["moved"] == len(moving)
        for session, server in moved.items():
            assert two.at(session) == server
        for session, server in sessions.items():
            assert session in moved or one.at(session) == server, "the others stay"
        meridian.wait_until(lambda: gone.encode() not in [redis.ask("GET", name) for name in redis.ask("KEYS", "*")], "Redis has the new ones")
        # It comes back: nobody returns.
        for edge in (one, two):
            edge.web["servers"] = [server.name for server in servers]
            edge.reload()
        for session, server in moved.items():
            assert one.at(session) == server and two.at(session) == server


def test_a_move_that_only_one_edge_makes_is_seen_by_the_other(slot, servers, redis, keys, tmp_path):
    with two_edges(tmp_path, slot, servers, redis, keys) as (one, two):
        session, server = one.login()
        one.written(1)
        two.finds(session, server)
        one.web["servers"] = [other.name for other in servers if other.name != server]
        one.reload()
        moved = one.at(session)
        assert moved != server
        meridian.wait_until(lambda: two.at(session) == moved, "the last write wins")


def test_a_server_that_drains_keeps_its_sessions_or_gives_them_away(slot, servers, redis, keys, tmp_path):
    with Edge(tmp_path / "edge", slot, servers, redis, keys) as edge:
        edge.is_up()
        session, server = edge.login()
        assert edge.admin(f"/drain?pool=web&server={server}&reason=test")[0] == 200
        assert edge.at(session) == server
        assert all(edge.login()[1] != server for _ in range(6)), "new ones go elsewhere"
        edge.web["sticky"]["draining"] = "move"
        edge.reload()
        assert edge.at(session) != server


def test_sessions_over_http2_and_in_a_field(slot, servers, redis, keys, tmp_path):
    field = {"store": "redis", "header": "X-Session"}
    with two_edges(tmp_path, slot, servers, redis, keys, sticky={"learn": None, **field}) as (one, two):
        sessions = {}
        for _ in range(SESSIONS):
            with h2_client.H2(one.host) as h2:
                stream = h2.get("/login")
                h2.until_over(stream)
                answer = h2.streams[stream]
                sessions[answer.fields["x-session"]] = answer.body.decode()
        one.written(SESSIONS)
        found = 0
        for session, server in sessions.items():
            with h2_client.H2(two.host) as h2:
                stream = h2.get("/", ("x-session", session))
                h2.until_over(stream)
                first = h2.streams[stream].body.decode()
            found += first == server
            meridian.eventually(lambda: two.get("/", X_Session=session)[2].decode() == server, "over HTTP/1 as well", 60)
        assert found > SESSIONS // 2


def explained(*arguments):
    """What the edge says of it, a topic to its words."""
    done = subprocess.run([meridian.binaries() / "meridian", "explain", *map(str, arguments), "--json"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return {step["topic"]: step["text"] for step in json.loads(done.stdout)["edges"][0]["why"]}


def test_explain_says_what_is_known_of_a_session(slot, servers, redis, keys, tmp_path):
    with Edge(tmp_path / "edge", slot, servers, redis, keys) as edge:
        edge.is_up()
        session, server = edge.login()
        asked = ["--url", "http://lone.example:8080/", "--header", f"Cookie: JSESSIONID={session}"]
        running = explained(*asked, "--server", f"unix:{edge.directory}/state/edge-{edge.host}/admin.sock")
        assert running["session"].startswith(f"JSESSIONID: at {server}, as this edge has known for ")
        assert running["pick"] == f"{server}, which has its session"
        new = explained("--url", "http://lone.example:8080/", "--header", "Cookie: JSESSIONID=new",
                        "--server", f"unix:{edge.directory}/state/edge-{edge.host}/admin.sock")
        assert new["session"].startswith("JSESSIONID: not known here: Redis is asked")
        offline = explained(edge.file, *asked)
        assert "only a running edge can say" in offline["session"]
        assert edge.sessions()["requests"]["known"] == 0, "nothing was counted"


def test_no_cache_keeps_what_a_session_got_whether_it_is_known_or_not(slot, redis, keys, tmp_path):
    """An edge that has not heard of a session yet, or whose Redis is away, must not give its page to others."""
    def answer(head):
        return ok(b"hello, %s" % (b"somebody" if b"JSESSIONID" in head else b"world"), b"Cache-Control: max-age=3600\r\n")

    redis.kill()
    with Scripted(slot_address(slot, "2.1"), answering(answer)) as server, Edge(tmp_path / "edge", slot, [server], redis, keys, caches={"main": {"size": "64MiB"}}) as edge:
        edge.config["edge"]["routes"][0]["cache"] = {"store": "main"}
        edge.reload()
        edge.is_up("away")
        assert edge.get("/", Cookie="JSESSIONID=of-another-edge")[2] == b"hello, somebody"
        assert edge.get("/")[2] == b"hello, world"
        assert edge.get("/", Cookie="JSESSIONID=of-another-edge")[2] == b"hello, somebody"


def test_nobody_is_asked_about_a_session_that_is_refused(slot, redis, keys, tmp_path):
    """A pool that is nearly full refuses the lower tier at once, and does not wait for Redis to say so."""
    free = threading.Event()

    def answer(head):
        if head.startswith(b"GET /slow"):
            free.wait(60)
        return ok()

    with Scripted(slot_address(slot, "2.1"), answering(answer)) as server, Edge(tmp_path / "edge", slot, [server], redis, keys, tiers={"order": ["free", "gold"], "from": []}) as edge:
        edge.config["edge"]["pools"]["web"].update({"max_in_flight": 2, "shed": {"from": {"free": "50%"}}})
        edge.reload()
        edge.is_up()
        meridian.eventually(lambda: edge.metric("meridian_edge_pool_capacity", 'pool="web"') == 2, "the capacity is known")
        try:
            with edge.raw() as slow:
                slow.sendall(b"GET /slow HTTP/1.1\r\nHost: lone.example\r\n\r\n")
                meridian.eventually(lambda: any(b"/slow" in head for _, head in server.heads), "one of two places is taken")
                assert edge.get("/", Cookie="JSESSIONID=unheard-of")[0] == 503
                assert sum(edge.sessions()["requests"].values()) == 0
        finally:
            free.set()


def test_no_cache_gives_a_new_session_to_two_clients(slot, redis, keys, tmp_path):
    def answer(_):
        return ok(b"x", b"X-Session: %s\r\nCache-Control: max-age=3600\r\n" % secrets.token_hex(8).encode())

    sticky = {"learn": None, "header": "X-Session"}
    with Scripted(slot_address(slot, "2.1"), answering(answer)) as server, Edge(tmp_path / "edge", slot, [server], redis, keys, sticky=sticky, caches={"main": {"size": "64MiB"}}) as edge:
        edge.config["edge"]["routes"][0]["cache"] = {"store": "main"}
        edge.reload()
        assert len({edge.get("/")[1]["X-Session"] for _ in range(3)}) == 3

"""Who asks: passwords, API keys and signed tokens from files, CORS, and traces; docs/access.md."""
import base64
import concurrent.futures
import hashlib
import json
import subprocess
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

import meridian
from lone_edge import LoneEdge, Scripted, answering, ok, slot_address

NOW = int(time.time())


@pytest.fixture
def slot():
    held = meridian.Lease()
    yield held
    held.release()


@pytest.fixture
def server(slot):
    with Scripted(slot_address(slot, "2.1")) as running:
        yield running


def secret_file(path, text):
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def hashed(user, password, *options):
    return subprocess.run(["htpasswd", "-nb", *options, user, password], check=True, capture_output=True, text=True).stdout.strip()


def number(value):
    return base64.urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()


def fields_of(server):
    return [dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if line) for _, head in server.heads]


def test_passwords_are_checked_once_and_off_the_workers(slot, server, tmp_path):
    users = tmp_path / "users"
    secret_file(users, hashed("alice", "wonder:land", "-B", "-C", "11") + "\n")
    routes = [{"path": "/staff", "pool": "web", "auth": "staff"}, {"path": "/", "pool": "web"}]
    auth = {"staff": {"passwords": str(users), "realm": "Staff only", "user_field": "X-Auth-User"}}
    with LoneEdge(tmp_path, slot, [server.name], routes=routes, edge={"auth": auth, "access_log": f"{tmp_path}/access.log"}) as edge:
        status, fields, _ = edge.get("/staff")
        assert (status, fields["WWW-Authenticate"]) == (401, 'Basic realm="Staff only", charset="UTF-8"')
        good = basic("alice", "wonder:land")
        assert edge.get("/staff", Authorization=good, X_Auth_User="root", x_auth_user="root")[0] == 200
        assert edge.get("/staff", Authorization=basic("alice", "wrong"))[0] == 401
        assert edge.get("/staff", Authorization=basic("eve", "wonder:land"))[0] == 401
        began = time.monotonic()
        for _ in range(50):
            assert edge.get("/staff", Authorization=good)[0] == 200
        assert time.monotonic() - began < 50 * 0.1, "a hash of this cost takes longer each time"
        assert edge.get("/", X_Auth_User="root")[0] == 200
        seen = fields_of(server)
        assert seen[0]["X-Auth-User"] == "alice" and "X-Auth-User" not in seen[-1]
        assert "root" not in b"".join(head for _, head in server.heads).decode(), "no client names itself"
        meridian.eventually(lambda: '"user":"alice"' in (tmp_path / "access.log").read_text(), "the log knows who it was")
        assert '"end":"U"' in (tmp_path / "access.log").read_text()
        assert edge.metric("meridian_edge_auth_requests_total", 'ruling="accepted"') == 51
        mark = len(edge.process.text())
        secret_file(users, hashed("bob", "builder", "-B", "-C", "5") + "\n")
        meridian.eventually(lambda: "event=rules_renewed" in edge.process.text()[mark:], "the file is read again")
        assert edge.get("/staff", Authorization=good)[0] == 401, "what was remembered went with the file"
        assert edge.get("/staff", Authorization=basic("bob", "builder"))[0] == 200


def test_who_shows_two_credentials_of_one_kind_is_refused(slot, server, tmp_path):
    keys = secret_file(tmp_path / "keys", f"sha256:{hashlib.sha256(b'k1').hexdigest()} acme\n")
    routes = [{"path": "/own", "pool": "web"}, {"path": "/", "pool": "web", "auth": "partners"}]
    with LoneEdge(tmp_path, slot, [server.name], routes=routes, edge={"auth": {"partners": {"api_keys": keys}}}) as edge:
        def status(path, *lines):
            with edge.raw() as sock:
                sock.sendall(f"GET {path} HTTP/1.1\r\nHost: lone.example\r\n".encode() + b"".join(line + b"\r\n" for line in lines) + b"\r\n")
                return sock.recv(4096).split(b" ")[1]
        assert status("/", b"Authorization: Bearer k1") == b"200"
        assert status("/", b"Authorization: Bearer k1", b"authorization: Bearer forged") == b"400"
        assert status("/", b"X-Api-Key: k1", b"X-Api-Key: of-another") == b"400"
        assert status("/own", b"Authorization: Bearer a", b"Authorization: Bearer b") == b"200", "what the server asks for is its affair"
        assert not any(b"forged" in head or b"of-another" in head for _, head in server.heads)


def test_a_policy_in_shadow_turns_nobody_away_when_too_many_passwords_wait(slot, server, tmp_path):
    users = secret_file(tmp_path / "users", hashed("alice", "x", "-B", "-C", "12") + "\n")
    auth = {"staff": {"passwords": users, "mode": "shadow"}}
    with LoneEdge(tmp_path, slot, [server.name], routes=[{"path": "/", "pool": "web", "auth": "staff"}], edge={"auth": auth}) as edge:
        with concurrent.futures.ThreadPoolExecutor(60) as threads:
            got = list(threads.map(lambda n: edge.get("/", Authorization=basic("alice", f"guess{n}"))[0], range(60)))
        assert got == [200] * 60
        assert edge.metric("meridian_edge_auth_requests_total", 'ruling="shadowed"') == 60


def test_a_limit_counts_guesses(slot, server, tmp_path):
    users = secret_file(tmp_path / "users", hashed("alice", "x", "-B", "-C", "5") + "\n")
    routes = [{"path": "/", "pool": "web", "auth": "staff", "limits": "guess"}]
    with LoneEdge(tmp_path, slot, [server.name], routes=routes, edge={"auth": {"staff": {"passwords": users}}, "limits": {"guess": {"rate": "10/h", "burst": 2}}}) as edge:
        assert [edge.get("/", Authorization=basic("alice", f"guess{n}"))[0] for n in range(5)] == [401, 401, 401, 429, 429]


def test_a_limit_that_announces_tells_what_guesses_have_left(slot, server, tmp_path):
    """What it has said stands when everything is decided once more over the checked password, by whichever route."""
    users = secret_file(tmp_path / "users", hashed("alice", "x", "-B", "-C", "5") + "\n")
    keys = secret_file(tmp_path / "keys", f"sha256:{hashlib.sha256(b'very-secret').hexdigest()} acme gold\n")
    auth = ["partners", "staff"]
    routes = [{"path": "/", "tier": "gold", "pool": "web", "auth": auth}, {"path": "/", "pool": "web", "auth": auth, "limits": "guess"}]
    limits = {"guess": {"rate": "10/h", "burst": 3, "announce": True}}
    edge = {"auth": {"partners": {"api_keys": keys}, "staff": {"passwords": users}}, "tiers": {"order": ["free", "gold"], "from": []}, "limits": limits}
    with LoneEdge(tmp_path, slot, [server.name], routes=routes, edge=edge) as edge:
        asked = [{"Authorization": basic("alice", "guess")}, {"X_Api_Key": "very-secret", "Authorization": basic("alice", "x")}, {"Authorization": basic("alice", "x")}]
        for left, (status, shown) in enumerate(zip((401, 200, 200), asked)):
            got, fields, _ = edge.get("/", **shown)
            assert got == status and fields["RateLimit"].startswith(f'"guess";r={3 - left};t='), fields["RateLimit"]
            assert fields.get_all("RateLimit-Policy") == ['"guess";q=10;w=3600']
        assert edge.get("/", X_Api_Key="very-secret", Authorization=basic("alice", "x"))[1]["RateLimit"] is None, "that route has no limit"


def test_a_limit_by_a_claim_counts_whom_tokens_are_of(slot, server, tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    point = key.public_key().public_numbers()
    half = lambda value: base64.urlsafe_b64encode(value.to_bytes(32, "big")).rstrip(b"=").decode()
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [{"kty": "EC", "crv": "P-256", "x": half(point.x), "y": half(point.y)}]}))
    edge = {"auth": {"people": {"jwt": {"keys": str(tmp_path / "jwks.json")}}}, "limits": {"people": {"rate": "1/h", "burst": 2, "key": {"claim": "sub"}}}}
    with LoneEdge(tmp_path, slot, [server.name], routes=[{"path": "/", "pool": "web", "auth": "people", "limits": "people"}], edge=edge) as lone:
        token = lambda subject, issuer, n: jwt.encode({"sub": subject, "iss": issuer, "exp": NOW + 3600, "jti": str(n)}, key, "ES256")
        ask = lambda *of: lone.get("/", Authorization="Bearer " + token(*of))[0]
        assert [ask("alice", "https://one", n) for n in range(4)] == [200, 200, 200, 429], "each time with a token of her own"
        assert ask("bob", "https://one", 0) == 200
        assert ask("alice", "https://other", 0) == 200, "another issuer's is somebody else"


def test_api_keys_by_digest_give_the_tier(slot, server, tmp_path):
    keys = secret_file(tmp_path / "keys", f"sha256:{hashlib.sha256(b'very-secret').hexdigest()} acme gold\n")
    tiers = {"order": ["free", "gold"], "from": []}
    routes = [{"path": "/", "pool": "web", "auth": "partners"}]
    with LoneEdge(tmp_path, slot, [server.name], routes=routes, edge={"auth": {"partners": {"api_keys": keys, "user_field": "X-Partner"}}, "tiers": tiers}) as edge:
        assert edge.get("/")[0] == 401
        assert edge.get("/", X_Api_Key="very-secret2")[0] == 401
        assert edge.get("/", X_Api_Key="very-secret")[0] == 200
        assert edge.get("/", Authorization="Bearer very-secret")[0] == 200
        assert [(f["X-Partner"], f["X-Customer-Tier"]) for f in fields_of(server)] == [("acme", "gold")] * 2
        said = edge.admin("/explain?host=lone.example&header=X-Api-Key:%20very-secret", "GET")[1]
        assert "auth: partners: acme" in said


def test_a_password_beside_a_key_does_not_pass_by_the_limit_of_the_tier(slot, server, tmp_path):
    """The route of the tier is found only when the password has been checked, behind the limits of the route before."""
    users = secret_file(tmp_path / "users", hashed("alice", "x", "-B", "-C", "5") + "\n")
    keys = secret_file(tmp_path / "keys", f"sha256:{hashlib.sha256(b'very-secret').hexdigest()} acme gold\n")
    auth = ["partners", "staff"]
    routes = [{"path": "/", "tier": "gold", "pool": "web", "auth": auth, "limits": "few"}, {"path": "/", "pool": "web", "auth": auth}]
    edge = {"auth": {"partners": {"api_keys": keys}, "staff": {"passwords": users}}, "tiers": {"order": ["free", "gold"], "from": []}, "limits": {"few": {"rate": "10/h", "burst": 2}}}
    with LoneEdge(tmp_path, slot, [server.name], routes=routes, edge=edge) as edge:
        assert [edge.get("/", X_Api_Key="very-secret", Authorization=basic("alice", "guess"))[0] for _ in range(5)] == [401] * 5, "a good key makes no wrong password good"
        assert [edge.get("/", X_Api_Key="very-secret", Authorization=basic("alice", "x"))[0] for _ in range(5)] == [200, 200, 200, 429, 429]


def test_a_key_that_nobody_verifies_is_no_way_around_a_limit(slot, server, tmp_path):
    """Where passwords let a client in, an X-Api-Key beside one counts for nothing: neither for guesses nor afterwards."""
    users = secret_file(tmp_path / "users", hashed("alice", "x", "-B", "-C", "5") + "\n")
    routes = [{"path": "/", "pool": "web", "auth": "staff", "limits": "each"}]
    edge = {"auth": {"staff": {"passwords": users}}, "limits": {"each": {"rate": "10/h", "burst": 3, "key": "api_key"}}}
    with LoneEdge(tmp_path, slot, [server.name], routes=routes, edge=edge) as edge:
        asked = [edge.get("/", X_Api_Key=f"made-up-{n}", Authorization=basic("alice", f"guess{n}" if n < 2 else "x"))[0] for n in range(6)]
        assert asked == [401, 401, 200, 200, 429, 429]


def test_a_bad_credential_beside_a_good_one_reaches_no_server(slot, server, tmp_path):
    signing, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    point = signing.public_key().public_numbers()
    half = lambda value: base64.urlsafe_b64encode(value.to_bytes(32, "big")).rstrip(b"=").decode()
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [{"kty": "EC", "crv": "P-256", "x": half(point.x), "y": half(point.y)}]}))
    keys = secret_file(tmp_path / "keys", f"sha256:{hashlib.sha256(b'k1').hexdigest()} acme\n")
    auth = {"partners": {"api_keys": keys, "user_field": "X-Who"}, "people": {"jwt": {"keys": str(tmp_path / "jwks.json")}}}
    routes = [{"path": "/keys", "pool": "web", "auth": "partners"}, {"path": "/", "pool": "web", "auth": ["partners", "people"]}]
    log = tmp_path / "access.log"
    with LoneEdge(tmp_path, slot, [server.name], routes=routes, edge={"auth": auth, "access_log": str(log)}) as edge:
        token = lambda key: "Bearer " + jwt.encode({"sub": "alice", "exp": NOW + 3600}, key, "ES256")
        good, forged = token(signing), token(other)
        assert edge.get("/", X_Api_Key="k1", Authorization=good)[0] == 200
        assert edge.get("/", X_Api_Key="k1")[0] == edge.get("/", Authorization=good)[0] == 200
        for bad in ({"X_Api_Key": "k1", "Authorization": forged}, {"X_Api_Key": "stolen", "Authorization": good}):
            assert edge.get("/", **bad)[0] == 401
        assert [f.get("X-Who") for f in fields_of(server)] == ["acme", "acme", None]
        assert not any(forged.encode() in head or b"stolen" in head for _, head in server.heads)
        meridian.eventually(lambda: "token: " in log.read_text() and "unknown API key" in log.read_text(), "the log says which of the two was bad")
        said = edge.admin(f"/explain?host=lone.example&header=X-Api-Key:%20k1&header=Authorization:%20{forged.replace(' ', '%20')}", "GET")[1]
        assert "auth: people: token: " in said, said
        assert edge.get("/keys", X_Api_Key="k1", Authorization=forged)[0] == 200, "where no policy is about tokens they are the server's affair"


def test_signed_tokens_of_three_algorithms_and_none_that_only_look_so(slot, server, tmp_path):
    ed, p256, rsa_key = ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
    other = ec.generate_private_key(ec.SECP256R1())
    from cryptography.hazmat.primitives import serialization
    raw = ed.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    point, modulus = p256.public_key().public_numbers(), rsa_key.public_key().public_numbers()
    half = lambda value: base64.urlsafe_b64encode(value.to_bytes(32, "big")).rstrip(b"=").decode()
    keys = {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": base64.urlsafe_b64encode(raw).rstrip(b"=").decode()},
                     {"kty": "EC", "crv": "P-256", "kid": "ec", "x": half(point.x), "y": half(point.y)},
                     {"kty": "RSA", "kid": "rsa", "n": number(modulus.n), "e": number(modulus.e)}]}
    (tmp_path / "jwks.json").write_text(json.dumps(keys))
    policy = {"jwt": {"keys": str(tmp_path / "jwks.json"), "issuer": "https://id.example", "audience": "shop", "leeway": "5s", "fields": {"sub": "X-User", "roles": "X-Roles"}, "tier": "plan"}}
    routes = [{"path": "/", "pool": "web", "auth": "people"}]
    edge_section = {"auth": {"people": policy}, "tiers": {"order": ["free", "gold"], "from": []}}
    with LoneEdge(tmp_path, slot, [server.name], routes=routes, edge=edge_section) as edge:
        claims = {"sub": "alice", "iss": "https://id.example", "aud": ["shop"], "exp": NOW + 3600, "roles": ["a", "b"], "plan": "gold"}

        def ask(token):
            return edge.get("/", Authorization=f"Bearer {token}", X_User="root")[0]
        for key, algorithm, kid in ((ed, "EdDSA", "ed"), (p256, "ES256", "ec"), (rsa_key, "RS256", "rsa")):
            for _ in range(2):
                assert ask(jwt.encode(claims, key, algorithm, headers={"kid": kid})) == 200, algorithm
        seen = fields_of(server)
        assert all((f["X-User"], f["X-Roles"], f["X-Customer-Tier"]) == ("alice", "a,b", "gold") for f in seen) and len(seen) == 6
        pem = rsa_key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        part = lambda value: base64.urlsafe_b64encode(value).rstrip(b"=").decode()
        import hmac
        confused = part(b'{"alg":"HS256","kid":"rsa"}') + "." + part(json.dumps(claims).encode())
        confused += "." + part(hmac.new(pem, confused.encode(), hashlib.sha256).digest())
        good = jwt.encode(claims, p256, "ES256", headers={"kid": "ec"})
        for bad in (jwt.encode(claims, None, "none"), confused, jwt.encode(claims, other, "ES256", headers={"kid": "ec"}), good[:-2] + "AA", good + "A",
                    jwt.encode({**claims, "exp": NOW - 60}, p256, "ES256"), jwt.encode({**claims, "nbf": NOW + 3600}, p256, "ES256"),
                    jwt.encode({**claims, "iss": "https://evil.example"}, p256, "ES256"), jwt.encode({**claims, "aud": "other"}, p256, "ES256"),
                    jwt.encode({k: v for k, v in claims.items() if k != "exp"}, p256, "ES256"), "", "a.b.c", "x" * 9000):
            assert ask(bad) in (400, 401), bad
        assert len(server.heads) == 6, "none of these reached the server"
        said = edge.admin(f"/explain?host=lone.example&header=Authorization:%20Bearer%20{good}", "GET")[1]
        assert "auth: people: alice" in said


def test_a_tokens_tier_leads_to_the_route_of_that_tier(slot, server, tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    point = key.public_key().public_numbers()
    half = lambda value: base64.urlsafe_b64encode(value.to_bytes(32, "big")).rstrip(b"=").decode()
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [{"kty": "EC", "crv": "P-256", "kid": "ec", "x": half(point.x), "y": half(point.y)}]}))
    routes = [{"name": "closed", "path": "/api/closed/", "pool": "big", "tier": "gold", "auth": "people", "allow": ["192.0.2.0/24"]},
              {"name": "big", "path": "/api/", "pool": "big", "tier": "gold", "auth": "people"},
              {"name": "all", "path": "/api/", "pool": "web", "auth": "people"}, {"name": "rest", "path": "/", "pool": "web"}]
    edge = {"auth": {"people": {"jwt": {"keys": str(tmp_path / "jwks.json"), "tier": "plan"}}}, "tiers": {"order": ["free", "gold"], "from": []}}
    with Scripted(slot_address(slot, "2.8")) as big, LoneEdge(tmp_path, slot, [server.name], routes=routes, pools={"big": {"servers": [big.name]}}, edge=edge) as lone:
        def ask(path, plan, **more):
            token = jwt.encode({"sub": "alice", "exp": NOW + 3600, "plan": plan, **more}, key, "ES256", headers={"kid": "ec"})
            return lone.get(path, Authorization=f"Bearer {token}")[0]
        assert ask("/api/1", "gold") == 200 and big.asked("/api/1") and not server.asked("/api/1")
        assert ask("/api/2", "free") == 200 and server.asked("/api/2") and not big.asked("/api/2")
        assert ask("/api/3", "unknown") == 200 and server.asked("/api/3")
        assert lone.get("/api/4")[0] == 401
        assert ask("/api/5", "gold", exp=NOW - 3600) == 401 and not big.asked("/api/5")
        assert ask("/other", "gold") == 200 and server.asked("/other"), "a route that does not ask knows nothing of the token"
        assert ask("/api/closed/6", "gold") == 403 and not big.asked("/api/closed/6"), "the route that it leads to has its own list"
        assert ask("/api/closed/7", "free") == 200 and server.asked("/api/closed/7")
        accepted = json.loads(lone.admin("/status", "GET")[1])["auth"][0]
        assert accepted["accepted"] == 5, "who is led on is counted once"
        token = jwt.encode({"sub": "alice", "exp": NOW + 3600, "plan": "gold"}, key, "ES256", headers={"kid": "ec"})
        said = lone.admin(f"/explain?host=lone.example&path=/api/x&header=Authorization:%20Bearer%20{token}", "GET")[1]
        assert "the routes are asked again" in said and "pool big" in said


def test_cors_is_answered_by_the_edge(slot, server, tmp_path):
    server.script = lambda exchange: [exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nAccess-Control-Allow-Origin: *\r\nVary: Accept\r\n\r\nx") for _ in iter(exchange.read_head, b"")]
    users = secret_file(tmp_path / "users", hashed("alice", "x", "-B", "-C", "5") + "\n")
    cors = {"origins": ["https://app.example"], "methods": ["GET", "PUT"], "headers": ["X-A"], "expose": ["X-B"], "credentials": True}
    routes = [{"path": "/api", "pool": "web", "cors": cors, "auth": "staff"}, {"path": "/open", "pool": "web", "cors": {"origins": "*"}}]
    with LoneEdge(tmp_path, slot, [server.name], routes=routes, edge={"auth": {"staff": {"passwords": users}}}) as edge:
        status, fields, body = edge.get("/api", method="OPTIONS", Origin="https://app.example", Access_Control_Request_Method="PUT")
        assert (status, body) == (204, b"")
        assert fields["Access-Control-Allow-Origin"] == "https://app.example" and fields["Access-Control-Allow-Methods"] == "GET, PUT"
        assert fields["Access-Control-Allow-Headers"] == "X-A" and fields["Vary"] == "Origin" and fields["Access-Control-Max-Age"] == "600"
        assert server.heads == [], "it needs no credentials and reaches no server"
        _, fields, _ = edge.get("/api", method="OPTIONS", Origin="https://evil.example", Access_Control_Request_Method="PUT")
        assert "Access-Control-Allow-Origin" not in fields and fields["Vary"] == "Origin"
        status, fields, _ = edge.get("/api", Origin="https://app.example")
        assert status == 401 and fields["Access-Control-Allow-Origin"] == "https://app.example", "the page may read why"
        _, fields, _ = edge.get("/api", Origin="https://app.example", Authorization=basic("alice", "x"))
        assert fields.get_all("Access-Control-Allow-Origin") == ["https://app.example"] and fields["Access-Control-Allow-Credentials"] == "true"
        assert fields["Access-Control-Expose-Headers"] == "X-B"
        assert fields.get_all("Vary") == ["Accept", "Origin"]
        assert edge.get("/open", Origin="https://any.example")[1].get_all("Access-Control-Allow-Origin") == ["*"]


def test_traces_begin_here_or_go_on(slot, server, tmp_path):
    with LoneEdge(tmp_path, slot, [server.name], edge={"trace": {"sample": "100%"}, "trusted_proxies": [slot_address(slot, "9.1")], "access_log": f"{tmp_path}/access.log"}) as edge:
        given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
        edge.get("/", traceparent=given)
        edge.get("/", traceparent=given, source=slot_address(slot, "9.1"))
        stranger, trusted = [next(v for k, v in f.items() if k.lower() == "traceparent") for f in fields_of(server)]
        assert given[3:35] not in stranger and stranger.endswith("-01")
        assert trusted[:36] == given[:36] and trusted[36:52] != given[36:52] and trusted.endswith("-00")
        meridian.eventually(lambda: f'"trace":"{trusted}"' in (tmp_path / "access.log").read_text(), "it is in the log")


def test_what_others_note_of_a_trace_goes_with_that_trace_alone(slot, server, tmp_path):
    """Where the field cannot be read a trace begins here, and tracestate is another one's (Trace Context, processing model)."""
    trusted = slot_address(slot, "9.1")
    with LoneEdge(tmp_path, slot, [server.name], edge={"trace": {"sample": "0%"}, "trusted_proxies": [trusted]}) as edge:
        good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        for given in ({"traceparent": good}, {"traceparent": good.replace("4bf9", "4BF9")}, {"traceparent": "ff" + good[2:]}, {}):
            assert edge.get("/", source=trusted, tracestate="shop=1", **given)[0] == 200
        assert [f.get("tracestate") for f in fields_of(server)] == ["shop=1", None, None, None]


def test_of_two_traces_none_is_believed(slot, server, tmp_path):
    trusted = slot_address(slot, "9.1")
    with LoneEdge(tmp_path, slot, [server.name], edge={"trace": {"sample": "0%"}, "trusted_proxies": [trusted]}) as edge:
        connection = edge.connect(trusted)
        connection.putrequest("GET", "/")
        for digit in "12":
            connection.putheader("traceparent", f"00-{digit * 32}-{digit * 16}-01")
        connection.putheader("tracestate", "shop=1")
        connection.endheaders()
        assert connection.getresponse().status == 200
        head = server.heads[0][1].lower()
        assert head.count(b"traceparent: ") == 1 and b"1" * 32 not in head and b"2" * 32 not in head and b"tracestate" not in head


def test_no_cache_has_what_a_route_of_the_tier_says_to_one_client(slot, tmp_path):
    """The route of the tier need not ask who it is itself: the one before has, and servers are told."""
    keys = secret_file(tmp_path / "keys", "".join(f"sha256:{hashlib.sha256(who.encode()).hexdigest()} {who} gold\n" for who in ("acme", "umbra")))
    routes = [{"path": "/", "tier": "gold", "pool": "web", "cache": {"store": "main"}}, {"path": "/", "pool": "web", "auth": "partners"}]
    edge = {"auth": {"partners": {"api_keys": keys, "user_field": "X-Partner"}}, "tiers": {"order": ["free", "gold"], "from": []}, "caches": {"main": {"size": "64MiB"}}}

    def answer(head):
        return ok(b"hello, acme" if b"X-Partner: acme" in head else b"hello, umbra", b"Cache-Control: max-age=3600\r\n")

    with Scripted(slot_address(slot, "2.1"), answering(answer)) as server, LoneEdge(tmp_path, slot, [server.name], routes=routes, edge=edge) as edge:
        for who in ("acme", "umbra", "acme"):
            assert edge.get("/", X_Api_Key=who)[2].decode() == f"hello, {who}"


def test_what_a_cache_has_is_for_those_who_may(slot, tmp_path):
    """A route that asks who it is passes the cache by (RFC 9111 3.5), and one that does not is told of origins each time."""
    users = tmp_path / "users"
    secret_file(users, hashed("alice", "wonder", "-B", "-C", "5") + "\n" + hashed("bob", "builder", "-B", "-C", "5") + "\n")
    cache = {"store": "main"}
    routes = [{"path": "/staff", "pool": "web", "auth": "staff", "cache": cache},
              {"path": "/open", "pool": "web", "cors": {"origins": ["https://a.example", "https://b.example"]}, "cache": cache}]
    edge = {"auth": {"staff": {"passwords": str(users)}}, "caches": {"main": {"size": "64MiB"}}}
    fresh = ok(b"for whoever asks", b"Cache-Control: public, max-age=3600\r\n")
    with Scripted(slot_address(slot, "2.1"), answering(lambda head: fresh)) as server, LoneEdge(tmp_path, slot, [server.name], routes=routes, edge=edge) as edge:
        alice, bob = basic("alice", "wonder"), basic("bob", "builder")
        for who in (alice, bob, alice):
            status, fields, _ = edge.get("/staff", Authorization=who)
            assert status == 200 and "bypass" in fields.get("Cache-Status", "bypass")
        assert len(server.heads) == 3, "each of them asks the server"
        assert edge.get("/staff")[0] == 401
        assert edge.get("/staff", Authorization=basic("alice", "wrong"))[0] == 401
        assert len(server.heads) == 3
        for origin in ("https://a.example", "https://b.example"):
            assert edge.get("/open", Origin=origin)[1]["Access-Control-Allow-Origin"] == origin
        assert "Access-Control-Allow-Origin" not in edge.get("/open", Origin="https://c.example")[1]
        assert len(server.heads) == 4, "the others got what the first has brought"

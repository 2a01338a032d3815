"""Proxies with rules: what limits, many routes, logs, traces and tokens cost.

`rules`: twenty prefixes with a pool each, a tier by a header, a limit for each client that is never reached, X-Forwarded-For and X-Real-IP
towards servers, two fields in every response; nginx and HAProxy with the equal configuration. `routes10k`: the same with 10,000 prefixes
beside twenty. `keys1m`: 1,000,000 clients, by X-Forwarded-For of a trusted proxy, beside 1,000. `additions`: one thing more than `small`
has, each in a process of its own. `jwt`: a token, signed with ES256, in every request; HAProxy verifies it anew for each (jwt_verify), and
nginx of Debian has nothing for it.
"""

import base64
import json
import subprocess
import time

from .http_peers import RESPONSE_FIELDS, ROUTES, Haproxy, Meridian, Nginx, find_program

WORKS = {
    "rules": {"title": "20 routes, tier, limit, X-Forwarded-For, 2 fields", "path": "/r17/item?bytes=128",
              "fields": {"X-Customer-Tier": "enterprise"}},
    "routes10k": {"title": "the same with 10,000 routes", "path": "/r17/item?bytes=128", "fields": {"X-Customer-Tier": "enterprise"},
                  "base": "meridian-edge 20 routes"},
    "keys1m": {"title": "128 B, a limit for each of 1,000,000 clients", "path": "/item?bytes=128", "fields": {},
               "base": "meridian-edge 1,000 keys"},
    "additions": {"title": "128 B, one thing more", "path": "/item?bytes=128", "fields": {}, "base": "meridian-edge alone"},
    "jwt": {"title": "JWT (ES256) in every request, 128 B", "path": "/item?bytes=128", "fields": {}},
}
GROUPS = tuple((work,) for work in WORKS)
MANY = 10_000
RULED = ("rules", "routes10k")  # what checks ask for more than a body
LIMIT = "  limits: {each: {rate: 100000/s, burst: 100000, key: [client], everywhere: true}}\n"


def base64url(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


class Signer:
    """A key on P-256 and a token, which is good for a day."""

    def __init__(self, directory):
        self.key, self.public = directory / "jwt.key", directory / "jwt.pem"
        run = lambda *command: subprocess.run(command, check=True, capture_output=True).stdout
        if not self.key.exists():
            run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.key)
            run("openssl", "ec", "-in", self.key, "-pubout", "-out", self.public)
        point = run("openssl", "ec", "-in", self.key, "-pubout", "-outform", "DER")[-64:]
        self.jwks = directory / "jwks.json"
        self.jwks.write_text(json.dumps({"keys": [{"kty": "EC", "crv": "P-256", "kid": "bench", "alg": "ES256", "use": "sig",
                                                   "x": base64url(point[:32]), "y": base64url(point[32:])}]}))
        head = base64url(json.dumps({"alg": "ES256", "kid": "bench", "typ": "JWT"}).encode())
        body = base64url(json.dumps({"sub": "bench", "exp": int(time.time()) + 86400}).encode())
        signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=f"{head}.{body}".encode(), check=True, capture_output=True).stdout
        self.token = f"{head}.{body}.{base64url(raw_signature(signed))}"


def raw_signature(der):
    """r and s, 32 octets each (RFC 7518 3.4), of a SEQUENCE of two INTEGERs."""
    numbers, at = b"", 2
    for _ in range(2):
        size = der[at + 1]
        numbers += der[at + 2:at + 2 + size].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + size
    return numbers


def bearer(setup):
    return {"Authorization": f"Bearer {Signer(setup.directory).token}"}


class Ruled(Meridian):
    works = ("rules",)
    routes = ROUTES
    clients = None
    more = ""      # of `edge`
    of_pool = ""   # of the pool `web`
    token = False

    @classmethod
    def fields(cls, setup):
        """What the load sends besides what the work says."""
        return bearer(setup) if cls.token else {}

    @classmethod
    def command(cls, setup):
        here = setup.directory
        (here / "state").mkdir(exist_ok=True)
        servers = ", ".join(f'"{backend}"' for backend in setup.backends)
        ruled = setup.work in RULED
        pools = ["web", "enterprise", *(f"r{i}" for i in range(ROUTES))] if ruled else ["web"]
        rules = f"response_headers: {{set: {{{', '.join(f'{name}: {value}' for name, value in RESPONSE_FIELDS.items())}}}}}"
        routes = "    - {path: /, pool: web%s}\n" % (", auth: [bench]" if cls.token else "")
        more = cls.more.format(here=here, backend=setup.backends[0], jwks=Signer(here).jwks if cls.token else "")
        if ruled:
            routes = "".join(f"    - {{path: /r{i}/, pool: r{i % ROUTES}, {rules}}}\n" for i in range(cls.routes))
            routes += f"    - {{path: /, tier: enterprise, pool: enterprise, {rules}}}\n    - {{path: /, pool: web, {rules}}}\n"
            more = LIMIT + """  trusted_proxies: [127.0.0.1/32]
  tiers: {order: [standard, enterprise], default: standard, from: [{header: X-Customer-Tier}]}
"""
        text = "".join(f"    {name}: {{servers: [{servers}]{cls.of_pool}}}\n" for name in pools)
        path = setup.write("meridian.yaml", f"""service: bench
regions:
  here: {{edges: [127.0.0.1]}}
admin:
  edge: ["127.0.0.1:0"]
state_directory: {here}/state
edge:
  workers: 1
  client: {{max_connections: 20000}}
  listen:
    - {{address: "{{edge}}:{setup.port}", protocol: http}}
{more}  pools:
{text}  routes:
{routes}""")
        return [setup.binaries / "meridian-edge", "--config", path, "--region", "here"]


def variant(title, work, **how):
    return type("Ruled", (Ruled,), {"name": f"meridian-edge {title}", "works": (work,), **how})


def keyed(title, clients, rate):
    return variant(title, "keys1m", clients=clients, more="  trusted_proxies: [127.0.0.1/32]\n  limits: {{each: {{rate: %s, burst: 200, key: [client], "
                   "keys: 1000000, everywhere: true}}}}\n" % rate)


def traced(share, collector=True):
    otlp = ', otlp: {{url: "http://{backend}/v1/traces"}}' if collector else ""
    return "  trace: {{sample: %s%s}}\n" % (share, otlp)


class RuledNginx(Nginx):
    works = ("rules",)

    @staticmethod
    def command(setup):
        here = setup.directory
        servers = " ".join(f"server {backend};" for backend in setup.backends)
        names = ["web", "enterprise", *(f"r{i}" for i in range(ROUTES))]
        upstreams = "".join(f"upstream {name} {{ {servers} keepalive 512; }}\n" for name in names)
        common = ('proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; limit_req zone=each burst=100000 nodelay;'
                  " proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Real-IP $remote_addr;"
                  + "".join(f" add_header {name} {value};" for name, value in RESPONSE_FIELDS.items()))
        locations = "".join(f"location /r{i}/ {{ proxy_pass http://r{i}; }}\n" for i in range(ROUTES)) + "location / { proxy_pass http://$rest; }\n"
        temporary = " ".join(f"{kind}_temp_path {here}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        path = setup.write("nginx.conf", f"""daemon off; worker_processes 1; pid {here}/nginx.pid; error_log stderr error;
events {{ worker_connections 32768; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 300; {temporary}
  limit_req_zone $binary_remote_addr zone=each:10m rate=100000r/s;
  {upstreams}map $http_x_customer_tier $rest {{ default web; enterprise enterprise; }}
  server {{ listen 127.0.0.1:{setup.port}; {common}
{locations}}}
}}
""")
        return [find_program("nginx"), "-p", here, "-c", path, "-e", "stderr"]


class RuledHaproxy(Haproxy):
    works = ("rules", "jwt")

    @staticmethod
    def fields(setup):
        return bearer(setup) if setup.work == "jwt" else {}

    @staticmethod
    def command(setup):
        servers = "".join(f"  server s{i} {backend}\n" for i, backend in enumerate(setup.backends))
        names = ["web"] if setup.work == "jwt" else ["web", "enterprise", *(f"r{i}" for i in range(ROUTES))]
        pools = "".join(f"backend {name}\n  balance roundrobin\n  http-reuse always\n{servers}" for name in names)
        if setup.work == "jwt":
            public = Signer(setup.directory).public
            rules = f"""  http-request set-var(txn.bearer) http_auth_bearer
  http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_header_query('$.alg') -m str ES256 }}
  http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_verify("ES256","{public}") -m int 1 }}
  http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')
  http-request set-var(txn.now) date()
  http-request deny deny_status 401 if {{ var(txn.exp),sub(txn.now) -m int lt 0 }}
  default_backend web
"""
        else:
            rules = """  stick-table type ip size 1m expire 60s store http_req_rate(1s)
  http-request track-sc0 src
  http-request deny deny_status 429 if { sc_http_req_rate(0) gt 100000 }
  option forwardfor
  http-request set-header X-Real-IP %[src]
"""
            rules += "".join(f"  http-response set-header {name} {value}\n" for name, value in RESPONSE_FIELDS.items())
            rules += "".join(f"  use_backend r{i} if {{ path_beg /r{i}/ }}\n" for i in range(ROUTES))
            rules += "  use_backend enterprise if { req.hdr(X-Customer-Tier) -m str enterprise }\n  default_backend web\n"
        path = setup.write("haproxy.cfg", f"""global
  nbthread 1
  no strict-limits
  maxconn 12000
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 300s
frontend f
  bind 127.0.0.1:{setup.port}
{rules}{pools}""")
        return [find_program("haproxy"), "-db", "-f", path]


ALL = (
    Ruled, RuledNginx, RuledHaproxy,
    variant("20 routes", "routes10k"), variant("10,000 routes", "routes10k", routes=MANY),
    keyed("1,000 keys", 1000, "1000/s"), keyed("1,000,000 keys", 1_000_000, "1/m"),
    variant("alone", "additions"), variant("access log", "additions", more="  access_log: {here}/access.log\n"),
    variant("traceparent", "additions", more=traced("1%", collector=False)), variant("spans of 1 %", "additions", more=traced("1%")),
    variant("spans of all", "additions", more=traced("100%")),
    variant("adaptive", "additions", of_pool=", adaptive: {mode: enforce, min: 200}"),
    type("Jwt", (Ruled,), {"works": ("jwt",), "token": True,
                           "more": "  auth: {{bench: {{jwt: {{keys: {jwks}}}}}}}\n"}),
)

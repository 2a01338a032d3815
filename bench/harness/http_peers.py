"""HTTP proxies under test: each class writes a configuration for one worker, in front of the same backends.

`small`: everything goes to three backends. `routes`: twenty prefixes /r0/ to /r19/, each with a pool of its own that holds the same
three backends; requests with `X-Customer-Tier: enterprise` on / go to another pool; X-Forwarded-For and X-Real-IP towards the
backend, two fields set in every response. `algorithms`: ten backends, and each proxy once for each way to choose among them; clients
are told apart by X-Forwarded-For, so that hashing meets all backends. `tcp`: everything is passed on unread, as TCP. `tls` and its
like: TLS 1.3 with tickets and one certificate on P-256, HTTP/2 where the client wants it. `websocket`: upgrades are passed on; `websocket_h2`: as
extended CONNECT (RFC 8441) to backends that speak both versions, by who can, else as they are.
"""

import subprocess
from pathlib import Path

from .process import find_program, free_port

ROUTES = 20
STREAM = Path("/usr/lib/nginx/modules/ngx_stream_module.so")  # of Debian's libnginx-mod-stream
RESPONSE_FIELDS = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY"}


class Setup:
    """Where a proxy lives, and the backends behind it."""

    def __init__(self, directory, port, backends, work, binaries, balance):
        self.directory = Path(directory)
        self.port = port
        self.backends = backends
        self.work = work
        self.binaries = binaries
        self.balance = balance
        self.directory.mkdir(parents=True, exist_ok=True)

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return path

    def sealed(self):
        """Whether clients speak TLS to the proxy."""
        return self.work in SEALED

    def certificate(self):
        """(chain, key), of a certificate that the bench makes for itself."""
        chain, key = self.directory / "chain.pem", self.directory / "key.pem"
        if not chain.exists():
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=bench",
                            "-addext", "subjectAltName=DNS:bench", "-keyout", key, "-out", chain], check=True, capture_output=True)
        return chain, key

    def passes_on(self):
        """Whether the proxy is not to look at what it passes on."""
        return self.work.startswith("tcp")

    def takes_h2(self):
        """Whether the backends are to be asked over HTTP/2."""
        return self.work == "websocket_h2"

    def pools(self):
        return ["web"] if self.work != "routes" else ["web", "enterprise", *(f"r{i}" for i in range(ROUTES))]


SEALED = ("tls", "handshake", "resume", "h2", "h2_100k", "idle_tls", "idle_h2")
NEWER = (*SEALED, "websocket")  # what peers that are no HTTP/1.1 proxies first of all have, too
SERVED = ("small", "routes", "body16k", "body1m", "connect", "half", "idle", "idle_silent", "idle_left", "tcp", "tcp1m", *NEWER, "websocket_h2")


class Floor:
    name = "floor"
    program = None
    balance = None
    works = ("small", "routes", "body16k", "half", "algorithms", "tcp", "tcp1m", "tls", "handshake", "resume")  # it closes nothing and splices nothing

    @staticmethod
    def command(setup):
        raw = ["--raw"] if setup.passes_on() else ["--tls", *setup.certificate()] if setup.sealed() else []
        return [setup.binaries / "bench_http_floor", *raw, f"127.0.0.1:{setup.port}", *setup.backends]


class Meridian:
    name = "meridian-edge"
    program = None
    balance = "round_robin"
    works = (*SERVED, "workers2")

    @staticmethod
    def command(setup):
        (setup.directory / "state").mkdir()
        weights = [f", weight: {1 + i % 5}" if setup.balance.startswith("weighted") else "" for i in range(len(setup.backends))]
        servers = ", ".join(f'{{address: "{backend}"{weight}}}' for backend, weight in zip(setup.backends, weights))
        h2 = ", protocol: h2" if setup.takes_h2() else ""
        pools = "".join(f"    {name}: {{balance: {setup.balance}, servers: [{servers}]{h2}}}\n" for name in setup.pools())
        routes = "    - {path: /, pool: web}\n"
        extra = ""
        workers = 2 if setup.work == "workers2" else 1
        if setup.work == "routes":
            fields = ", ".join(f"{name}: {value}" for name, value in RESPONSE_FIELDS.items())
            rules = f"response_headers: {{set: {{{fields}}}}}"
            routes = "".join(f"    - {{path: /r{i}/, pool: r{i}, {rules}}}\n" for i in range(ROUTES))
            routes += f"    - {{path: /, tier: enterprise, pool: enterprise, {rules}}}\n    - {{path: /, pool: web, {rules}}}\n"
            extra = """  trusted_proxies: [127.0.0.1/32]
  tiers: {order: [standard, enterprise], default: standard, from: [{header: X-Customer-Tier}]}
"""
        protocol = "tcp, pool: web" if setup.passes_on() else "http"
        if setup.sealed():
            protocol = "https, certificates: [{{certificate: {}, key: {}}}]".format(*setup.certificate())
        if setup.work == "algorithms":
            extra = "  trusted_proxies: [127.0.0.1/32]\n"
        path = setup.write("meridian.yaml", f"""service: bench
regions:
  here: {{edges: [127.0.0.1]}}
admin:
  edge: ["127.0.0.1:0"]
state_directory: {setup.directory}/state
edge:
  workers: {workers}
  client: {{max_connections: 20000}}
  listen:
    - {{address: "{{edge}}:{setup.port}", protocol: {protocol}}}
{extra}  pools:
{pools}  routes:
{routes}""")
        return [setup.binaries / "meridian-edge", "--config", path, "--region", "here"]


class Nginx:
    name = "nginx"
    program = "nginx"
    balance = ""
    works = SERVED

    @staticmethod
    def command(setup):
        here = setup.directory
        servers = " ".join(f"server {backend};" for backend in setup.backends)
        if setup.passes_on():
            module = "" if not STREAM.exists() else f"load_module {STREAM};"
            path = setup.write("nginx.conf", f"""{module} daemon off; worker_processes 1; pid {here}/nginx.pid; error_log stderr error;
events {{ worker_connections 32768; }}
stream {{ upstream web {{ {servers} }} server {{ listen 127.0.0.1:{setup.port}; proxy_pass web; }} }}
""")
            return [find_program("nginx"), "-p", here, "-c", path, "-e", "stderr"]
        upstreams = "".join(f"upstream {name} {{ {setup.balance} {servers} keepalive 512; }}\n" for name in setup.pools())
        common = 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;'
        locations = "location / { proxy_pass http://web; }\n"
        tiers = ""
        if setup.work == "routes":
            common += (" proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Real-IP $remote_addr;"
                       + "".join(f" add_header {name} {value};" for name, value in RESPONSE_FIELDS.items()))
            tiers = "map $http_x_customer_tier $rest { default web; enterprise enterprise; }\n"
            locations = "".join(f"location /r{i}/ {{ proxy_pass http://r{i}; }}\n" for i in range(ROUTES))
            locations += "location / { proxy_pass http://$rest; }\n"
        listen = f"listen 127.0.0.1:{setup.port};"
        if setup.sealed():
            listen = "listen 127.0.0.1:{} ssl http2; ssl_certificate {}; ssl_certificate_key {}; ssl_protocols TLSv1.3;".format(
                setup.port, *setup.certificate())
        if setup.work.startswith("websocket"):
            common = "proxy_http_version 1.1; proxy_set_header Connection upgrade; proxy_set_header Upgrade $http_upgrade; proxy_set_header Host $host;"
        temporary = " ".join(f"{kind}_temp_path {here}/{kind};" for kind in
                             ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        path = setup.write("nginx.conf", f"""daemon off; worker_processes 1; pid {here}/nginx.pid; error_log stderr error;
events {{ worker_connections 32768; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 300; {temporary}
  {upstreams}{tiers}server {{ {listen} {common}
{locations}}}
}}
""")
        return [find_program("nginx"), "-p", here, "-c", path, "-e", "stderr"]


class Haproxy:
    name = "haproxy"
    program = "haproxy"
    balance = "roundrobin"
    works = SERVED

    @staticmethod
    def command(setup):
        h2 = " proto h2 ws h2" if setup.takes_h2() else ""
        servers = "".join(f"  server s{i} {backend}{h2}\n" for i, backend in enumerate(setup.backends))
        reuse = "" if setup.passes_on() else "  http-reuse always\n"
        pools = "".join(f"backend {name}\n  balance {setup.balance}\n{reuse}{servers}" for name in setup.pools())
        rules = "  default_backend web\n"
        if setup.work == "routes":
            rules = "  option forwardfor\n  http-request set-header X-Real-IP %[src]\n"
            rules += "".join(f"  http-response set-header {name} {value}\n" for name, value in RESPONSE_FIELDS.items())
            rules += "".join(f"  use_backend r{i} if {{ path_beg /r{i}/ }}\n" for i in range(ROUTES))
            rules += "  use_backend enterprise if { req.hdr(X-Customer-Tier) -m str enterprise }\n  default_backend web\n"
        sealed = ""
        if setup.sealed():
            pair = setup.write("pair.pem", "".join(file.read_text() for file in setup.certificate()))
            sealed = f" ssl crt {pair} alpn h2,http/1.1 ssl-min-ver TLSv1.3"
        path = setup.write("haproxy.cfg", f"""global
  nbthread 1
  no strict-limits
  maxconn 12000
defaults
  mode {"tcp" if setup.passes_on() else "http"}
  timeout connect 5s
  timeout client 300s
  timeout server 300s
frontend f
  bind 127.0.0.1:{setup.port}{sealed}
{rules}{pools}""")
        return [find_program("haproxy"), "-db", "-f", path]


class H2o:
    name = "h2o"
    program = "h2o"
    balance = ""
    works = NEWER

    @staticmethod
    def command(setup):
        seal = "" if not setup.sealed() else "\n  ssl: {{certificate-file: {}, key-file: {}, minimum-version: TLSv1.3}}".format(*setup.certificate())
        path = setup.write("h2o.yaml", f"""num-threads: 1
max-connections: 20000
listen:
  host: 127.0.0.1
  port: {setup.port}{seal}
proxy.timeout.keepalive: 300000
http1-request-timeout: 300
http2-idle-timeout: 300
hosts:
  default:
    paths:
      /:
        proxy.reverse.url: http://{setup.backends[0]}/
        proxy.websocket: ON
""")
        return [find_program("h2o"), "-m", "worker", "-c", path]


class Nghttpx:
    name = "nghttpx"
    program = "nghttpx"
    balance = ""
    works = (*NEWER, "websocket_h2")

    @staticmethod
    def command(setup):
        h2 = ";;proto=h2" if setup.takes_h2() else ""
        backends = [f"--backend={backend.replace(':', ',')}{h2}" for backend in setup.backends]
        listen = f"--frontend=127.0.0.1,{setup.port}"
        seal = ["--tls-min-proto-version=TLSv1.3", *(str(file) for file in reversed(setup.certificate()))] if setup.sealed() else []
        return [find_program("nghttpx"), "--conf=/dev/null", "--workers=1", "--log-level=ERROR", "--accesslog-file=/dev/null",
                "--frontend-keep-alive-timeout=300", "--frontend-http2-read-timeout=300", "--frontend-read-timeout=300", "--backend-connections-per-host=512",
                listen + ("" if seal else ";no-tls"), *backends, *seal]


def front_of(directory, backends):
    """(command, addresses) of an haproxy that speaks HTTP/1.1 and HTTP/2 by whatever comes, one address before each of these backends."""
    addresses = [f"127.0.0.1:{free_port()}" for _ in backends]
    pairs = "".join(f"frontend f{n}\n  bind {address}\n  default_backend b{n}\nbackend b{n}\n  server s {backend}\n" for n, (address, backend) in enumerate(zip(addresses, backends)))
    path = Path(directory) / "front.cfg"
    path.write_text(f"global\n  nbthread 1\n  no strict-limits\n  maxconn 12000\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 300s\n  timeout server 300s\n{pairs}")
    return [find_program("haproxy"), "-db", "-f", path], addresses


def by_algorithm(peer, balance, name):
    """The same proxy for the work `algorithms`: `balance` as its configuration says it."""
    return type(peer.__name__, (peer,), {"name": f"{peer.name} {name}", "balance": balance, "works": ("algorithms",)})


BY_ALGORITHM = (
    *(by_algorithm(Meridian, name, name) for name in ("round_robin", "weighted_round_robin", "least_connections", "least_time",
                                                      "random_two", "ip_hash", "consistent_hash")),
    by_algorithm(Meridian, "consistent_hash, hash: {bounded_load: 1.25}", "consistent_hash bounded"),
    by_algorithm(Nginx, "", "round_robin"), by_algorithm(Nginx, "least_conn;", "least_conn"),
    by_algorithm(Haproxy, "roundrobin", "roundrobin"), by_algorithm(Haproxy, "leastconn", "leastconn"))
ALL = (Floor, Meridian, Nginx, Haproxy, H2o, Nghttpx, *BY_ALGORITHM)

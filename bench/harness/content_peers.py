"""Servers of content under test: each class writes a configuration for one worker, in front of the same backends and files.

`static*`: files of a directory. `hit1k`: a cache in memory (nginx's is in files of a file system in memory, where there is one).
`hit1m_disk`: a cache on the disk, warm. `gzip16k`: a text of 16 KiB, compressed for each answer at level 5. `miss`: a URL that nobody has
asked for, through a cache; `miss meridian-edge plain` passes the same on without one.
"""

import os
from pathlib import Path

from .process import find_program

LEVEL = 5  # of gzip
FOR = 3600  # seconds that a cache keeps what a backend has said nothing about


class Setup:
    """Where a server lives, the backends behind it, and the files."""

    def __init__(self, directory, port, backends, work, binaries, files):
        self.directory = Path(directory)
        self.port = port
        self.backends = backends
        self.work = work
        self.binaries = binaries
        self.files = files
        self.directory.mkdir(parents=True, exist_ok=True)

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return path

    def is_static(self):
        return self.work.startswith("static") or self.work == "gzip16k"


CACHED = ("hit1k", "hit1m_disk", "miss")
STATIC = ("static1k", "static16k", "static1m", "gzip16k")


class Meridian:
    name = "meridian-edge"
    program = None
    works = (*STATIC, *CACHED)
    caches = True

    @classmethod
    def command(cls, setup):
        (setup.directory / "state").mkdir()
        servers = ", ".join(f'"{backend}"' for backend in setup.backends)
        route = "{path: /, pool: web}"
        if setup.is_static():
            coded = f", compression: {{codings: [gzip], gzip_level: {LEVEL}, types: [text/*, application/octet-stream]}}" if setup.work == "gzip16k" else ""
            route = f"{{path: /, files: {{root: {setup.files}}}{coded}}}"
        elif cls.caches:
            route = f"{{path: /, pool: web, cache: {{store: main, ttl: {{200: {FOR}s}}}}}}"
        disk = f"disk: {setup.directory}/cache, " if setup.work == "hit1m_disk" else ""
        caches = f"  caches: {{main: {{{disk}size: 1GiB}}}}\n" if cls.caches and not setup.is_static() else ""
        path = setup.write("meridian.yaml", f"""service: bench
regions:
  here: {{edges: [127.0.0.1]}}
admin:
  edge: ["127.0.0.1:0"]
state_directory: {setup.directory}/state
edge:
  workers: 1
  listen: [{{address: "{{edge}}:{setup.port}"}}]
{caches}  pools: {{web: {{servers: [{servers}]}}}}
  routes: [{route}]
""")
        return [setup.binaries / "meridian-edge", "--config", path, "--region", "here"]


class MeridianPlain(Meridian):
    """The same without a cache, for what a miss costs."""

    name = "meridian-edge plain"
    works = ("miss",)
    caches = False


class Nginx:
    name = "nginx"
    program = "nginx"
    works = (*STATIC, *CACHED)

    @staticmethod
    def command(setup):
        here = setup.directory
        servers = " ".join(f"server {backend};" for backend in setup.backends)
        # As distributions recommend them: descriptors of files stay open for a while, as ours do.
        location = f"root {setup.files}; sendfile on; tcp_nopush on; open_file_cache max=1000; open_file_cache_valid 1s;"
        if setup.work == "gzip16k":
            location += f" gzip on; gzip_comp_level {LEVEL}; gzip_types text/plain application/octet-stream; gzip_min_length 1000;"
        zone = ""
        if not setup.is_static():
            memory = Path("/dev/shm")
            in_memory = setup.work != "hit1m_disk" and os.access(memory, os.W_OK)
            place = memory / f"meridian-bench-{os.getpid()}-{setup.port}" if in_memory else here / "cache"
            zone = f"proxy_cache_path {place} levels=1:2 keys_zone=main:64m max_size=1g inactive=1h use_temp_path=off;"
            location = f"proxy_pass http://web; proxy_cache main; proxy_cache_valid 200 {FOR}s; sendfile on; tcp_nopush on;"
        user = "user root;" if os.geteuid() == 0 else ""  # else its worker is nobody, who may not read what we have made
        temporary = " ".join(f"{kind}_temp_path {here}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        path = setup.write("nginx.conf", f"""{user} daemon off; worker_processes 1; pid {here}/nginx.pid; error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 300; default_type application/octet-stream; types {{ text/plain txt; }}
  {temporary} {zone}
  upstream web {{ {servers} keepalive 512; }}
  server {{ listen 127.0.0.1:{setup.port}; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
    location / {{ {location} }} }}
}}
""")
        return [find_program("nginx"), "-p", here, "-c", path, "-e", "stderr"]


class Haproxy:
    name = "haproxy"
    program = "haproxy"
    works = ("hit1k",)

    @staticmethod
    def command(setup):
        servers = "".join(f"  server s{i} {backend}\n" for i, backend in enumerate(setup.backends))
        path = setup.write("haproxy.cfg", f"""global
  nbthread 1
  no strict-limits
cache main
  total-max-size 256
  max-object-size 100000
  max-age {FOR}
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 300s
frontend f
  bind 127.0.0.1:{setup.port}
  http-request cache-use main
  http-response set-header Cache-Control max-age={FOR}
  http-response cache-store main
  default_backend web
backend web
  balance roundrobin
  http-reuse always
{servers}""")
        return [find_program("haproxy"), "-db", "-f", path]


class Varnish:
    name = "varnish"
    program = "varnishd"
    works = ("hit1k",)

    @staticmethod
    def command(setup):
        host, port = setup.backends[0].split(":")
        path = setup.write("bench.vcl", f"""vcl 4.1;
backend web {{ .host = "{host}"; .port = "{port}"; }}
sub vcl_backend_response {{ set beresp.ttl = {FOR}s; }}
""")
        return [find_program("varnishd"), "-j", "none", "-F", "-n", setup.directory / "varnish", "-a", f"127.0.0.1:{setup.port}", "-f", path, "-s", "malloc,256m",
                "-p", "thread_pools=1", "-p", "thread_pool_min=5", "-p", "thread_pool_max=100"]


ALL = (Meridian, MeridianPlain, Nginx, Haproxy, Varnish)

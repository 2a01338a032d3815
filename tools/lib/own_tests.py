"""Checks that every source has a test of its own name: tests/<same path>/<same name>_test.cc, or that of the header which it implements
(its first include). tools/lint calls findings().

Those in SEEN_BY wire what others do, or are a part of something that can only be watched as a whole; the tests on the right see them.
A new source wants a test of its own and no line here.
"""
import re

FOLDERS = ("shared", "dns", "edge")  # what cli/ does is seen by tests/cli and tests/e2e/test_operator.py, command by command
WIRING = re.compile(r"/main\.cc$|^shared/serve/loop/(asio|loop)\.cc$")

WORKER = "tests/dns/serve/worker/worker_test.cc"
SERVE_ONE = "tests/edge/serve/request/serve_one_test.cc"
THREADS = "tests/shared/serve/loop/threads_test.cc"
HTTP_CLIENT = "tests/shared/serve/client/http_client_test.cc"
PROBER = "tests/shared/serve/probe/prober_test.cc"
SERVICE = "tests/shared/serve/process/service_test.cc"
OPERATOR = "tests/e2e/test_operator.py"
REPORT = "tests/edge/serve/control/report_test.cc"
UPGRADE = "tests/e2e/test_upgrade.py"
SHARED_LIMITS = "tests/e2e/test_shared_limits.py"
CACHE = "tests/e2e/test_cache.py"
TLS = "tests/e2e/test_tls.py"
HTTP2 = "tests/e2e/test_http2.py"
HTTP2_UPSTREAM = "tests/e2e/test_http2_upstream.py"
PRIVILEGES = "tests/shared/serve/process/privileges_test.cc"
SEEN_BY = {
    "dns/serve/control/dns_over_tls.cc": "tests/e2e/test_dns_over_tls.py",
    "dns/serve/control/explain_facts.cc": OPERATOR,
    "dns/serve/control/start.cc": "tests/e2e/test_start.py",
    "dns/serve/responder/responder.cc": WORKER,
    "dns/serve/tcp/tcp_server.cc": WORKER,
    "dns/serve/tcp/tcp_session.cc": WORKER,
    "dns/serve/worker/listeners.cc": WORKER,
    "edge/serve/cache/fill.cc": "tests/edge/serve/cache/desk_test.cc",
    "edge/serve/control/redis_report.cc": SHARED_LIMITS,
    "edge/serve/client/client_header.cc": "tests/e2e/test_proxy_protocol.py",
    "edge/serve/client/h2_stream.cc": HTTP2,
    "edge/serve/client/handshake.cc": TLS,
    "edge/serve/client/make_connection.cc": "tests/edge/serve/client/clients_test.cc",
    "edge/serve/control/access_report.cc": REPORT,
    "edge/serve/control/limit_report.cc": REPORT,
    "edge/serve/control/cache_report.cc": CACHE,
    "edge/serve/control/certificate_report.cc": TLS,
    "edge/serve/control/certificates.cc": TLS,
    "edge/serve/control/overload_report.cc": REPORT,
    "edge/serve/control/pool_report.cc": REPORT,
    "edge/serve/control/scale_report.cc": "tests/e2e/test_scaling.py",
    "edge/serve/control/trace_report.cc": "tests/e2e/test_tracing.py",
    "edge/serve/control/session_report.cc": REPORT,
    "edge/serve/control/traffic_report.cc": REPORT,
    "edge/serve/request/account.cc": SERVE_ONE,
    "edge/serve/request/answer.cc": SERVE_ONE,
    "edge/serve/request/cache_fetch.cc": CACHE,
    "edge/serve/request/health_page.cc": SERVE_ONE,
    "edge/serve/request/own_fetch.cc": CACHE,
    "edge/serve/request/relay.cc": "tests/edge/serve/request/bodies_test.cc",
    "edge/serve/request/send_file.cc": "tests/e2e/test_files.py",
    "edge/serve/request/tries.cc": "tests/edge/serve/request/failure_test.cc",
    "shared/load/tls_files.cc": TLS,
    "edge/serve/upstream/h2_client_session.cc": HTTP2_UPSTREAM,
    "edge/serve/upstream/h2_upstream_stream.cc": HTTP2_UPSTREAM,
    "shared/load/tls_hosts.cc": TLS,
    "shared/serve/admin/admin_session.cc": "tests/shared/serve/admin/admin_test.cc",
    "shared/serve/client/http_connection.cc": HTTP_CLIENT,
    "shared/serve/client/transport.cc": HTTP_CLIENT,
    "shared/serve/loop/timer_wheel.cc": "tests/shared/serve/loop/worker_loop_test.cc",
    "shared/serve/loop/worker_thread.cc": THREADS,
    "shared/serve/os/system_calls.cc": PRIVILEGES,
    "shared/serve/os/thread_setup.cc": THREADS,
    "shared/serve/probe/stall_watch.cc": PROBER,
    "shared/serve/process/admin_ports.cc": SERVICE,
    "shared/serve/process/builder.cc": THREADS,
    "shared/serve/process/inheritance.cc": UPGRADE,
    "shared/serve/tls/context.cc": TLS,
    "shared/serve/tls/ticket_keys.cc": TLS,
    "shared/serve/tls/host_words.cc": "tests/e2e/test_explain.py",
    "shared/serve/tls/tls_client.cc": TLS,
    "shared/serve/tls/tls_server.cc": TLS,
    "shared/serve/tls/tls_sessions.cc": "tests/edge/serve/upstream/connector_test.cc",
}


def has_own_test(root, source, text):
    first = re.search(r'^#include "([^"]+)\.h"', text, re.M)
    stems = {source[:-3]} | ({first[1]} if first else set())
    return any((root / f"tests/{stem}_test.cc").exists() for stem in stems)


def findings(root, sources):
    """(source, message) for each source of `sources`, paths below the root, that no test is named for."""
    for source in sources:
        if not source.endswith(".cc") or not source.startswith(tuple(f"{f}/" for f in FOLDERS)) or WIRING.search(source):
            continue
        if source not in SEEN_BY and not has_own_test(root, source, (root / source).read_text()):
            yield source, f"has no test of its name: write tests/{source[:-3]}_test.cc (or say in tools/lib/own_tests.py which test sees it)"
    for source, test in SEEN_BY.items():
        if source in sources and not (root / test).exists():
            yield source, f"is said to be seen by {test}, which there is not"


def stale(root, sources):
    """Lines of SEEN_BY that can go: the source is gone, or has got a test. tools/lint mentions them."""
    return [s for s in SEEN_BY if s not in sources or has_own_test(root, s, (root / s).read_text())]

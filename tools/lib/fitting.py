"""Which end-to-end tests would see a mistake in a source of a serve room, best first: what is named for it in own_tests.py, then below for
the source and for its folders. tools/mutate --e2e asks them; tools/lint calls findings().
"""
import pathlib

from own_tests import SEEN_BY

# Of a folder and those below it; the nearest folder comes first.
FITTING = {
    "dns/serve": ["test_operator", "test_start", "test_dns_reload", "test_region_health", "test_geo", "test_dns_over_tls", "test_https_checks"],
    "edge/serve": ["test_operator", "test_edge_http", "test_edge_reload"],
    "edge/serve/account": ["test_accounting", "test_operations"],
    "edge/serve/cache": ["test_cache", "test_cache_disk", "test_cache_large"],
    "edge/serve/client": ["test_slow_clients", "test_edge_limits"],
    "edge/serve/control": ["test_operations", "test_healing"],
    "edge/serve/files": ["test_files", "test_files_disk", "test_listing"],
    "edge/serve/io": ["test_http_messages", "test_slow_clients", "test_websocket"],
    "edge/serve/redis": ["test_shared_limits", "test_sessions"],
    "edge/serve/request": ["test_http_messages", "test_accounting", "test_outages"],
    "edge/serve/upstream": ["test_upstream_connections", "test_accounting", "test_outages"],
    "edge/serve/worker": ["test_upgrade", "test_mixed_load"],
    "shared/serve": ["test_operator", "test_start", "test_tls", "test_processes", "test_https_checks"],
}
# Of one source, what only whole processes show.
BESIDES = {
    "edge/serve/account/access_log.cc": ["test_access", "test_auth"],
    "edge/serve/account/failure_log.cc": ["test_outages"],
    "edge/serve/account/span_lane.cc": ["test_tracing"],
    "edge/serve/client/admission.cc": ["test_connection_limits", "test_half_open"],
    "edge/serve/client/arrival.cc": ["test_connection_limits", "test_proxy_protocol"],
    "edge/serve/client/client_header.cc": ["test_tcp"],
    "edge/serve/client/clients.cc": ["test_half_open"],
    "edge/serve/client/datagrams.cc": ["test_udp"],
    "edge/serve/client/h1.cc": ["test_http_messages", "test_smuggling"],
    "edge/serve/client/h2_body.cc": ["test_http2", "test_http2_attacks"],
    "edge/serve/client/h2_connection.cc": ["test_http2", "test_http2_goodbye", "test_http2_attacks"],
    "edge/serve/client/h2_frames.cc": ["test_http2", "test_http2_attacks", "test_http2_sections"],
    "edge/serve/client/h2_output.cc": ["test_http2", "test_http2_goodbye"],
    "edge/serve/client/h2_stream.cc": ["test_http2_websocket", "test_http2_goodbye"],
    "edge/serve/client/handshake.cc": ["test_http2_tls"],
    "edge/serve/client/tcp.cc": ["test_tcp", "test_proxy_protocol"],
    "edge/serve/control/access_report.cc": ["test_access"],
    "edge/serve/control/backends.cc": ["test_https_checks", "test_backend_names"],
    "edge/serve/control/certificates.cc": ["test_tls_promises"],
    "edge/serve/control/control.cc": ["test_upgrade", "test_cache_disk"],
    "edge/serve/control/control_cache.cc": ["test_cache", "test_cache_disk"],
    "edge/serve/control/control_certificates.cc": ["test_tls", "test_tls_promises"],
    "edge/serve/control/control_explain.cc": ["test_explain", "test_tcp"],
    "edge/serve/control/control_rules.cc": ["test_access", "test_request_rules"],
    "edge/serve/control/control_servers.cc": ["test_balancing"],
    "edge/serve/control/discovery.cc": ["test_discovery"],
    "edge/serve/control/health_verdict.cc": ["test_healing"],
    "edge/serve/control/limit_report.cc": ["test_rate_limits", "test_shared_limits"],
    "edge/serve/control/operator_words.cc": ["test_balancing", "test_upgrade"],
    "edge/serve/control/overload_report.cc": ["test_overload"],
    "edge/serve/control/scale_calls.cc": ["test_scaling"],
    "edge/serve/control/scale_memory.cc": ["test_scaling"],
    "edge/serve/control/scale_message.cc": ["test_scaling"],
    "edge/serve/control/scaling.cc": ["test_scaling"],
    "edge/serve/control/session_report.cc": ["test_sessions"],
    "edge/serve/control/siblings.cc": ["test_scaling"],
    "edge/serve/control/span_export.cc": ["test_tracing"],
    "edge/serve/control/traffic_report.cc": ["test_mirror"],
    "edge/serve/control/web_peer.cc": ["test_tracing", "test_scaling"],
    "edge/serve/io/datagram_batch.cc": ["test_udp"],
    "edge/serve/io/encoder.cc": ["test_compression"],
    "edge/serve/io/flow.cc": ["test_tcp"],
    "edge/serve/io/h2_library.cc": ["test_http2_upstream"],
    "edge/serve/io/splice.cc": ["test_tcp"],
    "edge/serve/io/tls_layer.cc": ["test_tls", "test_backend_tls"],
    "edge/serve/redis/session_store.cc": ["test_sessions"],
    "edge/serve/request/adding_sink.cc": ["test_explain", "test_early_hints"],
    "edge/serve/request/attempt.cc": ["test_grpc", "test_websocket_http2_servers"],
    "edge/serve/request/cache_fetch.cc": ["test_cache_variants", "test_cache_rfc"],
    "edge/serve/request/cached_exchange.cc": ["test_cache_rfc", "test_cache", "test_cache_variants", "test_cache_disk"],
    "edge/serve/request/cached_exchange_hear.cc": ["test_cache_rfc", "test_cache"],
    "edge/serve/request/compressing_sink.cc": ["test_compression"],
    "edge/serve/request/entry_file.cc": ["test_cache_disk", "test_broken_disk", "test_cache_large"],
    "edge/serve/request/entry_source.cc": ["test_cache_large"],
    "edge/serve/request/file_answer.cc": ["test_files", "test_files_disk", "test_listing"],
    "edge/serve/request/fill_sink.cc": ["test_cache", "test_cache_large", "test_cache_rfc"],
    "edge/serve/request/greeting.cc": ["test_proxy_protocol"],
    "edge/serve/request/hints.cc": ["test_early_hints", "test_compression"],
    "edge/serve/request/mirror.cc": ["test_mirror"],
    "edge/serve/request/own_fetch.cc": ["test_cache_rfc"],
    "edge/serve/request/page_sink.cc": ["test_request_rules"],
    "edge/serve/request/password_checker.cc": ["test_auth"],
    "edge/serve/request/pool_queues.cc": ["test_overload"],
    "edge/serve/request/relay.cc": ["test_grpc", "test_websocket"],
    "edge/serve/request/relay_response.cc": ["test_grpc", "test_websocket"],
    "edge/serve/request/send_file.cc": ["test_files_disk", "test_cache_disk"],
    "edge/serve/request/serve_one.cc": ["test_explain", "test_auth", "test_request_rules", "test_early_hints", "test_rate_limits", "test_sessions",
                                           "test_tls_promises"],
    "edge/serve/request/session_account.cc": ["test_tcp", "test_udp"],
    "edge/serve/request/session_asking.cc": ["test_sessions"],
    "edge/serve/request/spans.cc": ["test_tracing"],
    "edge/serve/request/ticket.cc": ["test_overload"],
    "edge/serve/request/tries.cc": ["test_healing", "test_overload"],
    "edge/serve/request/tunnel.cc": ["test_websocket", "test_http2_websocket"],
    "edge/serve/request/websocket_key.cc": ["test_http2_websocket", "test_websocket_http2_servers"],
    "edge/serve/upstream/connector.cc": ["test_backend_names", "test_backend_tls"],
    "edge/serve/upstream/h2_client_session.cc": ["test_http2_backend_tls"],
    "edge/serve/upstream/h2_upstream.cc": ["test_http2_upstream", "test_http2_backend_tls", "test_grpc"],
    "edge/serve/upstream/h2_upstream_frames.cc": ["test_http2_upstream", "test_http2_backend_tls", "test_grpc"],
    "edge/serve/upstream/h2_upstream_stream.cc": ["test_websocket_http2_servers", "test_grpc"],
    "edge/serve/upstream/h2_upstreams.cc": ["test_http2_upstream", "test_http2_backend_tls"],
    "edge/serve/upstream/tls_clients.cc": ["test_backend_tls"],
    "edge/serve/upstream/visit.cc": ["test_healing"],
    "shared/serve/process/inherited_sockets.cc": ["test_upgrade", "test_service_manager"],
    "shared/serve/process/notify.cc": ["test_service_manager"],
    "shared/serve/process/upgrade.cc": ["test_upgrade"],
}

# Every source of these has a folder of its own room here: what is common to all is no answer for one.
NAMED = ["edge/serve"]


def files(source):
    """Paths, the best first."""
    own = SEEN_BY.get(source, "")
    names = list(BESIDES.get(source, []))
    for folder in pathlib.PurePosixPath(source).parents:
        names += FITTING.get(str(folder), [])
    return list(dict.fromkeys([*([own] if own.endswith(".py") else []), *(f"tests/e2e/{name}.py" for name in names)]))


def findings(root, sources):
    """(source, message) for each of `sources`, paths below the root, whose tests are not named or not there."""
    for source in sources:
        missing = [file for file in files(source) if not (root / file).exists()]
        if missing:
            yield source, f"tools/lib/fitting.py names for it what there is not: {', '.join(missing)}"
        for layer in NAMED:
            folder = str(pathlib.PurePosixPath(source).parent)
            if source.endswith(".cc") and folder.startswith(layer + "/") and folder not in FITTING:
                yield source, f"tools/lib/fitting.py says of {folder} not which end-to-end tests would see a mistake in it"
    for source in BESIDES:
        if source not in sources:
            yield source, "is named in tools/lib/fitting.py, and there is no such source"

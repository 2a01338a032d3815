"""A collector of OTLP over HTTP (v1/traces, Protocol Buffers), which keeps the spans that it gets and answers as the test says.

    with Collector(address) as collector:
        collector.url                    # for trace: {otlp: {url: ...}}
        collector.answer = lambda: (429, {"Retry-After": "1"}, b"")
        collector.spans                  # [Span, ...], of calls that were answered with 2xx

The messages are those of opentelemetry-proto 1 (trace/v1/trace.proto and what it imports), as much of them as is read here; decoded by
Google's library, and by nothing of ours.
"""
import gzip
import http.server
import threading

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

F = descriptor_pb2.FieldDescriptorProto
PACKAGE = "otlp"
MESSAGES = {
    "AnyValue": [("string_value", 1, F.TYPE_STRING), ("bool_value", 2, F.TYPE_BOOL), ("int_value", 3, F.TYPE_INT64), ("double_value", 4, F.TYPE_DOUBLE)],
    "KeyValue": [("key", 1, F.TYPE_STRING), ("value", 2, "AnyValue")],
    "InstrumentationScope": [("name", 1, F.TYPE_STRING), ("version", 2, F.TYPE_STRING)],
    "Resource": [("attributes", 1, ["KeyValue"])],
    "Status": [("message", 2, F.TYPE_STRING), ("code", 3, F.TYPE_INT32)],
    "Span": [("trace_id", 1, F.TYPE_BYTES), ("span_id", 2, F.TYPE_BYTES), ("trace_state", 3, F.TYPE_STRING), ("parent_span_id", 4, F.TYPE_BYTES),
             ("name", 5, F.TYPE_STRING), ("kind", 6, F.TYPE_INT32), ("start_time_unix_nano", 7, F.TYPE_FIXED64),
             ("end_time_unix_nano", 8, F.TYPE_FIXED64), ("attributes", 9, ["KeyValue"]), ("status", 15, "Status"), ("flags", 16, F.TYPE_FIXED32)],
    "ScopeSpans": [("scope", 1, "InstrumentationScope"), ("spans", 2, ["Span"]), ("schema_url", 3, F.TYPE_STRING)],
    "ResourceSpans": [("resource", 1, "Resource"), ("scope_spans", 2, ["ScopeSpans"]), ("schema_url", 3, F.TYPE_STRING)],
    "ExportTraceServiceRequest": [("resource_spans", 1, ["ResourceSpans"])],
    "ExportTracePartialSuccess": [("rejected_spans", 1, F.TYPE_INT64), ("error_message", 2, F.TYPE_STRING)],
    "ExportTraceServiceResponse": [("partial_success", 1, "ExportTracePartialSuccess")],
}
SERVER, CLIENT, ERROR = 2, 3, 2


def make_messages():
    file = descriptor_pb2.FileDescriptorProto(name="otlp.proto", package=PACKAGE, syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            made = message.field.add(name=field, number=number, label=F.LABEL_REPEATED if isinstance(kind, list) else F.LABEL_OPTIONAL)
            if isinstance(kind, int):
                made.type = kind
            else:
                made.type, made.type_name = F.TYPE_MESSAGE, f".{PACKAGE}.{kind[0] if isinstance(kind, list) else kind}"
        if name == "AnyValue":
            message.oneof_decl.add(name="value")
            for field in message.field:
                field.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return {name: factory.GetPrototype(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in MESSAGES}


Message = make_messages()


def attributes(pairs):
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


class Span:
    def __init__(self, message, resource):
        self.trace, self.id, self.parent = message.trace_id.hex(), message.span_id.hex(), message.parent_span_id.hex()
        self.state, self.name, self.kind, self.flags = message.trace_state, message.name, message.kind, message.flags
        self.began, self.ended = message.start_time_unix_nano, message.end_time_unix_nano
        self.status, self.why = message.status.code, message.status.message
        self.attributes, self.resource = attributes(message.attributes), resource

    def __getitem__(self, key):
        return self.attributes.get(key)

    def __repr__(self):
        return f"<{'SERVER' if self.kind == SERVER else 'CLIENT'} {self.name} {self.id} of {self.parent}: {self.attributes}>"


def rejecting(count, why):
    response = Message["ExportTraceServiceResponse"]()
    response.partial_success.rejected_spans, response.partial_success.error_message = count, why
    return response.SerializeToString()


class Collector:
    def __init__(self, address, port=0, tls=None):
        self.answer, self.spans, self.calls, self.scopes, self.fields, self.problems = lambda: (200, {}, b""), [], 0, [], [], []
        self.released = threading.Event()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.calls += 1
                status, fields, said = collector.answer()
                if self.path != "/v1/traces" or self.headers["Content-Type"] != "application/x-protobuf":
                    collector.problems.append((self.path, dict(self.headers)))
                    status = 404
                if self.headers["Content-Encoding"] == "gzip":
                    body = gzip.decompress(body)
                if 200 <= status < 300:
                    collector.take(body, dict(self.headers))
                self.send_response(status)
                for name, value in {**fields, "Content-Type": "application/x-protobuf", "Content-Length": str(len(said))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_):
                pass
        http.server.ThreadingHTTPServer.allow_reuse_address = True
        self.server = http.server.ThreadingHTTPServer((address, port), Handler)
        self.server.daemon_threads = True
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = f"http{'s' if tls else ''}://{address}:{self.port}/v1/traces"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def take(self, body, fields):
        request = Message["ExportTraceServiceRequest"]()
        request.ParseFromString(body)  # raises where a text is no UTF-8
        self.fields.append(fields)
        for of_resource in request.resource_spans:
            resource = attributes(of_resource.resource.attributes)
            for of_scope in of_resource.scope_spans:
                self.scopes.append((of_scope.scope.name, of_scope.scope.version, of_scope.schema_url))
                self.spans.extend(Span(span, resource) for span in of_scope.spans)

    def of(self, path):
        """The SERVER span for this path; None: it has not come."""
        return next((span for span in list(self.spans) if span.kind == SERVER and span["url.path"] == path), None)

    def below(self, parent):
        """Its children, in the order of their beginning."""
        return sorted((span for span in list(self.spans) if span.parent == parent.id and span.trace == parent.trace), key=lambda span: span.began)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

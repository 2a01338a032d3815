#include "edge/load/config.h"

#include "edge/load/check.h"
#include "edge/load/readers.h"
#include "edge/load/tables.h"

namespace edge {
namespace {

using namespace shared::load;
using shared::milliseconds;
using std::chrono::hours;

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = kKiB * kKiB;
constexpr std::uint64_t kTiB = kMiB * kMiB;

const Table<TiersConfig>& tiers_table() {
  static const auto table =
      Table<TiersConfig>("edge.tiers", "Classes of customers. Servers read the decided tier in the tier header.")
          .required("order", &TiersConfig::order, list_of(located(word())), "Names, lowest class first")
          .field("default", &TiersConfig::fallback, optional_of(located(word())),
                 "Tier of who shows nothing; else the lowest")
          .required(
              "from", &TiersConfig::from, tier_sources(),
              "Asked in this order: a key file (`KEY TIER` lines; X-Api-Key or Authorization: Bearer), which others "
              "cannot read unless its first line begins with `# public`; a header that only `trusted_proxies` "
              "may send")
          .position(&TiersConfig::at);
  return table;
}

const Table<Http2Config>& http2_table() {
  static const auto table =
      Table<Http2Config>("edge.client.http2", "HTTP/2, one connection with many requests at once.")
          .field("prior_knowledge", &Http2Config::prior_knowledge, boolean(),
                 "Spoken without TLS, too, by clients that begin with it (RFC 9113 3.3)")
          .field("max_streams", &Http2Config::max_streams, integer<std::uint32_t>(1, 1000),
                 "Requests at once on a connection. One that its client has reset counts until its work here is over")
          .field("max_buffer", &Http2Config::max_buffer, size(128 * kKiB, 64 * kMiB),
                 "Octets of bodies that wait in a connection, one half for each way; a connection with more than that "
                 "in the heads of its requests gets no further ones");
  return table;
}

const Table<ClientConfig>& client_table() {
  const auto span = [] { return duration(milliseconds(10), hours(24)); };
  static const auto table =
      Table<ClientConfig>("edge.client", "What is taken from clients, and for how long.")
          .field("max_head", &ClientConfig::max_head, size(kKiB, 256 * kKiB), "Octets of a request's head; over it 431")
          .field("max_target", &ClientConfig::max_target, size(64, 128 * kKiB),
                 "Octets of a request's target; over it 414")
          .field("max_fields", &ClientConfig::max_fields, integer<std::uint16_t>(1, http::FieldList::kMostReceived),
                 "Header fields; over it 431")
          .field("max_body", &ClientConfig::max_body, size(0, kTiB), "Octets of a request's body; over it 413")
          .field(
              "max_connections", &ClientConfig::max_connections, integer<std::uint32_t>(1, 1'000'000),
              "Connections of clients to the process; fewer where its limit of descriptors holds fewer. When there are "
              "more, the one goes whose head has been incomplete for longest, then who is slower than `min_rate`, then "
              "the longest idle one; DNS nodes that ask for the region's health stay")
          .field("max_per_client", &ClientConfig::max_per_client, integer<std::uint32_t>(0, 1'000'000),
                 "Of these, from one IPv4 address or IPv6 /56, in the same order; 0: all. Not for `trusted_proxies`")
          .field("min_rate", &ClientConfig::min_rate, size(0, kMiB),
                 "Octets in a second: who sends less of a body, or takes less of an answer, goes early when there are "
                 "too many connections; at other times only the timeouts count")
          .field("max_memory", &ClientConfig::max_memory, size(kMiB, kTiB),
                 "Octets that connections, requests and what is queued for them may use in the process; over it a "
                 "request is answered 503. No queue is longer than 1 MiB")
          .field("handshake_timeout", &ClientConfig::handshake_timeout, span(),
                 "For a whole TLS handshake, however it trickles")
          .field("head_timeout", &ClientConfig::head_timeout, span(), "For a whole head, however it trickles")
          .field("keep_alive_timeout", &ClientConfig::keep_alive_timeout, span(), "Between two requests")
          .field("body_timeout", &ClientConfig::body_timeout, span(), "Without progress reading a body")
          .field("send_timeout", &ClientConfig::send_timeout, span(), "Without progress sending an answer")
          .field("linger", &ClientConfig::linger, duration(milliseconds(0), hours(1)),
                 "How long the rest of a request is still read after an answer that came before it, so that a client "
                 "which writes everything first gets the answer; longer, up to ten times, while 64 KiB a second come")
          .field("half_close", &ClientConfig::half_close,
                 one_of<HalfClose>({{"abort", HalfClose::abort}, {"allow", HalfClose::allow}}),
                 "A client that closes its side behind a whole request: `abort` takes it for gone and ends its "
                 "request, `allow` answers it")
          .field("http2", &ClientConfig::http2, nested(http2_table()), "HTTP/2");
  return table;
}

const Table<AnswerConfig>& answer_table() {
  static const auto table =
      Table<AnswerConfig>("edge.answer", "What is taken from servers; beyond it 502.")
          .field("max_head", &AnswerConfig::max_head, size(kKiB, 256 * kKiB), "Octets of an answer's head")
          .field("max_fields", &AnswerConfig::max_fields, integer<std::uint16_t>(1, http::FieldList::kMostReceived),
                 "Header fields of an answer");
  return table;
}

// Where clients come in, who they are, and where they go.
Table<EdgeConfig> first_options() {
  return Table<EdgeConfig>("edge", "The regional proxy. Every edge reads the same section.")
      .required("listen", &EdgeConfig::listen, list_of(nested(listen_table())),
                "Where clients connect; a change needs a restart")
      .field("ticket_keys", &EdgeConfig::ticket_keys, optional_of(located(file_path())),
             "Of https: what TLS session tickets are encrypted with, so that every edge of a region resumes the "
             "sessions of the others: lines of 160 hexadecimal digits (`openssl rand -hex 80`), the "
             "newest first, which encrypts; the others only decrypt. Read again when it changes; none: random ones, "
             "which only this process has and which change every 12 hours")
      .field("client_subject_field", &EdgeConfig::client_subject_field, own_field(),
             "Field in which servers read the subject of the client's certificate (RFC 2253); what clients send "
             "under this name is always removed")
      .field("workers", &EdgeConfig::workers, integer<std::uint16_t>(0, 1024),
             "Threads; 0: one for each core; a change needs a restart")
      .field("resolvers", &EdgeConfig::resolvers, resolver_list(),
             "Whom to ask for the names of servers, as ADDRESS:PORT")
      .field("trusted_proxies", &EdgeConfig::trusted_proxies, list_of(prefix()),
             "Only these may say X-Forwarded-*, Forwarded, X-Request-Id, traceparent and the tier header")
      .field("explain_to", &EdgeConfig::explain_to, list_of(prefix()),
             "Clients in these networks that send `X-Meridian-Explain: 1` are told in the answer what was decided, and "
             "why; of others the field is taken away. None: it is a field like any other")
      .field(
          "geo_database", &EdgeConfig::geo_database, located(file_path()),
          "MaxMind DB (.mmdb) that says which networks are in a country, for access lists; read again when it changes")
      .field("tiers", &EdgeConfig::tiers, optional_of(nested(tiers_table())), "Classes of customers")
      .field("pools", &EdgeConfig::pools, map_of("pool", nested(pool_table())), "Servers")
      .field("limits", &EdgeConfig::limits, map_of("limit", nested(limit_table())), "How often requests may come")
      .field("redis", &EdgeConfig::redis, optional_of(nested(redis_table())),
             "Where edges of a region share what limits with `scope: region` count")
      .field("caches", &EdgeConfig::caches, map_of("cache", nested(cache_store_table())),
             "Stores of responses; a change of their names or directories needs a restart")
      .field("access", &EdgeConfig::access, map_of("access list", nested(access_table())), "Who may come")
      .field("auth", &EdgeConfig::auth, map_of("policy", nested(auth_table())), "How clients show who they are")
      .field("trace", &EdgeConfig::trace, optional_of(nested(trace_table())),
             "W3C Trace Context: `traceparent` towards servers, a trusted client's trace gone on with or one of our "
             "own; without this a trusted client's passes as it is")
      .field("scaler", &EdgeConfig::scaler, optional_of(nested(scaler_table())),
             "Who starts and ends servers of pools that scale")
      .required("routes", &EdgeConfig::routes, list_of(nested(route_table())), "Which requests go where");
}

}  // namespace

const Table<EdgeConfig>& edge_table() {
  static const auto table =
      first_options()
          .field("client", &EdgeConfig::client, nested(client_table()), "What is taken from clients")
          .field("answer", &EdgeConfig::answer, nested(answer_table()), "What is taken from servers")
          .field("merge_slashes", &EdgeConfig::merge_slashes, boolean(),
                 "Routes and lists always read `//` as `/`; true: servers get it so too, else as it came")
          .field("via", &EdgeConfig::via,
                 one_of<ViaConfig>(
                     {{"none", ViaConfig::none}, {"requests", ViaConfig::requests}, {"both", ViaConfig::both}}),
                 "Where `Via: 1.1 meridian` says that a message went through here: towards servers, or also towards "
                 "clients. nginx behind us compresses no answer to such a request without `gzip_proxied any`")
          .field("maintenance", &EdgeConfig::maintenance, optional_of(nested(maintenance_table())),
                 "All routes without a `maintenance` of their own are being worked on")
          .field("security_headers", &EdgeConfig::security_headers, security_headers(),
                 "A ready set of response fields: `basic` is X-Content-Type-Options, X-Frame-Options and "
                 "Referrer-Policy; `strict` adds a Content-Security-Policy of the site's own content, "
                 "Cross-Origin-Opener-Policy, Cross-Origin-Resource-Policy and Permissions-Policy; both "
                 "Strict-Transport-Security where every listener speaks https or leads there. What "
                 "`response_headers` say of one of these wins")
          .field("error_pages", &EdgeConfig::error_pages, list_of(nested(error_page_table())),
                 "Pages of errors that the edge answers itself; the first that has the status")
          .field("timeout", &EdgeConfig::timeout, nested(timeout_table()), "Limits of time towards servers")
          .field("compression", &EdgeConfig::compression, optional_of(nested(compression_table())),
                 "Answers that are compressed, of all routes")
          .field("request_headers", &EdgeConfig::request_headers, header_rules(),
                 "Fields towards servers, for all routes")
          .field("response_headers", &EdgeConfig::response_headers, header_rules(),
                 "Fields towards clients, for all routes")
          .field("access_log", &EdgeConfig::access_log, file_path(),
                 "One line of JSON for each request; empty: none; a change needs a restart")
          .field("access_log_probes", &EdgeConfig::access_log_probes, boolean(),
                 "Whether requests for `/.meridian/health` are in it, too")
          .field(
              "access_log_fields", &EdgeConfig::access_log_fields, list_of(log_field()),
              "What else is in it: `query`, and fields of the request by name; those that are absent are left out. A "
              "query or a field may hold secrets")
          .field("drain_grace", &EdgeConfig::drain_grace, duration(milliseconds(0), hours(24)),
                 "How long requests in progress may take when the process stops");
  return table;
}

EdgeConfig read_edge_config(const Config& config, Diagnostics& diagnostics) {
  if (!config.edge) {
    diagnostics.error({}, "there is no section `edge`");
    return {};
  }
  EdgeConfig edge = edge_table().read(*config.edge, diagnostics);
  check_edge(edge, config, diagnostics);
  return edge;
}

}  // namespace edge

#pragma once
// The field tables of listeners, pools, their servers, routes and limits, which edge_table() nests. Immutable, any
// thread.

#include "edge/load/config.h"
#include "shared/load/table.h"

namespace edge {

[[nodiscard]] const shared::load::Table<ListenConfig>& listen_table();
[[nodiscard]] const shared::load::Table<PoolConfig>& pool_table();
[[nodiscard]] shared::load::Reader<ServersConfig> server_lists();
[[nodiscard]] const shared::load::Table<RouteConfig>& route_table();
[[nodiscard]] const shared::load::Table<TimeoutConfig>& timeout_table();
[[nodiscard]] const shared::load::Table<FilesConfig>& files_table();
[[nodiscard]] const shared::load::Table<CompressionConfig>& compression_table();
[[nodiscard]] shared::load::Reader<std::vector<std::string>> hint_links();
[[nodiscard]] const shared::load::Table<LimitConfig>& limit_table();
[[nodiscard]] const shared::load::Table<RedisConfig>& redis_table();
[[nodiscard]] const shared::load::Table<CacheStoreConfig>& cache_store_table();
[[nodiscard]] const shared::load::Table<RouteCacheConfig>& route_cache_table();
[[nodiscard]] const shared::load::Table<AccessConfig>& access_table();
[[nodiscard]] const shared::load::Table<AuthConfig>& auth_table();
[[nodiscard]] const shared::load::Table<CorsConfig>& cors_table();
[[nodiscard]] const shared::load::Table<TraceConfig>& trace_table();
[[nodiscard]] const shared::load::Table<MaintenanceConfig>& maintenance_table();
[[nodiscard]] const shared::load::Table<RewriteConfig>& rewrite_table();
[[nodiscard]] const shared::load::Table<ErrorPageConfig>& error_page_table();
[[nodiscard]] const shared::load::Table<ScaleSettings>& autoscale_table();

}  // namespace edge

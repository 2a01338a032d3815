-- As wrk_report.lua, with more clients than requests could be kept ready for: the argument is their number. They come in turn, by
-- X-Forwarded-For, and each run begins at another one.
local clients, asked = 1, 0

init = function(arguments)
  clients = tonumber(arguments[1])
  math.randomseed(os.time() * 1000 + math.floor(os.clock() * 1e6) % 1000)
  asked = math.random(clients)
end

request = function()
  asked = asked % clients + 1
  wrk.headers["X-Forwarded-For"] = string.format("198.%d.%d.%d", 16 + math.floor(asked / 65536), math.floor(asked / 256) % 256, asked % 256)
  return wrk.format()
end

done = function(summary, latency, requests)
  io.write(string.format(
    'JSON {"requests": %d, "seconds": %.6f, "bytes": %d, "not_2xx": %d, "connect": %d, "read": %d, "write": %d, "timeout": %d, ' ..
    '"p50_us": %d, "p99_us": %d}\n',
    summary.requests, summary.duration / 1e6, summary.bytes, summary.errors.status, summary.errors.connect, summary.errors.read,
    summary.errors.write, summary.errors.timeout, latency:percentile(50), latency:percentile(99)))
end

-- Lets wrk print its result as one line of JSON. An argument after the address is a number of clients: requests then come from so
-- many addresses in turn, by X-Forwarded-For.
init = function(arguments)
  local clients, asked = tonumber(arguments[1] or 0), 0
  if clients == 0 then return end
  local requests = {}
  for i = 1, clients do
    wrk.headers["X-Forwarded-For"] = string.format("198.18.%d.%d", math.floor(i / 256), i % 256)
    requests[i] = wrk.format()
  end
  request = function()
    asked = asked % clients + 1
    return requests[asked]
  end
end

done = function(summary, latency, requests)
  io.write(string.format(
    'JSON {"requests": %d, "seconds": %.6f, "bytes": %d, "not_2xx": %d, "connect": %d, "read": %d, "write": %d, "timeout": %d, ' ..
    '"p50_us": %d, "p99_us": %d}\n',
    summary.requests, summary.duration / 1e6, summary.bytes, summary.errors.status, summary.errors.connect, summary.errors.read,
    summary.errors.write, summary.errors.timeout, latency:percentile(50), latency:percentile(99)))
end

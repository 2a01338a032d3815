-- As wrk_report.lua, with a URL of its own for each request: none of them was asked for before.
local asked = 0
local run = string.format("%x-%d", os.time(), math.floor(os.clock() * 1e6))

request = function()
  asked = asked + 1
  return wrk.format(nil, string.format("%s&unique=%s-%d", wrk.path, run, asked))
end

done = function(summary, latency, requests)
  io.write(string.format(
    'JSON {"requests": %d, "seconds": %.6f, "bytes": %d, "not_2xx": %d, "connect": %d, "read": %d, "write": %d, "timeout": %d, ' ..
    '"p50_us": %d, "p99_us": %d}\n',
    summary.requests, summary.duration / 1e6, summary.bytes, summary.errors.status, summary.errors.connect, summary.errors.read,
    summary.errors.write, summary.errors.timeout, latency:percentile(50), latency:percentile(99)))
end

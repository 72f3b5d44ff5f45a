-- wrk -s load.lua URL -- FILE : send the requests of FILE in turn; print one JSON line at the end.
-- FILE holds requests as they go over the wire, each behind a line with its length in bytes.
local requests, next_one = {}, 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local length = file:read("*n", "*l")
  while length do
    requests[#requests + 1] = file:read(length)
    length = file:read("*n", "*l")
  end
  file:close()
end

function request()
  next_one = next_one % #requests + 1
  return requests[next_one]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n@{"requests":%d,"elapsed_us":%d,"p50_us":%d,"p99_us":%d,"max_us":%d,'
      .. '"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    latency.max, errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end

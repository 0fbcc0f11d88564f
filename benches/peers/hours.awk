# Prints hour, requests, p50, p95 and p99 in milliseconds. Both servers log whole milliseconds, so counting every
# value is exact; percentiles are nearest-rank.
function record(hour, ms) {
    requests[hour]++
    count[hour, ms]++
    if (ms > longest[hour]) longest[hour] = ms
}
END {
    for (h = 0; h < 24; h++) {
        hour = sprintf("%02d", h)
        n = requests[hour]
        if (!n) continue
        seen = 0; p50 = p95 = p99 = -1
        for (ms = 0; ms <= longest[hour]; ms++) {
            if (!((hour, ms) in count)) continue
            seen += count[hour, ms]
            if (p50 < 0 && seen * 100 >= n * 50) p50 = ms
            if (p95 < 0 && seen * 100 >= n * 95) p95 = ms
            if (p99 < 0 && seen * 100 >= n * 99) p99 = ms
        }
        print hour "," n "," p50 "," p95 "," p99
    }
}

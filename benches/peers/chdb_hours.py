"""Embedded ClickHouse: hour, requests, p50, p95 and p99 in milliseconds. `chdb_hours.py nginx|haproxy FILE`.

splitByString was faster here than regular expressions, splitting at every space, or a CSV-like format.
`quantilesTDigest`, because plain `quantiles` samples.
"""

import sys

import chdb

LINES = {
    "nginx": """
        SELECT substring(line, position(line, '[') + 13, 2) AS hour,
               1000 * toFloat32OrZero(substringIndex(splitByString('" ', line)[-1], ' ', 1)) AS ms
        FROM file('{path}', 'LineAsString')""",
    "haproxy": """
        SELECT substring(line, 8, 2) AS hour,
               toFloat32OrNull(splitByChar('/', splitByChar(' ', line, 11)[10])[5]) AS ms
        FROM file('{path}', 'LineAsString') WHERE ms IS NOT NULL""",
}
HOURS = """
    SELECT hour, requests, p[1], p[2], p[3]
    FROM (SELECT hour, count() AS requests, quantilesTDigest(0.5, 0.95, 0.99)(ms) AS p FROM ({lines}) GROUP BY hour)
    ORDER BY hour"""

log, path = sys.argv[1:]
print(chdb.query(HOURS.format(lines=LINES[log].format(path=path)), "CSV"), end="")

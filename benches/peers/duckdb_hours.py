"""DuckDB: hour, requests, p50, p95 and p99 in milliseconds. `duckdb_hours.py nginx|haproxy FILE`.

Its CSV reader, told to cut at spaces, was faster here than reading lines and cutting those. That holds for generated
logs only: a user name with a space would shift the fields. The exact `quantile_disc` was faster than
`approx_quantile`.
"""

import sys

import duckdb

COLUMNS = {
    "nginx": "client ident user time zone request status bytes referer agent request_time upstream retried",
    "haproxy": "month day clock node process client time frontend server timers status bytes cookie set_cookie "
    "state connections queues host request",
}
VALUES = {
    "nginx": "time[14:15] AS hour, 1000 * request_time::DOUBLE AS ms",
    "haproxy": "clock[1:2] AS hour, try_cast(split_part(timers, '/', 5) AS DOUBLE) AS ms",
}
HOURS = """
    SELECT hour, count(*), quantile_disc(ms, [0.5, 0.95, 0.99])
    FROM (SELECT {values} FROM read_csv('{path}', delim = ' ', quote = '"', escape = '"', header = false,
          auto_detect = false, strict_mode = false, null_padding = true, ignore_errors = true, columns = {columns}))
    WHERE ms IS NOT NULL GROUP BY hour ORDER BY hour"""

log, path = sys.argv[1:]
columns = {name: "VARCHAR" for name in COLUMNS[log].split()}
for hour, requests, percentiles in duckdb.execute(
    HOURS.format(values=VALUES[log], path=path, columns=columns)
).fetchall():
    print(hour, requests, *percentiles, sep=",")

#!/usr/bin/env python3
"""Prints an hourly.parquet as its hourly.csv, read by something that is not polars.

usage: read_parquet.py [--reader pyarrow|duckdb] hourly.parquet

The output is compared with hourly.csv byte for byte. Before printing, the mergeable parts of each row are added up
and compared with its figures; a difference ends the program with status 1. Names that begin like a formula are
printed as they are, while hourly.csv puts a ' before them.
"""

import argparse
import csv
import sys
from datetime import timezone

HISTOGRAMS = ["latency", "upstream", "queue", "connect", "response"]
PAIRS = [("status_code", "status_count"), ("second", "second_count"), ("cache_state", "cache_count")]
PAIRS += [("termination", "termination_count")] + [(f"{name}_bucket", f"{name}_count") for name in HISTOGRAMS]
LAST_COLUMN = "failures_unknown"


def read_with_pyarrow(path):
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path)
    return table.column_names, table.to_pylist()


def read_with_duckdb(path):
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    result = connection.execute("SELECT * FROM read_parquet(?)", [path])
    names = [column[0] for column in result.description]
    return names, [dict(zip(names, row)) for row in result.fetchall()]


def check(row):
    """The first part of the row that does not add up, if any."""
    for keys, counts in PAIRS:
        if len(row[keys]) != len(row[counts]):
            return f"{keys} and {counts} are of different length"
        if len(row[keys]) != len(set(row[keys])):
            return f"{keys} has a key twice"
    for name, whole in [("latency_count", "latency_n"), ("upstream_count", "upstream_n"), ("second_count", "requests")]:
        if row[name] and sum(row[name]) != row[whole]:
            return f"{name} adds up to {sum(row[name])}, not to {whole} = {row[whole]}"
    with_status = sum(row["status_count"])
    if with_status > row["requests"]:
        return f"status_count adds up to {with_status}, more than requests = {row['requests']}"
    if row["latency_n"] and abs(row["latency_sum_us"] / row["latency_n"] / 1000 - row["latency_mean_ms"]) > 1e-6:
        return "latency_sum_us does not give latency_mean_ms"
    return None


def cell(name, value):
    if value is None:
        return ""
    if name == "hour":
        return value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, float):
        text = f"{value:.{6 if name == 'rps_mean' else 3}f}"
        return text.rstrip("0").rstrip(".")
    return str(value)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reader", choices=["pyarrow", "duckdb"], default="pyarrow")
    parser.add_argument("path")
    arguments = parser.parse_args()
    read = {"pyarrow": read_with_pyarrow, "duckdb": read_with_duckdb}[arguments.reader]
    names, rows = read(arguments.path)
    for number, row in enumerate(rows, 1):
        if difference := check(row):
            sys.exit(f"{arguments.path}: row {number}: {difference}")
    columns = names[: names.index(LAST_COLUMN) + 1]
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([cell(name, row[name]) for name in columns] for row in rows)


if __name__ == "__main__":
    main()

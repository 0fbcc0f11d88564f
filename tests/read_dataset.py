#!/usr/bin/env python3
"""Prints a dataset's requests by hour and server as CSV, read by something that is not polars.

usage: read_dataset.py DIR

DIR is the folder `hours` of a dataset. The folders `date=…/hour=…` are taken for columns and compared with the rows'
own start, and the seconds of each row are added up; a difference ends the program with status 1.
"""

import csv
import sys
from datetime import timezone

import pyarrow.dataset


def main():
    table = pyarrow.dataset.dataset(sys.argv[1], partitioning="hive").to_table()
    sums = {}
    for row in table.to_pylist():
        start = row["start"].astimezone(timezone.utc)
        if (start.strftime("%Y-%m-%d"), start.hour) != (str(row["date"]), row["hour"]):
            sys.exit(f"{start}: lies in the folder of {row['date']}, hour {row['hour']}")
        if sum(row["second_count"]) != row["requests"]:
            sys.exit(f"{start}: the seconds add up to {sum(row['second_count'])}, not to {row['requests']} requests")
        key = (start.strftime("%Y-%m-%dT%H:%M:%SZ"), row["backend"] or "", row["server"] or "")
        sums[key] = sums.get(key, 0) + row["requests"]
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["hour", "backend", "server", "requests"])
    writer.writerows([*key, requests] for key, requests in sorted(sums.items()))


if __name__ == "__main__":
    main()

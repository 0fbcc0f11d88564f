"""Runs a command and writes down what it took: `stopwatch.py REPORT COMMAND…` leaves wall seconds, processor seconds
and peak KiB in REPORT and ends as the command did.

A program of its own, because Linux counts the memory of a parent towards its child until that executes its program:
this one imports next to nothing, so it hides little.
"""

import os
import sys
import time

report, *command = sys.argv[1:]
began = time.monotonic()
_, status, usage = os.wait4(os.posix_spawnp(command[0], command, os.environ), 0)
wall_s = time.monotonic() - began
with open(report, "w") as out:
    print(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, file=out)
sys.exit(os.waitstatus_to_exitcode(status) % 256)

"""What happens to a log while it is read now and then. Each takes the log and its reader and ends with a read.

`reader.read()` is where a user's cron job runs, or where a daemon is left alone until it is quiet.
"""

import random
from dataclasses import dataclass
from typing import Callable

from log import Log
from readers import Reader


@dataclass(frozen=True)
class Scenario:
    """A row of the table."""

    name: str
    play: Callable[[Log, Reader, random.Random], None]
    killed: bool = False  # by chance, so it is tried many times


def write_until_rotation(log: Log, reader: Reader) -> None:
    """Requests do not stop for logrotate: the last of them were written just now."""
    log.write(81)
    reader.meanwhile()
    log.write(20)


def append(log: Log, reader: Reader, _: random.Random) -> None:
    for _turn in range(3):
        log.write(303)  # a run ends in the middle of a second
        reader.read()


def create(log: Log, reader: Reader, _: random.Random) -> None:
    log.write(303)
    reader.read()
    write_until_rotation(log, reader)
    log.rotate("create")
    log.reopen()
    log.write(202)
    reader.read()
    log.write(50)
    reader.read()


def copytruncate(log: Log, reader: Reader, _: random.Random) -> None:
    log.write(303)
    reader.read()
    write_until_rotation(log, reader)
    log.rotate("copytruncate")  # Nothing is written meanwhile, so nothing is lost at the source.
    log.write(202)
    reader.read()


def compress_read(log: Log, reader: Reader, _: random.Random) -> None:
    log.write(303)
    reader.read()
    log.rotate("create")
    log.reopen()
    log.write(202)
    reader.read()
    log.rotate("create", "compress", "delaycompress")
    log.reopen()
    log.write(101)
    reader.read()


def compress_unread(log: Log, reader: Reader, _: random.Random) -> None:
    log.write(303)
    reader.read()
    write_until_rotation(log, reader)
    log.rotate("create", "compress")
    log.reopen()
    log.write(202)
    reader.read()


def twice(log: Log, reader: Reader, _: random.Random) -> None:
    log.write(303)
    reader.read()
    for _turn in range(2):
        write_until_rotation(log, reader)
        log.rotate("create")
        log.reopen()
    log.write(50)
    reader.read()


def late(log: Log, reader: Reader, _: random.Random) -> None:
    """The server goes on writing to the renamed file, before and after it is read."""
    log.write(303)
    reader.read()
    log.rotate("create", "compress", "delaycompress")
    log.write(101)
    reader.read()
    log.write(50)
    log.reopen()
    log.write(202)
    reader.read()
    log.rotate("create", "compress", "delaycompress")
    log.write(20)
    log.reopen()
    log.write(80)
    reader.read()


def inode_reuse(log: Log, reader: Reader, _: random.Random) -> None:
    log.write(303)
    reader.read()
    log.replace_by_one_with_its_inode()
    log.write(50)
    reader.meanwhile()
    log.write(354)
    reader.read()


def partial_line(log: Log, reader: Reader, _: random.Random) -> None:
    log.write(303)
    rest = log.begin_line()
    reader.read()
    log.end_line(rest)
    log.write(50)
    reader.read()


def truncated_shorter(log: Log, reader: Reader, _: random.Random) -> None:
    log.write(303)
    reader.read()
    log.truncate()
    log.write(101)
    reader.read()


def truncated_longer(log: Log, reader: Reader, _: random.Random) -> None:
    log.write(303)
    reader.read()
    log.truncate()
    log.write(50)
    reader.meanwhile()
    log.write(354)
    reader.read()


def killed(log: Log, reader: Reader, chance: random.Random) -> None:
    log.write(100)
    reader.read()
    log.write(4000)
    took_s = reader.read()
    for _turn in range(4):
        # Some daemons save their place as lines come, at most every few seconds.
        log.write(10)
        reader.meanwhile()
    log.write(4000)
    reader.read_until_killed(chance.uniform(0.0, 1.1 * took_s))
    reader.read()
    log.write(100)
    reader.read()


SCENARIOS = (
    Scenario("plain append over three runs", append),
    Scenario("rename and create between runs", create),
    Scenario("copytruncate, the writer paused", copytruncate),
    Scenario("compressed after it was read (delaycompress)", compress_read),
    Scenario("compressed before all of it was read", compress_unread),
    Scenario("two rotations between runs", twice),
    Scenario("server still writes to the renamed file (delaycompress)", late),
    Scenario("deleted, and its inode given to the new log", inode_reuse),
    Scenario("last line half written, then completed", partial_line),
    Scenario("truncated in place, then shorter", truncated_shorter),
    Scenario("truncated in place, then longer", truncated_longer),
    Scenario("SIGKILL at a random moment, then run again", killed, killed=True),
)

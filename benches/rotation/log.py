"""A log whose every line has a number, and the real logrotate. Knows no tool that reads it."""

import os
import subprocess
import time
from pathlib import Path

# Ten lines in one second, then none for 40 s: many requests share a second, as in a real log, and an hour has no more
# different paths than logstat keeps of each hour (1,000).
LINES_PER_SECOND = 10
STEP_S = 40
BEGAN_S = 30 * 3600  # before now
INODE_TRIES = 300
INODE_PATIENCE_S = 10.0


class Impossible(Exception):
    """What this file system, or the reader, does not let happen."""


class Log:
    """`access.log` in a directory of its own, written to as nginx does: appending, until told to open it anew."""

    def __init__(self, directory: Path):
        directory.mkdir(parents=True)
        self.directory = directory
        self.path = directory / "access.log"
        self.written = 0
        self.began = int(time.time()) - BEGAN_S
        self.reopen()

    def reopen(self) -> None:
        """What a server does on SIGUSR1."""
        self.file = open(self.path, "ab", buffering=0)

    def write(self, lines: int) -> None:
        self.file.write(b"".join(self.line(number) for number in range(self.written, self.written + lines)))
        self.written += lines

    def line(self, number: int) -> bytes:
        """Client and path tell which line it is: tools list one or the other. 198.18.0.0/15 is for benchmarks."""
        second = self.began + number // LINES_PER_SECOND * STEP_S
        at = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(second))
        client = f"198.18.{number >> 8}.{number & 255}"
        return f'{client} - - [{at}] "GET /n/{number:06} HTTP/1.1" 200 {number} "-" "Mozilla/5.0"\n'.encode()

    def begin_line(self) -> bytes:
        """Writes the first half of a line and returns the other."""
        line = self.line(self.written)
        self.file.write(line[: len(line) // 2])
        return line[len(line) // 2 :]

    def end_line(self, rest: bytes) -> None:
        self.file.write(rest)
        self.written += 1

    def truncate(self) -> None:
        os.truncate(self.path, 0)

    def rotate(self, *directives: str) -> None:
        """One forced run of logrotate. The server goes on writing to the file that it has open."""
        rules = self.directory.parent / "logrotate.conf"
        options = "\n".join(f"  {word}" for word in ("rotate 9", "missingok", *directives))
        rules.write_text(f"{self.path} {{\n{options}\n}}\n")
        rules.chmod(0o600)
        state = self.directory.parent / "logrotate.state"
        subprocess.run(["logrotate", "-f", "-s", state, rules], check=True, capture_output=True, env=with_sbin())

    def replace_by_one_with_its_inode(self) -> None:
        """Deletes the log and makes it anew, as often as it takes to be given the same inode."""
        inode = self.path.stat().st_ino
        self.file.close()
        self.path.unlink()
        # A daemon that follows the log may keep it open for a moment, and the inode is taken as long.
        until = time.monotonic() + INODE_PATIENCE_S
        while not self.path.exists() and time.monotonic() < until:
            self.try_for_inode(inode)
        if not self.path.exists():
            raise Impossible("inode not given out again")
        self.reopen()

    def try_for_inode(self, inode: int) -> None:
        """Makes files until one has it. In the same directory, since ext4 takes inodes near those of its other files."""
        others = []
        for turn in range(INODE_TRIES):
            other = self.directory / f"other-{turn}"
            other.touch()
            if other.stat().st_ino == inode:
                other.rename(self.path)
                break
            others.append(other)
        for other in others:
            other.unlink()


def with_sbin() -> dict[str, str]:
    """The environment, with the places where Debian keeps daemons and logrotate."""
    return {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin", "TZ": "UTC"}

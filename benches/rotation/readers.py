"""The tools, each set up as its documentation says, and how to learn from each which lines it counted."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Optional

from log import Log, with_sbin

QUIET_S = 8.0  # A daemon that has counted nothing for so long is done, on a busy machine too.
DONE_S = 1.5  # The same where every line is counted; more would be doubled.
PATIENCE_S = 60.0
LOGSTAT = Path.home() / ".cache/logstat/target/release/logstat"


class Problem(Exception):
    """A tool failed; the message says how."""


class Reader:
    """A tool that reads one log and remembers how far. `program` is what must be installed."""

    program: str
    title: str
    how: str

    def __init__(self, place: Path, log: Log):
        self.place = place
        self.log = log

    def read(self) -> float:
        """Lets it read what is new; returns how many seconds that took."""
        raise NotImplementedError

    def meanwhile(self) -> None:
        """Hours pass in which no cron job runs; a daemon that is left running keeps up."""

    def read_until_killed(self, delay_s: float) -> None:
        """The same as `read`, but SIGKILL comes after `delay_s`."""
        raise NotImplementedError

    def counted(self) -> Counter:
        """How often each line was counted, by its number."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends what runs."""

    @classmethod
    def version(cls) -> Optional[str]:
        """The version, if the tool is there and fit."""
        path = shutil.which(cls.program, path=with_sbin()["PATH"])
        if path is None:
            return None
        option = "-v" if cls.program == "rsyslogd" else "--version"
        said = subprocess.run([path, option], capture_output=True, text=True).stdout
        found = re.search(r"\d+(\.\d+)+", said)
        return found and found[0]


# ---------------------------------------------------------------------------------------- run now and then


class Runs(Reader):
    """A tool that a cron job runs."""

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> subprocess.Popen:
        said = open(self.place / "said", "ab")
        return subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=with_sbin(),
            start_new_session=True,
        )  # fmt: skip

    def read(self) -> float:
        began = time.monotonic()
        ended = self.start().wait(PATIENCE_S)
        # The answer is in the counts: a tool that refuses its own state has lost what it does not count.
        if ended != 0:
            with open(self.place / "said", "a") as said:
                print(f"ended with {ended}", file=said)
        return time.monotonic() - began

    def read_until_killed(self, delay_s: float) -> None:
        process = self.start()
        time.sleep(delay_s)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class GoAccess(Runs):
    """The incremental use of its manual, on the live log."""

    program = "goaccess"
    title = "GoAccess"
    how = "`goaccess access.log --persist --restore`"

    def files(self) -> str:
        return "access.log"

    def command(self) -> list[str]:
        options = (
            "--no-global-config --no-progress --log-format=COMBINED --max-items=100000 "
            f"--persist --restore --db-path={self.place}/db -o {self.place}/report.json"
        )
        (self.place / "db").mkdir(exist_ok=True)
        # A glob is the shell's work, as in a crontab.
        script = f"cd {self.log.directory} && {self.before()} goaccess {self.files()} {options}"
        return ["sh", "-c", script]

    def before(self) -> str:
        return ""

    def counted(self) -> Counter:
        report = self.place / "report.json"
        try:
            rows = json.loads(report.read_bytes())["requests"]["data"]
        except (OSError, ValueError, KeyError):
            return Counter()  # It ended without a report.
        return Counter({int(row["data"].removeprefix("/n/")): row["hits"]["count"] for row in rows})


class GoAccessAll(GoAccess):
    """The same with the rotated files, so that what was written before a rotation is seen."""

    title = "GoAccess, rotated too"
    how = "`zcat access.log.*.gz | goaccess access.log.1 access.log - --persist --restore`"

    def files(self) -> str:
        plain = sorted(self.log.directory.glob("access.log.?"), reverse=True)
        names = [path.name for path in plain] + ["access.log"]
        return " ".join([*names, "-"] if self.packed() else names)

    def packed(self) -> list[str]:
        return [path.name for path in sorted(self.log.directory.glob("*.gz"), reverse=True)]

    def before(self) -> str:
        return f"zcat {' '.join(self.packed())} |" if self.packed() else ""


class Logstat(Runs):
    """Reads the glob that takes the rotated files in."""

    program = os.environ.get("LOGSTAT") or str(LOGSTAT)
    title = "logstat"
    how = "`logstat ingest 'access.log*' --state DIR`"

    def command(self) -> list[str]:
        return [self.program, "ingest", f"{self.log.path}*", "--format", "combined", "--state", f"{self.place}/state"]

    def counted(self) -> Counter:
        out = self.place / "report"
        command = [self.program, "report", "--no-ingest", "--state", f"{self.place}/state", "--since", "oldest"]
        ended = subprocess.run([*command, "--top", "100000", "--out", out], capture_output=True, text=True)
        if ended.returncode != 0:
            raise Problem(f"logstat report: {ended.stderr.strip()}")
        with open(out / "top.csv", newline="") as lines:
            rows = [row for row in csv.DictReader(lines) if row["list"] == "paths"]
        counts = Counter({int(row["value"].removeprefix("/n/")): int(row["requests"]) for row in rows})
        with open(out / "hourly.csv", newline="") as lines:
            requests = sum(int(row["requests"]) for row in csv.DictReader(lines))
        if requests != counts.total():
            raise Problem(f"logstat's list of paths has {counts.total()} requests, its hours {requests}")
        return counts

    @classmethod
    def version(cls) -> Optional[str]:
        if shutil.which(cls.program) is None:
            return None
        ingests = subprocess.run([cls.program, "ingest", "--help"], capture_output=True).returncode == 0
        return super().version() if ingests else None


# ------------------------------------------------------------------------------------------------ daemons


class Daemon(Reader):
    """A tool that runs all the time. With `restarted` it runs only while it is let read, as around a reboot."""

    restarted = False

    def __init__(self, place: Path, log: Log):
        super().__init__(place, log)
        self.process: Optional[subprocess.Popen] = None
        self.set_up()

    def set_up(self) -> None:
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        if self.process is None:
            with open(self.place / "said", "ab") as said:
                self.process = subprocess.Popen(
                    self.command(), stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=with_sbin()
                )

    def read(self) -> float:
        began = time.monotonic()
        self.start()
        took_s = self.wait_until_quiet(began)
        if self.restarted:
            self.close()
        return took_s

    def meanwhile(self) -> None:
        if not self.restarted:
            self.read()

    def wait_until_quiet(self, began: float) -> float:
        """Seconds until the last line was counted."""
        count, changed = -1, began
        while time.monotonic() < began + PATIENCE_S:
            counted = self.counted()
            if counted.total() != count:
                count, changed = counted.total(), time.monotonic()
            if time.monotonic() - changed > (DONE_S if len(counted) == self.log.written else QUIET_S):
                break
            if self.process.poll() is not None:
                raise Problem(f"{self.program} ended with {self.process.returncode}: {self.last_words()}")
            time.sleep(0.05)
        return changed - began

    def last_words(self) -> str:
        return (self.place / "said").read_text(errors="replace").strip()[-300:]

    def read_until_killed(self, delay_s: float) -> None:
        self.start()
        time.sleep(delay_s)
        self.end(signal.SIGKILL)

    def close(self) -> None:
        if self.process is not None:
            self.end(signal.SIGTERM)

    def end(self, how: signal.Signals) -> None:
        self.process.send_signal(how)
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


class Fail2ban(Daemon):
    """One jail whose filter finds every line; each has an address of its own, so none is ever banned."""

    program = "fail2ban-server"
    title = "fail2ban"
    how = "`logpath = access.log`, `backend = auto`, with `dbfile`; left running"

    def set_up(self) -> None:
        files = {
            "fail2ban.conf": "[Definition]\nloglevel = INFO\nallowipv6 = no\ndbmaxmatches = 0\ndbpurgeage = 1y\n"
            f"logtarget = {self.place}/found.log\nsyslogsocket = auto\nsocket = {self.place}/socket\n"
            f"pidfile = {self.place}/pid\ndbfile = {self.place}/db.sqlite3\n",
            "jail.conf": "[every]\nenabled = true\nfilter = every\nbackend = auto\nusedns = no\nmaxretry = 1000000\n"
            f"findtime = 1y\nbantime = 1m\nlogencoding = utf-8\nlogpath = {self.log.path}\n",
            "filter.d/every.conf": "[Definition]\nfailregex = ^<HOST> - - \n",
        }
        for name, text in files.items():
            path = self.place / "fail2ban" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def command(self) -> list[str]:
        # After SIGKILL the socket is still there.
        return ["fail2ban-server", "-c", f"{self.place}/fail2ban", "-x", "-f", "start"]

    def counted(self) -> Counter:
        log = self.place / "found.log"
        text = log.read_bytes() if log.exists() else b""
        found = re.findall(rb"\[every\] Found 198\.18\.(\d+)\.(\d+)", text)
        return Counter((int(high) << 8) + int(low) for high, low in found)


class Fail2banRestarted(Fail2ban):
    """The same, stopped between reads."""

    title = "fail2ban, restarted"
    how = "the same, stopped while the log is written and rotated"
    restarted = True


class Rsyslog(Daemon):
    """imfile to a file, with every documented setting that makes it safer."""

    program = "rsyslogd"
    title = "rsyslog imfile"
    how = (
        "`mode=\"inotify\"`, `reopenOnTruncate=\"on\"`, `PersistStateInterval=\"100\"`, "
        "`persistStateAfterSubmission=\"on\"`; left running"
    )

    def set_up(self) -> None:
        (self.place / "work").mkdir()
        (self.place / "rsyslog.conf").write_text(
            f'global(workDirectory="{self.place}/work")\n'
            'module(load="imfile" mode="inotify")\n'
            f'input(type="imfile" File="{self.log.path}" Tag="access" ruleset="out" reopenOnTruncate="on"\n'
            '      PersistStateInterval="100" persistStateAfterSubmission="on")\n'
            'template(name="line" type="string" string="%msg%\\n")\n'
            f'ruleset(name="out") {{ action(type="omfile" file="{self.place}/out" template="line") }}\n'
        )

    def command(self) -> list[str]:
        return ["rsyslogd", "-n", "-f", f"{self.place}/rsyslog.conf", "-i", f"{self.place}/pid"]

    def end(self, how: signal.Signals) -> None:
        super().end(how)
        (self.place / "pid").unlink(missing_ok=True)

    def counted(self) -> Counter:
        out = self.place / "out"
        text = out.read_bytes() if out.exists() else b""
        return Counter(map(int, re.findall(rb"GET /n/(\d+) HTTP", text)))


class RsyslogRestarted(Rsyslog):
    """The same, stopped between reads."""

    title = "rsyslog imfile, restarted"
    how = "the same, stopped while the log is written and rotated"
    restarted = True


READERS = (Logstat, GoAccess, GoAccessAll, Fail2ban, Fail2banRestarted, Rsyslog, RsyslogRestarted)

"""Database servers that the test session starts for itself: a private data folder, a free port, an unprivileged account, and an end."""

from __future__ import annotations

import glob
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

from patience import eventually
from ports import free_port

START_S = 60.0


class DatabaseServer:
    """`url` is that of a database that is not made yet, `port` where it listens. It can be stopped and started again."""

    driver = ""
    user = ""
    # What makes it end at once, in good order.
    end = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(mode=0o755)
        if os.geteuid() == 0:
            shutil.chown(folder, self.user)
            # Nobody else may look into pytest's own folder: this one must be reached all the same.
            for parent in folder.parents:
                if parent.stat().st_uid == 0 and parent.stat().st_mode & 0o001 == 0:
                    parent.chmod(parent.stat().st_mode | 0o011)

    @classmethod
    def missing(cls) -> str:
        """What keeps it from being started here, "" if nothing does."""
        raise NotImplementedError

    def url(self, database: str) -> str:
        return f"{self.driver}://ser:heslo@127.0.0.1:{self.port}/{database}"

    def run(self, *command: str) -> None:
        account = self._account()
        done = subprocess.run(command, capture_output=True, cwd=self.folder, timeout=120, user=account, group=account)
        assert done.returncode == 0, done.stderr.decode(errors="replace")

    def _account(self) -> str | None:
        return self.user if os.geteuid() == 0 else None

    def launch(self, *command: str) -> None:
        account = self._account()
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, stdout=log, stderr=log, start_new_session=True, user=account, group=account
            )
        self._wait(self.answers)

    def start(self) -> None:
        raise NotImplementedError

    def answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def stop(self, end: signal.Signals | None = None) -> None:
        """In good order, or (SIGKILL) at once, with all its processes."""
        process = self.process
        if process is None:
            return
        if end == signal.SIGKILL:
            self.signal(end)
        else:
            process.send_signal(self.end)
        process.wait(60)
        self.process = None

    def signal(self, what: signal.Signals) -> None:
        """To the server and to the processes that it has started. Those that are to stop have stopped when this returns."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        pids = [self.process.pid, *map(int, children)]
        for pid in pids:
            os.kill(pid, what)
        if what == signal.SIGSTOP:
            assert eventually(lambda: all(has_stopped(pid) for pid in pids))

    def _wait(self, what: Callable[[], bool]) -> None:
        assert eventually(what, START_S), (self.folder / "log").read_text(errors="replace")[-2000:]


def has_stopped(pid: int) -> bool:
    """Whether all threads of the process stand still: until then one of them may answer."""
    states = [path.read_text().rsplit(")", 1)[1].split()[0] for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return set(states) == {"T"}


class Postgres(DatabaseServer):
    driver = "postgres"
    user = "postgres"
    end = signal.SIGINT

    @classmethod
    def _program(cls, name: str) -> str:
        found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))
        return found[-1] if found else shutil.which(name) or ""

    def answers(self) -> bool:
        """It listens a while before it lets anybody in."""
        probe = [self._program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(probe, timeout=30).returncode == 0

    @classmethod
    def missing(cls) -> str:
        return "" if cls._program("initdb") and cls._program("postgres") else "package postgresql"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        password = folder / "password"
        password.write_text("heslo\n")
        password.chmod(0o644)
        options = ["-U", "ser", "-A", "scram-sha-256", f"--pwfile={password}", "-E", "UTF8", "--locale=C", "-N"]
        self.run(self._program("initdb"), "-D", str(folder / "data"), *options)

    def start(self) -> None:
        settings = (
            "-c",
            "fsync=off",
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            f"unix_socket_directories={self.folder}",
        )
        self.launch(self._program("postgres"), "-D", str(self.folder / "data"), "-p", str(self.port), *settings)


class Mariadb(DatabaseServer):
    driver = "mysql"
    user = "mysql"

    @classmethod
    def missing(cls) -> str:
        return "" if shutil.which("mariadbd") and shutil.which("mariadb-install-db") else "package mariadb-server"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.run(
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={folder / 'data'}",
            # Two that are made at the same time would take each other's temporary tables.
            f"--tmpdir={folder}",
            "--auth-root-authentication-method=normal",
        )
        self._init = folder / "init.sql"
        self._init.write_text(
            "CREATE USER IF NOT EXISTS ser@'127.0.0.1' IDENTIFIED BY 'heslo';\n"
            "GRANT ALL ON *.* TO ser@'127.0.0.1';\n"
        )
        self._init.chmod(0o644)

    def start(self) -> None:
        self.launch(
            "mariadbd",
            "--no-defaults",
            f"--datadir={self.folder / 'data'}",
            # The machine's own may be closed to its account.
            f"--tmpdir={self.folder}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            f"--socket={self.folder / 'socket'}",
            f"--init-file={self._init}",
            "--skip-name-resolve",
            "--innodb-flush-log-at-trx-commit=2",
        )

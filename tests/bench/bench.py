"""dbb beside pg_dump and pg_restore, on equal terms. See run.sh for how to call it.

Equal terms: one machine, two processors for client and server together, the server's
default settings, default durability of each tool, the same number of jobs, the same
page cache (warm), turns taken one after the other, medians of all repeats.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import zlib

import measure
import table
from cluster import Cluster, programs

HERE = os.path.dirname(os.path.abspath(__file__))
SETS = {
    "big": "one big table (9/10 of the bytes) with two indexes",
    "many": "2,000 small tables",
    "wide": "wide rows: text, jsonb, bytea",
}
COMPRESSION_MAX = 6.0
CONFIG = """\
version: 1
project: bench
defaults: {{repository: main}}
repositories:
  main: {{type: local, path: backups}}
servers:
  source: {{engine: postgres, host: 127.0.0.1, port: {source}, user: postgres}}
  target: {{engine: postgres, host: 127.0.0.1, port: {target}, user: postgres}}
databases:
  bench: {{server: source}}
targets:
  target: {{server: target, allow: [create]}}
"""
RUNBOOK = """\
kind: restore
name: bench
from: {{database: bench, at: latest}}
to: {{target: target}}
check: quick
verify: {verify}
"""


def arguments():
    parser = argparse.ArgumentParser(prog="run.sh", description="Measures dbb beside pg_dump and pg_restore.")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", dest="bytes", action="store_const", const=200 << 20, help="200 MiB a set (default)")
    size.add_argument("--full", dest="bytes", action="store_const", const=2 << 30, help="2 GiB a set")
    parser.add_argument("--sets", default=",".join(SETS), help="which sets, by commas: " + ", ".join(SETS))
    parser.add_argument("--repeats", type=int, default=3, help="turns of each command (default 3)")
    parser.add_argument("--jobs", type=int, default=2, help="jobs of each command (default 2)")
    parser.add_argument("--dir", default=None, help="where to work; about ten times the bytes of a set are needed")
    parser.add_argument("--markdown", default=None, help="writes the tables there as Markdown too")
    parser.set_defaults(bytes=200 << 20)
    chosen = parser.parse_args()
    chosen.sets = chosen.sets.split(",")
    for name in chosen.sets:
        if name not in SETS:
            parser.error(f"no set \"{name}\"; there are {', '.join(SETS)}")
    if chosen.repeats < 1 or chosen.jobs < 1:
        parser.error("at least one repeat and one job")
    return chosen


def compressibility(source):
    """How far gzip -6 shrinks the first rows of each table, as COPY text: the data must not flatter anyone."""
    tables = source.sql("select format('%I.%I', schemaname, relname) from pg_stat_user_tables "
                        "order by pg_relation_size(relid) desc, relid limit 50", "bench").splitlines()
    packer, plain, packed = zlib.compressobj(6), 0, 0
    for name in tables:
        command = [f"{source.bin}/psql", "-XqAt", *source.address(), "-d", "bench",
                   "-c", f"copy (select * from {name} limit 100000) to stdout"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as rows:
            while piece := rows.stdout.read(1 << 20):
                plain += len(piece)
                packed += len(packer.compress(piece))
        if plain > 64 << 20:
            break
    packed += len(packer.flush())
    return plain / packed


def contents(server):
    """Rows of every table with a sum over all of them: equal data, equal text."""
    questions = server.sql(
        "select format('select %L, count(*), sum(hashtextextended(r::text, 0)::numeric) from %I.%I r', "
        "format('%I.%I', n.nspname, relname), n.nspname, relname) from pg_class c "
        "join pg_namespace n on n.oid = c.relnamespace "
        "where relkind = 'r' and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'dbb_restore') "
        "order by 1", "bench")
    return server.sql(";\n".join(questions.splitlines()), "bench")


def counted(server):
    """Indexes and valid constraints: a restore without them would be no restore."""
    return server.sql("select (select count(*) from pg_index where indisvalid), "
                      "(select count(*) from pg_constraint where convalidated)", "bench")


class Bench:
    """The servers of one set, and the commands to compare on them."""

    def __init__(self, chosen, name, folder):
        self.chosen, self.name, self.folder = chosen, name, folder
        self.dbb = os.path.abspath(os.environ["DBB_BIN"])
        bin_dir = programs()
        # dbb finds its pg_dump as anyone would: by PATH.
        os.environ["PATH"] = f"{bin_dir}:{os.environ['PATH']}"
        self.jobs = f"-j{chosen.jobs}"
        self.source = self.target = None
        try:
            self.source = Cluster(bin_dir, f"{folder}/source")
            self.target = Cluster(bin_dir, f"{folder}/target")
            self.source.sql("create database bench")
            with open(f"{HERE}/data/{name}.sql", encoding="utf-8") as file:
                self.source.sql(file.read(), "bench", [("bytes", chosen.bytes)])
            self.source.sql("vacuum (analyze)", "bench")
        except BaseException:
            self.stop()
            raise

    def stop(self):
        for server in (self.source, self.target):
            if server is not None:
                server.stop()

    def turns(self, title, commands):
        """Each command once a round, in an order that turns with the rounds; gives rows of the table."""
        samples = {label: [] for label in commands}
        labels = list(commands)
        for turn in range(self.chosen.repeats):
            for label in labels[turn % len(labels):] + labels[:turn % len(labels)]:
                print(f"  {self.name}: {title}: {label} ({turn + 1}/{self.chosen.repeats})", file=sys.stderr)
                samples[label].append(commands[label]())
        return [(title, label, measure.median(values)) for label, values in samples.items()]

    def dbb_folder(self, name, verify="none"):
        """A fresh folder with config and runbook."""
        folder = f"{self.folder}/{name}"
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        with open(f"{folder}/dbb.yaml", "w", encoding="utf-8") as file:
            file.write(CONFIG.format(source=self.source.port, target=self.target.port))
        with open(f"{folder}/restore.yaml", "w", encoding="utf-8") as file:
            file.write(RUNBOOK.format(verify=verify))
        return folder

    def backup_dbb(self):
        folder = self.dbb_folder("dbb")
        self.source.settle()
        sample = measure.run([self.dbb, "apply", "--auto-approve", "--jobs", str(self.chosen.jobs)], [self.source], folder)
        sample.stored = measure.size(f"{folder}/backups")
        return sample

    def backup_pg(self, *options):
        folder = f"{self.folder}/dump{''.join(options)}"
        shutil.rmtree(folder, ignore_errors=True)
        self.source.settle()
        sample = measure.run([f"{self.source.bin}/pg_dump", "-Fd", self.jobs, *options, *self.source.address(),
                              "-d", "bench", "-f", folder], [self.source], self.folder)
        sample.stored = measure.size(folder)
        return sample

    def restore_dbb(self, verify):
        # The repository of the last backup, with the runbook that is asked for.
        with open(f"{self.folder}/dbb/restore.yaml", "w", encoding="utf-8") as file:
            file.write(RUNBOOK.format(verify=verify))
        return self.restored([self.dbb, "apply", "restore.yaml", "--auto-approve", "--jobs", str(self.chosen.jobs)],
                             f"{self.folder}/dbb")

    def restore_pg(self, analyze):
        address = self.target.address()
        steps = [["createdb", *address, "bench"],
                 ["pg_restore", self.jobs, *address, "-d", "bench", f"{self.folder}/dump"]]
        if analyze:
            steps.append(["vacuumdb", "--analyze-only", "--quiet", self.jobs, *address, "-d", "bench"])
        script = " && ".join(" ".join(step) for step in steps)
        return self.restored(["sh", "-c", script], self.folder)

    def restored(self, command, cwd):
        self.target.drop("bench")
        self.target.settle()
        sample = measure.run(command, [self.target], cwd)
        if counted(self.target) != self.wanted_count:
            sys.exit(f"bench: {' '.join(command)}: indexes and constraints differ from the source: "
                     f"{counted(self.target)} instead of {self.wanted_count}")
        if command[0] not in self.proven:
            if contents(self.target) != self.wanted:
                sys.exit(f"bench: {' '.join(command)}: rows differ from the source")
            self.proven.add(command[0])
        return sample

    def verify_dbb(self):
        return measure.run([self.dbb, "verify", "--level", "full"], [], f"{self.folder}/dbb")

    def run(self):
        """All comparisons of the set: rows of the table."""
        self.wanted, self.wanted_count, self.proven = contents(self.source), counted(self.source), set()
        jobs = self.jobs
        rows = self.turns("backup", {
            "dbb": self.backup_dbb,
            f"pg_dump -Fd {jobs}": self.backup_pg,
            f"pg_dump -Fd {jobs} -Z1": lambda: self.backup_pg("-Z1"),
        })
        rows += self.turns("restore", {
            "dbb, verify: none": lambda: self.restore_dbb("none"),
            f"pg_restore {jobs}": lambda: self.restore_pg(False),
            f"pg_restore {jobs}, analyze": lambda: self.restore_pg(True),
            "dbb, verify: rows": lambda: self.restore_dbb("rows"),
        })
        rows += self.turns("verify", {"dbb verify --level full": self.verify_dbb})
        return rows


def main():
    chosen = arguments()
    if "DBB_BIN" not in os.environ:
        sys.exit("bench: start it by run.sh, or set DBB_BIN")
    for name in [name for name in os.environ if name.startswith(("PG", "DBB_")) and name not in ("DBB_BIN", "PGBIN")]:
        del os.environ[name]
    # Client and server share two processors, whatever the machine has.
    processors = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, processors)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    markdown = []
    for name in chosen.sets:
        folder = tempfile.mkdtemp(prefix="dbb-bench.", dir=chosen.dir)
        os.chmod(folder, 0o755)
        bench = None
        try:
            print(f"building set {name}: {SETS[name]}", file=sys.stderr)
            bench = Bench(chosen, name, folder)
            on_disk = int(bench.source.sql("select pg_database_size('bench')"))
            ratio = compressibility(bench.source)
            if ratio > COMPRESSION_MAX:
                sys.exit(f"bench: the data of set {name} compress {ratio:.1f}x by gzip -6: more than {COMPRESSION_MAX:.0f}x")
            heading = (f"{SETS[name]}: {table.size(on_disk)} on the server, gzip -6 shrinks it {ratio:.1f}x; "
                       f"{chosen.jobs} jobs, {len(processors)} processors, medians of {chosen.repeats}")
            rows = bench.run()
            print(table.text(heading, rows), flush=True)
            markdown.append(table.markdown(heading, rows))
        finally:
            if bench is not None:
                bench.stop()
            shutil.rmtree(folder, ignore_errors=True)
    if chosen.markdown:
        with open(chosen.markdown, "w", encoding="utf-8") as file:
            file.write("\n".join(markdown))


if __name__ == "__main__":
    main()

//! What the crash tests work on: databases whose every kind of part can be lost or come twice.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::support::process::{self, Outcome};
use crate::support::{Cluster, Dbb};

/// No command of these tests takes longer, however busy the machine is.
const LIMIT: Duration = Duration::from_secs(300);

/// Rows without any key show a chunk that came twice; three chunks of one table.
const BIG: &str = r"
    CREATE TABLE big (id int NOT NULL, pad text);
    INSERT INTO big SELECT n, repeat(md5(n::text), 31) FROM generate_series(1, 66000) n;
    CREATE INDEX ON big (id);
    CREATE SEQUENCE counter START 100 INCREMENT 7;
    SELECT nextval('counter') FROM generate_series(1, 3);
    CREATE TABLE note (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text DEFAULT 'none');
    INSERT INTO note (note) SELECT 'note ' || n FROM generate_series(1, 400) n;
    SELECT lo_from_bytea(0, convert_to(repeat('large ' || n, 50), 'UTF8')) FROM generate_series(1, 20) n;
";

/// Small, but with a step of every kind that a restore has. `OWNER` stands for a role.
const SMALL: &str = r#"
    CREATE SCHEMA app AUTHORIZATION OWNER;
    SET ROLE OWNER;
    CREATE TYPE app.mood AS ENUM ('sad', 'glad');
    CREATE TABLE app.person (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE,
        mood app.mood DEFAULT 'glad', CHECK (name <> ''));
    INSERT INTO app.person (name) SELECT 'person ' || n FROM generate_series(1, 300) n;
    CREATE TABLE app.payment (person bigint REFERENCES app.person, amount numeric(9,2), day date NOT NULL)
        PARTITION BY RANGE (day);
    CREATE TABLE app.payment_1 PARTITION OF app.payment FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
    CREATE TABLE app.payment_2 PARTITION OF app.payment FOR VALUES FROM ('2026-07-01') TO ('2027-01-01');
    INSERT INTO app.payment SELECT 1 + n % 300, n * 1.25, date '2026-01-01' + n % 360 FROM generate_series(1, 2000) n;
    CREATE INDEX ON app.payment (person);
    CREATE TABLE app.log (line text);
    INSERT INTO app.log SELECT 'line ' || n % 10 FROM generate_series(1, 1000) n;
    CREATE FUNCTION app.shout() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.name := upper(NEW.name); RETURN NEW; END$$;
    CREATE TRIGGER shout BEFORE INSERT ON app.person FOR EACH ROW EXECUTE FUNCTION app.shout();
    CREATE VIEW app.rich AS SELECT person, sum(amount) AS amount FROM app.payment GROUP BY person;
    CREATE MATERIALIZED VIEW app.total AS SELECT count(*) AS people, sum(amount) AS amount FROM app.rich;
    CREATE MATERIALIZED VIEW app.later AS SELECT * FROM app.total WITH NO DATA;
    CREATE SEQUENCE app.number START 5;
    SELECT nextval('app.number');
    SELECT lo_from_bytea(4711, '\x00ff');
    SELECT lo_from_bytea(4712, convert_to(repeat('bytes', 2000), 'UTF8'));
    GRANT SELECT ON app.person TO PUBLIC;
    COMMENT ON TABLE app.log IS 'it''s a log';
    RESET ROLE;
    ALTER DATABASE DB SET work_mem = '5MB';
    COMMENT ON DATABASE DB IS 'small';
"#;

/// Two databases on one server, and the role that owns what is in the small one.
pub struct Source {
    pub cluster: &'static Cluster,
    pub big: String,
    pub small: String,
    pub owner: String,
}

impl Source {
    pub fn new() -> Self {
        let cluster = Cluster::shared(15);
        let (big, small) = (cluster.new_database("big"), cluster.new_database("small"));
        let owner = cluster.unused_name("owner");
        cluster.psql("postgres", &format!("CREATE ROLE {owner} LOGIN PASSWORD 'secret' CONNECTION LIMIT 7;"));
        cluster.psql(&big, BIG);
        cluster.psql(&small, &SMALL.replace("OWNER", &owner).replace("DB", &small));
        // what autovacuum does later would only make one run differ from the next
        cluster.psql(&big, "VACUUM ANALYZE;");
        cluster.psql(&small, "VACUUM ANALYZE;");
        Self { cluster, big, small, owner }
    }

    /// A config for both databases; its repository is in its own folder.
    pub fn config(&self) -> Config {
        Config { text: format!("{HEAD}servers:\n  from: {}\n", Dbb::server(self.cluster)) }
            .database("big", &self.big)
            .database("small", &self.small)
    }
}

const HEAD: &str = "version: 1\nproject: crash\ndefaults: {repository: main}\n";

/// A config under construction.
pub struct Config {
    text: String,
}

impl Config {
    fn database(mut self, entry: &str, name: &str) -> Self {
        if !self.text.contains("databases:") {
            self.text.push_str("databases:\n");
        }
        self.text.push_str(&format!("  {entry}: {{server: from, name: {name}}}\n"));
        self
    }

    /// Adds a target on another server.
    pub fn target(mut self, port: u16) -> Self {
        let server = Dbb::server_at(port);
        self.text = self.text.replace("servers:\n", &format!("servers:\n  to: {server}\n"));
        self.text.push_str("targets:\n  there: {server: to, allow: [create, drop, replace]}\n");
        self
    }

    /// A folder to run in, with nothing in it yet. Its repository is `repo`, or one elsewhere.
    pub fn folder(&self, repository: Option<&str>) -> Dbb {
        let path = repository.unwrap_or("repo");
        Dbb::with_config(&format!("{}repositories:\n  main: {{type: local, path: {path}}}\n", self.text)).limit(LIMIT)
    }
}

/// How a run with `DBB_CRASH_AFTER_RECORDS` ended.
pub enum Crash {
    /// By its own SIGKILL.
    Killed,
    /// It had no such record: it came to its end.
    Ended(Box<Outcome>),
}

/// Runs a command that kills itself after so many records of the run's journal.
#[track_caller]
pub fn crash(dbb: &Dbb, records: u64, arguments: &[&str]) -> Crash {
    let mut command: Command = dbb.command(arguments);
    command.env("DBB_CRASH_AFTER_RECORDS", records.to_string());
    let outcome = process::run(&mut command, LIMIT);
    match outcome.signal {
        Some(9) => Crash::Killed,
        _ => Crash::Ended(Box::new(outcome)),
    }
}

/// The folder of the only run of this state directory.
#[track_caller]
pub fn run_folder(dbb: &Dbb) -> PathBuf {
    let folder = dbb.path(".dbb/runs");
    let mut runs: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a folder can be read").path())
        // one that is being made has a name with a dot
        .filter(|path| !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")))
        .collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
    runs.remove(0)
}

/// How many records the journal of the only run has.
pub fn records(dbb: &Dbb) -> u64 {
    let text = std::fs::read_to_string(run_folder(dbb).join("journal")).expect("a run has a journal");
    text.lines().count() as u64
}

/// What a test wants to be the same after every crash: what the snapshots of a repository amount to.
pub fn amounts(dbb: &Dbb) -> Vec<serde_json::Value> {
    let listed = dbb.run(&["snapshots", "--format", "json"]).expect(0);
    let mut headers: Vec<serde_json::Value> = serde_json::from_str(&listed.stdout).expect("headers are JSON");
    headers.sort_by_key(|header| header["database"].to_string());
    let amount = |header: &serde_json::Value| {
        let totals = &header["totals"];
        serde_json::json!({
            "database": header["database"], "sum": totals["sum"], "bytes": totals["bytes"],
            "tables": totals["tables"], "entries": totals["entries"], "roles": totals["roles"],
            "large_objects": totals["large_objects"], "objects": header["objects"].as_array().map(Vec::len),
        })
    };
    headers.iter().map(amount).collect()
}

/// Every file below a folder.
pub fn files(folder: &std::path::Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.expect("a folder can be read").path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

/// Whether the only run has said in its journal that it ended.
pub fn has_ended(dbb: &Dbb) -> bool {
    let text = std::fs::read_to_string(run_folder(dbb).join("journal")).expect("a run has a journal");
    let ended = text.lines().last().is_some_and(|line| line.contains(r#""record":"run_ended""#));
    assert!(!ended || run_folder(dbb).join("report.json").exists(), "a run that ended has no report");
    ended
}

/// Writes a runbook that restores the newest snapshot of `entry` into `name`.
pub fn runbook(dbb: &Dbb, entry: &str, from: &str, name: &str, more: &str) {
    dbb.write(
        "restore.yaml",
        &format!(
            "kind: restore\nfrom: {{database: {entry}, at: latest}}\n\
             to: {{target: there, rename: {{{from}: {name}}}}}\n{more}"
        ),
    );
}

/// Restores the newest snapshot of `entry` into `name`.
#[track_caller]
pub fn restore(dbb: &Dbb, entry: &str, from: &str, name: &str) -> Outcome {
    runbook(dbb, entry, from, name, "");
    dbb.run(&["apply", "restore.yaml", "--auto-approve", "--jobs", "2"])
}

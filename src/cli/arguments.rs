//! The command line; the comments here are its help.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Declarative plan-and-apply backup and restore of databases.
///
/// YAML in git says what is backed up and how it comes back. `dbb plan` shows what would happen, `dbb apply`
/// makes it happen, `dbb resume` goes on after any crash, and every restore is proven row by row.
#[derive(Debug, Parser)]
#[command(name = "dbb", version, propagate_version = true, max_term_width = 100)]
pub struct Arguments {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command has.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// The config file
    #[arg(long, short = 'c', global = true, env = "DBB_CONFIG", default_value = "dbb.yaml", value_name = "FILE")]
    pub config: PathBuf,
    /// Where state lives, instead of .dbb beside the config file
    #[arg(long, global = true, env = "DBB_STATE_DIR", value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// When to use colours
    #[arg(long, global = true, env = "DBB_COLOR", default_value = "auto", value_name = "WHEN")]
    pub color: ColorWish,
    /// Say only what went wrong
    #[arg(long, short = 'q', global = true)]
    pub quiet: bool,
    /// Log what happens inside; twice for more
    #[arg(long, short = 'v', global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorWish {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented starter config for the servers it is pointed at
    Init(Init),
    /// Check files: every problem at once, with its place and a suggestion
    Validate(Validate),
    /// Show what would happen
    Plan(Plan),
    /// Make it happen
    Apply(Apply),
    /// Go on with an interrupted or failed run
    Resume(Resume),
    /// Print a complete, commented runbook for a restore
    Runbook(Runbook),
    /// List runs
    Runs(Runs),
    /// Show a snapshot, a saved plan or a run
    Show(Show),
    /// List snapshots
    Snapshots(Snapshots),
    /// List what is in a snapshot
    Ls(Ls),
    /// Print one table's rows out of a snapshot
    Cat(Cat),
    /// Check that snapshots are whole
    Verify(Verify),
    /// Print the graph of steps
    Graph(Graph),
    /// Check servers, rights, tools, poolers, space and repositories
    Doctor(Doctor),
    /// Print a JSON Schema
    Schema(Schema),
    /// Break a lock that is held by nobody any more
    Unlock(Unlock),
    /// Explain an error code
    Explain(Explain),
    /// Print a completion script for a shell
    Completions(Completions),
}

/// Text or JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

#[derive(Debug, Args)]
pub struct Init {
    /// Servers to look at: [NAME=]postgres://USER@HOST[:PORT], or a socket directory; no passwords
    #[arg(value_name = "SERVER")]
    pub servers: Vec<String>,
    /// Write here; `-` prints
    #[arg(long, short = 'o', default_value = "dbb.yaml", value_name = "FILE")]
    pub output: String,
    /// The repository's directory
    #[arg(long, default_value = "./backups", value_name = "DIR")]
    pub repository: String,
}

#[derive(Debug, Args)]
pub struct Validate {
    /// Files to check: configs and runbooks; the config when none is given
    pub files: Vec<String>,
    /// Print the effective config, and where each value came from
    #[arg(long)]
    pub resolved: bool,
    /// How to print it
    #[arg(long, default_value = "text")]
    pub format: Format,
}

/// How to print a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// For people
    Text,
    /// For programs (schemas/plan.schema.json)
    Json,
    /// For a comment in a pull request
    Markdown,
}

/// What `plan` and `apply` have in common.
#[derive(Clone, Debug, Default, Args)]
pub struct Planning {
    /// Only this address, e.g. database.orders; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub target: Vec<String>,
    /// Without this address; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub exclude: Vec<String>,
    /// Back up now, though nothing is due
    #[arg(long, num_args = 0..=1, default_missing_value = "due", value_name = "full")]
    pub now: Option<String>,
    /// What to do with the rest when something fails
    #[arg(long, value_enum, env = "DBB_ON_ERROR", value_name = "WHAT")]
    pub on_error: Option<OnErrorWish>,
    /// Workers
    #[arg(long, short = 'j', env = "DBB_JOBS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub jobs: Option<u32>,
    /// Limit for a lock, e.g. 60s
    #[arg(long, env = "DBB_LOCK_TIMEOUT", value_name = "DURATION", value_parser = duration)]
    pub lock_timeout: Option<std::time::Duration>,
    /// Codec and level, e.g. zstd:9
    #[arg(long, env = "DBB_COMPRESSION", value_name = "CODEC[:LEVEL]", value_parser = compression)]
    pub compression: Option<crate::model::desired::Compression>,
}

/// What to do with the rest when something fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnErrorWish {
    /// Start nothing new
    Stop,
    /// Go on with all that does not depend on it
    Continue,
}

#[derive(Debug, Args)]
pub struct Plan {
    /// A runbook; `-` reads one; the config's backups when none is given
    pub runbook: Option<String>,
    /// Save the plan
    #[arg(long, short = 'o', value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Exit with 10 when there are changes, 11 when some are destructive
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// How to print it
    #[arg(long, default_value = "text")]
    pub format: PlanFormat,
    #[command(flatten)]
    pub planning: Planning,
}

#[derive(Debug, Args)]
pub struct Apply {
    /// A runbook or a saved plan; the config's backups when none is given
    pub file: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub auto_approve: bool,
    /// Every database must succeed, whatever the runbook says
    #[arg(long)]
    pub require_all: bool,
    /// How to print the report
    #[arg(long, default_value = "text")]
    pub format: Format,
    #[command(flatten)]
    pub planning: Planning,
}

#[derive(Debug, Args)]
pub struct Resume {
    /// The run, or the beginning of its id; the newest that did not succeed when none is given
    pub run: Option<String>,
    /// Every database must succeed, whatever the runbook says
    #[arg(long)]
    pub require_all: bool,
    /// How to print the report
    #[arg(long, default_value = "text")]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct Runbook {
    /// A database or a server of the config
    pub what: String,
    /// The target to restore to
    #[arg(long, value_name = "TARGET")]
    pub to: String,
    /// The newest snapshot at or before this time
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
}

#[derive(Debug, Args)]
pub struct Runs {
    /// How to print it
    #[arg(long, default_value = "text")]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct Show {
    /// A snapshot, a saved plan, or a run; the beginning of an id is enough
    pub what: String,
    /// How to print it
    #[arg(long, default_value = "text")]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct Snapshots {
    /// Only this database
    #[arg(long, value_name = "NAME")]
    pub database: Option<String>,
    /// Only this repository
    #[arg(long, value_name = "NAME")]
    pub repository: Option<String>,
    /// How to print it
    #[arg(long, default_value = "text")]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct Ls {
    /// A snapshot (the beginning of its id is enough), or a database for its newest
    pub snapshot: String,
    /// Only objects whose schema.name matches this glob
    pub pattern: Option<String>,
    /// How to print it
    #[arg(long, default_value = "text")]
    pub format: Format,
}

/// How rows are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RowsFormat {
    /// COPY text, as PostgreSQL reads it
    Copy,
    /// CSV with a header line
    Csv,
}

#[derive(Debug, Args)]
pub struct Cat {
    /// A snapshot (the beginning of its id is enough), or a database for its newest
    pub snapshot: String,
    /// schema.table
    pub table: String,
    /// How to print it
    #[arg(long, default_value = "copy")]
    pub format: RowsFormat,
}

/// How far to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VerifyLevel {
    /// Manifest, presence and sizes
    Quick,
    /// Every byte, every row's hash
    Full,
}

#[derive(Debug, Args)]
pub struct Verify {
    /// A snapshot (the beginning of its id is enough), or a database for its newest; all when none is given
    pub snapshot: Option<String>,
    /// How far to check
    #[arg(long, default_value = "full")]
    pub level: VerifyLevel,
    /// Workers
    #[arg(long, short = 'j', env = "DBB_JOBS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub jobs: Option<u32>,
    /// How to print it
    #[arg(long, default_value = "text")]
    pub format: Format,
}

/// How to print a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// Graphviz
    Dot,
    /// Mermaid
    Mermaid,
    /// JSON
    Json,
}

#[derive(Debug, Args)]
pub struct Graph {
    /// A runbook; the config's backups when none is given
    pub runbook: Option<String>,
    /// How to print it
    #[arg(long, default_value = "dot")]
    pub format: GraphFormat,
    /// Every step, however many there are
    #[arg(long)]
    pub full: bool,
    #[command(flatten)]
    pub planning: Planning,
}

#[derive(Debug, Args)]
pub struct Doctor {
    /// Only this server
    #[arg(long, value_name = "NAME")]
    pub server: Option<String>,
    /// How to print it
    #[arg(long, default_value = "text")]
    pub format: Format,
}

/// Which schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaName {
    /// Of the config
    Config,
    /// Of a runbook
    Runbook,
    /// Of a plan
    Plan,
    /// Of a report
    Report,
}

#[derive(Debug, Args)]
pub struct Schema {
    /// Which one
    pub name: SchemaName,
}

#[derive(Debug, Args)]
pub struct Unlock {
    /// The lock's id, as the error showed it
    pub id: String,
    /// Why it is safe; kept in the state's log
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

#[derive(Debug, Args)]
pub struct Explain {
    /// A code like DBB-PG-AUTH; all of them are listed when none is given
    pub code: Option<String>,
}

#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

fn duration(text: &str) -> Result<std::time::Duration, String> {
    crate::base::units::parse_duration(text)
}

fn compression(text: &str) -> Result<crate::model::desired::Compression, String> {
    use crate::model::desired::{Codec, Compression};
    let (codec, level) = match text.split_once(':') {
        Some((codec, level)) => (codec, Some(level.parse().map_err(|_| format!("\"{level}\" is not a level"))?)),
        None => (text, None),
    };
    let codec = match codec {
        "zstd" => Codec::Zstd,
        "gzip" => Codec::Gzip,
        "lz4" => Codec::Lz4,
        "xz" => Codec::Xz,
        "none" => Codec::None,
        other => return Err(format!("\"{other}\" is not a codec (zstd, gzip, lz4, xz, none)")),
    };
    Ok(Compression { codec, level })
}

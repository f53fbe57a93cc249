//! Floor 7: the command line. One file per command; views turn data into
//! text; nothing below this floor writes to a stream.

pub(crate) mod arguments;
mod commands;
mod output;
mod progress;
pub mod view;

use crate::app::environment::Environment;
use crate::app::registry::SystemClock;
use crate::app::{App, Problems};
use crate::apply::Interrupt;
use crate::error::{Error, Exit, code};
use crate::secret::Secrets;
use arguments::{Arguments, Command};
use clap::Parser;
use output::Output;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::sync::watch;

/// What a command works with.
pub(crate) struct Cli {
    /// The use cases' surroundings.
    pub app: App,
    /// Global options.
    pub global: arguments::Global,
    /// Where results go.
    pub output: Output,
    /// Ctrl+C.
    pub interrupt: watch::Receiver<Interrupt>,
}

/// How a command ends.
pub(crate) type Outcome = Result<Exit, Problems>;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // clap writes help to stdout and mistakes to stderr, and chooses 0 or 2
            let _ = error.print();
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    let output = Output::new(arguments.global.color);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output.errors(&[Error::bug("the runtime could not be started").cause(error.to_string())]);
            return ExitCode::from(Exit::Bug as u8);
        }
    };
    let exit = runtime.block_on(run(arguments, output));
    // a thread that waits for a terminal or a file must not hold the process up
    runtime.shutdown_background();
    ExitCode::from(exit as u8)
}

async fn run(arguments: Arguments, output: Output) -> Exit {
    progress::start_log(arguments.global.verbose, &output);
    let reporter = progress::reporter(&arguments.global, &output);
    let secrets = Arc::new(Secrets::new());
    let app = App {
        environment: Environment::read(),
        clock: Arc::new(SystemClock),
        secrets: secrets.clone(),
        reporter: reporter.clone(),
    };
    let cli = Cli { app, global: arguments.global, output: output.clone(), interrupt: listen() };
    let result = dispatch(&cli, arguments.command).await;
    reporter.finish();
    output.warnings(&secrets.take_warnings());
    match result {
        Ok(exit) => exit,
        Err(problems) => {
            output.errors(&problems);
            problems.first().map_or(Exit::Bug, |e| e.code().exit)
        }
    }
}

async fn dispatch(cli: &Cli, command: Command) -> Outcome {
    match command {
        Command::Init(a) => commands::init::run(cli, a).await,
        Command::Validate(a) => commands::validate::run(cli, a).await,
        Command::Plan(a) => commands::plan::run(cli, a).await,
        Command::Apply(a) => commands::apply::run(cli, a).await,
        Command::Resume(a) => commands::resume::run(cli, a).await,
        Command::Runbook(a) => commands::runbook::run(cli, a).await,
        Command::Runs(a) => commands::runs::run(cli, a).await,
        Command::Show(a) => commands::show::run(cli, a).await,
        Command::Snapshots(a) => commands::snapshots::run(cli, a).await,
        Command::Ls(a) => commands::ls::run(cli, a).await,
        Command::Cat(a) => commands::cat::run(cli, a).await,
        Command::Verify(a) => commands::verify::run(cli, a).await,
        Command::Graph(a) => commands::graph::run(cli, a).await,
        Command::Doctor(a) => commands::doctor::run(cli, a).await,
        Command::Schema(a) => commands::schema::run(cli, &a),
        Command::Unlock(a) => commands::unlock::run(cli, a).await,
        Command::Explain(a) => commands::explain::run(cli, &a),
        Command::Completions(a) => commands::completions::run(cli, &a),
    }
}

/// Listens for Ctrl+C and SIGTERM: the first asks to finish, the second to stop now.
fn listen() -> watch::Receiver<Interrupt> {
    let (sender, receiver) = watch::channel(Interrupt::None);
    tokio::spawn(async move {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
            return;
        };
        for wish in [Interrupt::Finish, Interrupt::Now] {
            tokio::select! {
                _ = int.recv() => {}
                _ = term.recv() => {}
            }
            let _ = sender.send(wish);
        }
        // keep the channel open: a closed one would look like a wish
        std::future::pending::<()>().await;
    });
    receiver
}

/// One problem as all problems.
pub(crate) fn one(error: Error) -> Problems {
    vec![error]
}

/// A mistake on the command line that clap cannot see.
pub(crate) fn usage(message: impl Into<String>) -> Error {
    Error::new(code::USAGE, message)
}

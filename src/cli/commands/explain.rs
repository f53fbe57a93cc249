//! `dbb explain`

use crate::cli::arguments::Explain;
use crate::cli::view;
use crate::cli::{Cli, Outcome, one, usage};
use crate::error::{Exit, code};

pub fn run(cli: &Cli, arguments: &Explain) -> Outcome {
    let Some(name) = &arguments.code else {
        let rows: Vec<Vec<String>> =
            code::ALL.iter().map(|c| vec![c.name.to_owned(), (c.exit as u8).to_string(), c.title.to_owned()]).collect();
        cli.output.result(&view::table::render(&["code", "exit", "what it is"], &rows, &cli.output.out));
        return Ok(Exit::Done);
    };
    match code::find(name) {
        Some(code) => {
            cli.output.result(&format!("{}\nExit status {}.\n", code.page.trim_end(), code.exit as u8));
            Ok(Exit::Done)
        }
        None => {
            let nearest = code::ALL
                .iter()
                .map(|c| (strsim::jaro_winkler(c.name, &name.to_ascii_uppercase()), c.name))
                .max_by(|a, b| a.0.total_cmp(&b.0));
            let error = usage(format!("there is no code \"{name}\""));
            Err(one(match nearest {
                Some((score, near)) if score > 0.7 => error.fix(format!("did you mean {near}?")),
                _ => error.fix("list all: dbb explain"),
            }))
        }
    }
}

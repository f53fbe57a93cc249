//! `dbb cat`

use crate::cli::arguments::{Cat, RowsFormat};
use crate::cli::commands::config;
use crate::cli::view;
use crate::cli::{Cli, Outcome, one};
use crate::error::Exit;
use std::io::Write;

pub async fn run(cli: &Cli, arguments: Cat) -> Outcome {
    let desired = config(cli)?;
    let rows = crate::app::cat::open(&desired, &arguments.snapshot, &arguments.table).await.map_err(one)?;
    let mut out = std::io::BufWriter::new(std::io::stdout());
    match arguments.format {
        // a reader that went away ends it: that is what `| head` does
        RowsFormat::Copy => rows.read(|piece| out.write_all(piece).is_ok()).await.map_err(one)?,
        RowsFormat::Csv => {
            let mut csv = view::csv::Csv::default();
            let mut text = Vec::new();
            csv.header(&rows.table.columns, &mut text);
            let mut open = out.write_all(&text).is_ok();
            if open {
                rows.read(|piece| {
                    text.clear();
                    csv.push(piece, &mut text);
                    open = out.write_all(&text).is_ok();
                    open
                })
                .await
                .map_err(one)?;
            }
        }
    }
    let _ = out.flush();
    Ok(Exit::Done)
}

//! Single values: durations, globs, schedules, levels, names of databases.

use super::{At, Context};
use crate::base::units;
use crate::config::raw::defaults::{RawCompression, RawSchedule};
use crate::config::shape::short;
use crate::error::code;
use crate::model::desired::{Codec, Compression, Schedule};
use std::time::Duration;

/// Longest wait that can be configured: a wait without end is none.
const WAIT_MAX: Duration = Duration::from_secs(7 * 86_400);
/// Longest text that can be a duration or a glob.
const TEXT_BYTES_MAX: usize = 1024;
/// PostgreSQL cuts names after this many bytes.
const NAME_BYTES_MAX: usize = 63;

/// A duration from 1 ms to 7 days.
pub fn duration(text: Option<&str>, at: &At<'_>, context: &mut Context<'_>) -> Option<Duration> {
    let text = text?;
    let parsed = match text.len() {
        0..=64 => units::parse_duration(text),
        _ => Err(format!("\"{}\" is not a duration like 30s, 5m, 24h or 7d", short(text))),
    };
    let problem = match parsed {
        Ok(value) if value.is_zero() => at
            .error(code::CONFIG_VALUE, format!("{} cannot be zero", at.name()), "no time at all")
            .fix("remove the key for the default"),
        Ok(value) if value > WAIT_MAX => at
            .error(code::CONFIG_VALUE, format!("{} cannot be more than 7d", at.name()), "too long")
            .fix("give a shorter time: every wait has an end"),
        Ok(value) => return Some(value),
        Err(message) => at
            .error(code::CONFIG_VALUE, format!("{}: {message}", at.name()), "not a duration")
            .fix("write a number and a unit: 500ms, 30s, 5m, 24h, 7d or 1h30m"),
    };
    context.findings.problem(problem);
    None
}

/// Checks one glob; true when it is one.
pub fn glob(pattern: &str, at: &At<'_>, context: &mut Context<'_>) -> bool {
    let built = match pattern.len() {
        0 => Err("it is empty".to_owned()),
        1..=TEXT_BYTES_MAX => globset::Glob::new(pattern).map(|_| ()).map_err(|error| error.kind().to_string()),
        _ => Err("it is too long".to_owned()),
    };
    let Err(cause) = built else { return true };
    let problem = at
        .error(code::CONFIG_VALUE, format!("\"{}\" is not a pattern", short(pattern)), "not a pattern")
        .cause(cause)
        .fix("use * for any characters, ? for one, [ab] for one of several, {x,y} for alternatives");
    context.findings.problem(problem);
    false
}

/// Globs over `schema.table`; those that are none are left out.
pub fn table_globs(patterns: Option<Vec<String>>, at: &At<'_>, context: &mut Context<'_>) -> Vec<String> {
    let mut good = Vec::new();
    for (index, pattern) in patterns.unwrap_or_default().into_iter().enumerate() {
        let at = At { document: at.document, pointer: format!("{}/{index}", at.pointer) };
        if !glob(&pattern, &at, context) {
            continue;
        }
        if !pattern.contains(['.', '*', '{']) {
            let shown = short(&pattern);
            let problem = at
                .error(code::CONFIG_VALUE, format!("\"{shown}\" has no schema"), "no schema")
                .fix(format!("write \"public.{shown}\", or \"*.{shown}\" for every schema"));
            context.findings.problem(problem);
            continue;
        }
        good.push(pattern);
    }
    good
}

/// Globs over plain names; those that are none are left out.
pub fn globs(patterns: Option<Vec<String>>, at: &At<'_>, context: &mut Context<'_>) -> Vec<String> {
    let mut good = Vec::new();
    for (index, pattern) in patterns.unwrap_or_default().into_iter().enumerate() {
        let at = At { document: at.document, pointer: format!("{}/{index}", at.pointer) };
        if glob(&pattern, &at, context) {
            good.push(pattern);
        }
    }
    good
}

/// A schedule.
pub fn schedule(raw: Option<RawSchedule>, at: &At<'_>, context: &mut Context<'_>) -> Option<Schedule> {
    let raw = raw?;
    let timezone = raw.timezone.unwrap_or_else(|| "UTC".to_owned());
    let mut is_good = true;
    if jiff::tz::TimeZone::get(&timezone).is_err() {
        is_good = false;
        let problem = at
            .key("timezone")
            .error(code::CONFIG_VALUE, format!("there is no time zone \"{}\"", short(&timezone)), "no such time zone")
            .fix("use a name of the IANA list: UTC, Europe/Berlin, America/New_York");
        context.findings.problem(problem);
    }
    let cron = raw.cron?;
    if let Err(cause) = cron_pattern(&cron) {
        is_good = false;
        let problem = at
            .key("cron")
            .error(code::CONFIG_VALUE, format!("\"{}\" is not a schedule", short(&cron)), "not a schedule")
            .cause(cause)
            .fix(
                "write five fields: minute hour day-of-month month day-of-week, e.g. \"0 2 * * *\" for daily at 02:00",
            );
        context.findings.problem(problem);
    }
    is_good.then_some(Schedule { cron, timezone })
}

fn cron_pattern(text: &str) -> Result<(), String> {
    let fields = text.split_whitespace().count();
    if fields != 5 && !text.trim_start().starts_with('@') {
        let has = if fields == 1 { "1 field".to_owned() } else { format!("{fields} fields") };
        return Err(format!("it has {has} instead of 5"));
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err("it is too long".to_owned());
    }
    croner::parser::CronParser::builder()
        .seconds(croner::parser::Seconds::Disallowed)
        .year(croner::parser::Year::Disallowed)
        .build()
        .parse(text)
        .map(|_| ())
        .map_err(|error| error.to_string().trim_end_matches('.').to_owned())
}

/// Codec and level.
pub fn compression(raw: Option<RawCompression>, at: &At<'_>, context: &mut Context<'_>) -> Option<Compression> {
    let raw = raw?;
    let codec = raw.codec?;
    let (name, range) = match codec {
        Codec::Zstd => ("zstd", Some(1..=22)),
        Codec::Gzip => ("gzip", Some(1..=9)),
        Codec::Xz => ("xz", Some(0..=9)),
        Codec::Lz4 => ("lz4", None),
        Codec::None => ("none", None),
    };
    let problem = match (raw.level, range) {
        (Some(level), Some(range)) if !range.contains(&level) => at
            .key("level")
            .error(
                code::CONFIG_VALUE,
                format!("{name} has no level {level}: its levels are {} to {}", range.start(), range.end()),
                "no such level",
            )
            .fix(format!("give a level from {} to {}", range.start(), range.end())),
        (Some(_), None) => at
            .key("level")
            .error(code::CONFIG_VALUE, format!("the codec {name} has no levels"), "no levels here")
            .fix("remove the level"),
        _ => return Some(Compression { codec, level: raw.level }),
    };
    context.findings.problem(problem);
    None
}

/// True when `name` can be the name of a database or role; else says so.
pub fn identifier(name: &str, what: &str, at: &At<'_>, context: &mut Context<'_>) -> bool {
    let cause = match name {
        "" => "it is empty",
        _ if name.len() > NAME_BYTES_MAX => "PostgreSQL names have at most 63 bytes",
        _ if name.contains('\0') => "it holds a zero byte",
        _ => return true,
    };
    let problem = at
        .error(code::CONFIG_VALUE, format!("\"{}\" cannot be the name of a {what}", short(name)), "not a name")
        .cause(cause)
        .fix(format!("give the name of the {what} as the server has it"));
    context.findings.problem(problem);
    false
}

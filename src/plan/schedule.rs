//! When a backup is due: cron expressions on the clock of a time zone.
//!
//! A fixed hour that a zone's clock shows twice runs once, one that it skips
//! runs when the clock goes on (croner, after vixie cron).

use crate::base::units;
use crate::error::{Error, Result, code};
use crate::model::desired::Schedule;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::Zoned;
use jiff::tz::TimeZone;
use std::time::Duration;

/// Whether a backup is due, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// True when it is.
    pub due: bool,
    /// Why, in one line.
    pub reason: String,
}

/// Whether a database whose newest snapshot is of `last` is due at `now`.
///
/// # Errors
/// `DBB-CONFIG-VALUE` for a schedule that cannot be read.
pub fn due(schedule: Option<&Schedule>, last: Option<Timestamp>, now: Timestamp, asked: bool) -> Result<Due> {
    let Some(last) = last else {
        return Ok(Due { due: true, reason: "due: never backed up".into() });
    };
    let age = age(last, now);
    if asked {
        return Ok(Due { due: true, reason: format!("due: asked for with --now, {age} old") });
    }
    let Some(schedule) = schedule else {
        return Ok(Due { due: false, reason: format!("not due: {age} old, no schedule (--now takes one anyway)") });
    };
    let (cron, zone) = parse(schedule)?;
    let here = now.to_zoned(zone.clone());
    let before = cron.find_previous_occurrence(&here, true).map_err(|error| bad(schedule, &error))?;
    let words = describe(schedule);
    if last < before.timestamp() {
        return Ok(Due { due: true, reason: format!("due: {age} old, schedule {words}") });
    }
    let next = cron.find_next_occurrence(&here, false).map_err(|error| bad(schedule, &error))?;
    Ok(Due { due: false, reason: format!("not due: next {} {}", minute(&next), schedule.timezone) })
}

/// How old something is, in words.
pub fn age(then: Timestamp, now: Timestamp) -> String {
    let seconds = u64::try_from(now.as_second() - then.as_second()).unwrap_or(0);
    match seconds {
        // "26h" tells more than "1d2h" where days are counted in backups
        3600..172_800 => format!("{}h", seconds / 3600),
        _ => units::duration(Duration::from_secs(seconds)),
    }
}

fn minute(time: &Zoned) -> String {
    time.strftime("%Y-%m-%dT%H:%M").to_string()
}

fn parse(schedule: &Schedule) -> Result<(Cron, TimeZone)> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let cron = parser.parse(&schedule.cron).map_err(|error| bad(schedule, &error))?;
    let zone = TimeZone::get(&schedule.timezone).map_err(|error| bad(schedule, &error))?;
    Ok((cron, zone))
}

fn bad(schedule: &Schedule, cause: &dyn std::fmt::Display) -> Error {
    Error::new(code::CONFIG_VALUE, format!("the schedule \"{}\" in {} has no times", schedule.cron, schedule.timezone))
        .cause(cause.to_string())
        .fix("write five fields: minute, hour, day of month, month, day of week, for example \"0 2 * * *\"")
        .fix("write an IANA time zone, for example Europe/Berlin or UTC")
}

/// A schedule in words: `daily 02:00 Europe/Berlin`; the expression itself where words fail.
pub fn describe(schedule: &Schedule) -> String {
    let fields: Vec<&str> = schedule.cron.split_whitespace().collect();
    let number = |text: &str| text.parse::<u8>().ok();
    let words = match fields[..] {
        [minute, hour, "*", "*", day] => match (number(minute), number(hour), number(day), hour, day) {
            (Some(minute), Some(hour), _, _, "*") => Some(format!("daily {hour:02}:{minute:02}")),
            (Some(minute), Some(hour), Some(day), _, _) if day <= 7 => {
                let names = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
                Some(format!("weekly {} {hour:02}:{minute:02}", names[usize::from(day)]))
            }
            (Some(minute), None, _, "*", "*") => Some(format!("hourly at :{minute:02}")),
            _ => None,
        },
        _ => None,
    };
    format!("{} {}", words.unwrap_or_else(|| format!("\"{}\"", schedule.cron)), schedule.timezone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cron: &str, zone: &str, last: &str, now: &str) -> (bool, String) {
        let schedule = Schedule { cron: cron.into(), timezone: zone.into() };
        let due = due(Some(&schedule), Some(last.parse().unwrap()), now.parse().unwrap(), false).unwrap();
        (due.due, due.reason)
    }

    #[test]
    fn due_from_the_scheduled_minute_on() {
        let (due, reason) = check("0 2 * * *", "Europe/Berlin", "2026-11-19T00:30:00Z", "2026-11-20T00:59:59Z");
        assert!(due, "{reason}");
        let (due, reason) = check("0 2 * * *", "Europe/Berlin", "2026-11-19T01:00:01Z", "2026-11-20T00:59:59Z");
        assert_eq!((due, reason.as_str()), (false, "not due: next 2026-11-20T02:00 Europe/Berlin"));
        let (due, reason) = check("0 2 * * *", "Europe/Berlin", "2026-11-19T01:00:01Z", "2026-11-20T03:00:01Z");
        assert_eq!((due, reason.as_str()), (true, "due: 26h old, schedule daily 02:00 Europe/Berlin"));
    }

    #[test]
    fn an_hour_shown_twice_runs_once() {
        // Berlin, 2026-10-25: 02:30 is 00:30Z and again 01:30Z
        let (due, _) = check("30 2 * * *", "Europe/Berlin", "2026-10-24T00:31:00Z", "2026-10-25T00:30:00Z");
        assert!(due);
        let (due, reason) = check("30 2 * * *", "Europe/Berlin", "2026-10-25T00:31:00Z", "2026-10-25T01:31:00Z");
        assert_eq!((due, reason.as_str()), (false, "not due: next 2026-10-26T02:30 Europe/Berlin"));
    }

    #[test]
    fn an_hour_that_is_skipped_does_not_lose_the_day() {
        // Berlin, 2026-03-29: 02:00 to 03:00 does not exist; 03:00 is 01:00Z
        let (due, _) = check("30 2 * * *", "Europe/Berlin", "2026-03-28T01:31:00Z", "2026-03-29T00:59:00Z");
        assert!(!due);
        let (due, reason) = check("30 2 * * *", "Europe/Berlin", "2026-03-28T01:31:00Z", "2026-03-29T02:00:00Z");
        assert!(due, "{reason}");
    }

    #[test]
    fn twice_a_day_and_never_and_without_a_schedule() {
        let (due, _) = check("0 2,14 * * *", "UTC", "2026-05-01T02:05:00Z", "2026-05-01T14:00:00Z");
        assert!(due);
        let (due, _) = check("0 2,14 * * *", "UTC", "2026-05-01T02:05:00Z", "2026-05-01T13:59:00Z");
        assert!(!due);
        let now: Timestamp = "2026-05-01T14:00:00Z".parse().unwrap();
        assert!(super::due(None, None, now, false).unwrap().due);
        assert!(!super::due(None, Some(now), now, false).unwrap().due);
        assert!(super::due(None, Some(now), now, true).unwrap().due);
    }

    #[test]
    fn schedules_in_words() {
        let words = |cron: &str| describe(&Schedule { cron: cron.into(), timezone: "UTC".into() });
        assert_eq!(words("5 2 * * *"), "daily 02:05 UTC");
        assert_eq!(words("0 2 * * 0"), "weekly Sunday 02:00 UTC");
        assert_eq!(words("15 * * * *"), "hourly at :15 UTC");
        assert_eq!(words("0 2 1 * *"), "\"0 2 1 * *\" UTC");
    }
}

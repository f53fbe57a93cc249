//! A plan on disk: `{"digest": ..., "plan": {...}}`, and what it is checked against
//! before it is carried out.

use crate::base::digest::Digest;
use crate::error::{Error, Result, code};
use crate::model::desired::Desired;
use crate::model::observed::Observed;
use crate::model::plan::{Fingerprint, Plan, PlanKind};
use crate::plan::backup::{database_fingerprint, server_fingerprint};
use crate::plan::restore::fingerprints_of;
use crate::port::engine::Preflight;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Saved<'a> {
    digest: &'a str,
    plan: &'a Plan,
}

/// The bytes of a saved plan, and its digest (BLAKE3 over the plan's compact JSON).
///
/// # Errors
/// `DBB-BUG` when it cannot be written as JSON.
pub fn save(plan: &Plan) -> Result<(Vec<u8>, String)> {
    let digest = digest(plan)?;
    let mut bytes = serde_json::to_vec(&Saved { digest: &digest, plan }).map_err(|error| unwritable(&error))?;
    bytes.push(b'\n');
    Ok((bytes, digest))
}

/// The digest of a plan: equal plans, equal digests.
///
/// # Errors
/// `DBB-BUG` when it cannot be written as JSON.
pub fn digest(plan: &Plan) -> Result<String> {
    let bytes = serde_json::to_vec(plan).map_err(|error| unwritable(&error))?;
    Ok(Digest::of(&bytes).to_string())
}

fn unwritable(error: &serde_json::Error) -> Error {
    Error::bug("a plan could not be written as JSON").cause(error.to_string())
}

/// Reads a saved plan and proves that nobody changed it.
///
/// # Errors
/// `DBB-PLAN-FORMAT`, `DBB-PLAN-TAMPERED`
pub fn load(bytes: &[u8]) -> Result<Plan> {
    let mut value: Value = serde_json::from_slice(bytes)
        .map_err(|error| format("the file is not a saved plan").cause(format!("it is not JSON: {error}")))?;
    let written = value.get("digest").and_then(Value::as_str).map(str::to_owned);
    let (Some(written), Some(plan)) = (written, value.get_mut("plan").map(Value::take)) else {
        return Err(format("the file is not a saved plan").cause("it has no \"digest\" or no \"plan\""));
    };
    check_format(&plan)?;
    // what was read is compared as it stands, so that no key that dbb does not know slips through
    let plain = serde_json::to_vec(&plan).map_err(|error| unwritable(&error))?;
    if Digest::of(&plain).to_string() != written {
        return Err(Error::new(code::PLAN_TAMPERED, "the saved plan was changed after it was written")
            .cause("its contents do not have the digest that stands in it")
            .fix("make a new plan: dbb plan -o FILE")
            .fix("find out who changed it: a plan is reviewed as it was written"));
    }
    serde_json::from_value(plan).map_err(|error| format("the saved plan cannot be read").cause(error.to_string()))
}

fn format(message: &str) -> Error {
    Error::new(code::PLAN_FORMAT, message).fix("make a new plan with this dbb: dbb plan -o FILE")
}

fn check_format(plan: &Value) -> Result<()> {
    let name = plan.get("format").and_then(Value::as_str).unwrap_or_default();
    if name != crate::plan::FORMAT {
        return Err(format("the file is not a saved plan").cause(format!("its format is \"{name}\"")));
    }
    match plan.get("version").and_then(Value::as_u64) {
        Some(version) if version == u64::from(crate::plan::VERSION) => Ok(()),
        version => {
            let version = version.map_or("none".into(), |version| version.to_string());
            let by = plan.get("dbb").and_then(Value::as_str).unwrap_or("another dbb");
            Err(format("the saved plan is of another version of dbb").cause(format!(
                "its format has version {version}, written by dbb {by}; this is dbb {} with version {}",
                env!("CARGO_PKG_VERSION"),
                crate::plan::VERSION
            )))
        }
    }
}

/// Refuses a plan that is too old.
///
/// # Errors
/// `DBB-PLAN-EXPIRED`
pub fn check_age(plan: &Plan, now: Timestamp) -> Result<()> {
    if now <= plan.expires {
        return Ok(());
    }
    Err(Error::new(code::PLAN_EXPIRED, "the saved plan is too old")
        .cause(format!("it was made at {} and could be applied until {}; it is {now}", plan.created, plan.expires))
        .fix("make a new plan and review it: dbb plan -o FILE"))
}

/// Refuses a plan that was made from another config.
///
/// # Errors
/// `DBB-PLAN-STALE`
pub fn check_config(plan: &Plan, desired: &Desired) -> Result<()> {
    if plan.config_digest == desired.digest {
        return Ok(());
    }
    Err(Error::new(code::PLAN_STALE, "the config changed since the plan was made")
        .cause(format!(
            "the plan was made from {}, {} is now {}",
            short(&plan.config_digest),
            desired.file.display(),
            short(&desired.digest)
        ))
        .fix("make a new plan from the config as it is now: dbb plan -o FILE")
        .fix("or check out the config that the plan was made from"))
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

/// Refuses a plan when something that it read has moved, naming each such thing.
///
/// # Errors
/// `DBB-PLAN-STALE`
pub fn check_world(plan: &Plan, fresh: &[Fingerprint]) -> Result<()> {
    let now: BTreeMap<&str, &Fingerprint> = fresh.iter().map(|one| (one.resource.0.as_str(), one)).collect();
    let mut error = Error::new(code::PLAN_STALE, "the world moved since the plan was made");
    let mut stale = false;
    for seen in &plan.fingerprints {
        let found = now.get(seen.resource.0.as_str());
        if found.is_some_and(|found| found.digest == seen.digest) {
            continue;
        }
        stale = true;
        let is = found.map_or("not there any more", |found| found.seen.as_str());
        error = error.cause(format!("{}: {} -> {is}", seen.resource, seen.seen));
    }
    match stale {
        true => Err(error.fix("make a new plan and review what changed: dbb plan -o FILE")),
        false => Ok(()),
    }
}

/// What the resources of a plan look like now: one fingerprint for each that the plan has.
/// `preflights` by the key of the restore.
///
/// # Errors
/// Why a server or repository could not be looked at.
pub fn fingerprints(
    desired: &Desired,
    plan: &Plan,
    observed: &Observed,
    preflights: &[(String, Preflight)],
) -> Result<Vec<Fingerprint>> {
    let mut fresh = Vec::new();
    for name in plan.servers.keys() {
        match observed.servers.get(name) {
            Some(Ok(server)) => fresh.push(server_fingerprint(name, server)),
            Some(Err(failure)) => return Err(failure.clone().into()),
            None => {}
        }
    }
    match plan.kind {
        PlanKind::Backup => databases(desired, plan, observed, &mut fresh)?,
        PlanKind::Restore => restores(plan, observed, preflights, &mut fresh)?,
    }
    Ok(fresh)
}

fn databases(desired: &Desired, plan: &Plan, observed: &Observed, fresh: &mut Vec<Fingerprint>) -> Result<()> {
    for fingerprint in plan.fingerprints.iter().filter(|one| one.resource.0.starts_with("database.")) {
        let name = fingerprint.resource.name();
        // a database that a pattern found has no entry of its own: any of the plan's repositories may hold it
        let own = desired.databases.get(name).map(|spec| spec.repository.as_str());
        let mut last = None;
        for (repository, state) in &observed.repositories {
            if own.is_some_and(|own| own != repository) {
                continue;
            }
            let state = state.as_ref().map_err(|failure| Error::from(failure.clone()))?;
            let snapshots =
                state.snapshots.iter().filter(|header| header.database == name && header.taken <= observed.now);
            last = last.into_iter().chain(snapshots).max_by(|a, b| (a.taken, &a.id).cmp(&(b.taken, &b.id)));
        }
        fresh.push(database_fingerprint(name, last));
    }
    Ok(())
}

fn restores(
    plan: &Plan,
    observed: &Observed,
    preflights: &[(String, Preflight)],
    fresh: &mut Vec<Fingerprint>,
) -> Result<()> {
    for (key, preflight) in preflights {
        let Some(spec) = plan.restores.get(key) else { continue };
        let Some(state) = observed.repositories.get(&spec.repository) else { continue };
        let state = state.as_ref().map_err(|failure| Error::from(failure.clone()))?;
        let header = state.snapshots.iter().find(|one| one.database == spec.database && one.id == spec.snapshot);
        if let Some(header) = header {
            fresh.extend(fingerprints_of(spec, header, preflight));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::restore::fixture::{BIG, Maker, desired, input, plan_of};

    fn plan() -> Plan {
        let mut maker = Maker::new();
        maker.table("items", BIG, 1);
        plan_of(&[input("orders", maker.catalog)])
    }

    #[test]
    fn a_saved_plan_comes_back_as_it_was() {
        let (bytes, digest) = save(&plan()).unwrap();
        assert_eq!(load(&bytes).unwrap(), plan());
        assert_eq!(digest, super::digest(&plan()).unwrap());
    }

    #[test]
    fn any_change_is_noticed() {
        let (bytes, _) = save(&plan()).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        for (from, to) in [
            ("\"jobs\":4", "\"jobs\":5"),
            ("\"replace\":false", "\"replace\":true"),
            ("\"plan\":{", "\"plan\":{\"x\":1,"),
        ] {
            assert!(text.contains(from), "{from}");
            let error = load(text.replacen(from, to, 1).as_bytes()).unwrap_err();
            assert_eq!(error.code().name, "DBB-PLAN-TAMPERED", "{from}");
        }
        let other = text.replace("\"version\":1", "\"version\":2");
        assert_eq!(load(other.as_bytes()).unwrap_err().code().name, "DBB-PLAN-FORMAT");
        for bytes in [&b"not json"[..], b"{}", b"[1]", b"{\"digest\":\"\",\"plan\":null}"] {
            assert_eq!(load(bytes).unwrap_err().code().name, "DBB-PLAN-FORMAT");
        }
    }

    #[test]
    fn age_config_and_world_are_checked() {
        let plan = plan();
        assert!(check_age(&plan, plan.created).is_ok());
        let late = crate::plan::expiry(plan.expires, std::time::Duration::from_secs(1));
        assert_eq!(check_age(&plan, late).unwrap_err().code().name, "DBB-PLAN-EXPIRED");
        let mut config = desired();
        assert!(check_config(&plan, &config).is_ok());
        config.digest = "other".into();
        assert_eq!(check_config(&plan, &config).unwrap_err().code().name, "DBB-PLAN-STALE");

        assert!(check_world(&plan, &plan.fingerprints).is_ok());
        let mut moved = plan.fingerprints.clone();
        let target = moved.iter_mut().find(|one| one.resource.0 == "target.pg2/orders").unwrap();
        target.digest = "other".into();
        target.seen = "exists".into();
        moved.retain(|one| !one.resource.0.starts_with("snapshot."));
        let error = check_world(&plan, &moved).unwrap_err();
        assert_eq!(
            error.causes(),
            [
                "snapshot.orders/20261120T020000Z-orders: 0 objects, 0 bytes stored -> not there any more",
                "target.pg2/orders: empty -> exists"
            ]
        );
    }
}

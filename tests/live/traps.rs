//! The traps of `fixtures/`: captured, restored to other servers, compared, asked.
//!
//! Each fixture is one test, for three pairs of servers: 15 to 15, 15 to 18, 18 to 18. What fails in
//! one pair does not keep the others from being tried; the test's name and the pair say where.

mod fixture;
mod world;

use std::collections::BTreeSet;

use fixture::Fixture;
use world::World;

/// Majors of source and target.
const PAIRS: [(u32, u32); 3] = [(15, 15), (15, 18), (18, 18)];

macro_rules! traps {
    ($($name:ident),+ $(,)?) => {
        const NAMES: &[&str] = &[$(stringify!($name)),+];
        $(#[test] fn $name() { run(stringify!($name)); })+
    };
}

traps! {
    pg01_sequences, pg02_identity, pg03_generated_columns, pg04_names, pg05_partitions, pg06_partitioned_indexes,
    pg07_inheritance, pg08_freeze_truncate, pg09_materialized_views, pg10_views_on_primary_keys, pg11_search_path,
    pg12_check_functions, pg13_foreign_key_cycles, pg14_constraint_states, pg15_exclusion, pg16_indexes_and_keys,
    pg17_triggers, pg18_event_triggers, pg19_row_level_security, pg20_extension_members, pg21_extension_versions,
    pg22_large_objects, pg23_oid_columns, pg24_huge_values, pg25_binary_types, pg26_extremes, pg27_encodings,
    pg28_collations, pg29_acls, pg30_role_memberships, pg31_ownership, pg32_database_properties, pg33_passwords,
    pg34_tablespaces_unlogged, pg35_foreign_tables, pg36_publications, pg37_table_options, pg38_types,
    pg39_programmables, pg40_comments, pg41_object_identity, pg42_statistics, pg43_queued_lock, pg44_standby,
    pg45_transaction_pooler, pg46_versions, pg47_hostile_content, pg48_bank_transfer, pg49_concurrent_ddl,
    pg50_copy_escapes, pg51_attribute_version, pg52_role_all_settings, pg53_database_settings, pg54_invalid_indexes,
}

fn run(name: &str) {
    let fixture = Fixture::read(name);
    let mut failures = Vec::new();
    for (source, targets) in captures(&fixture) {
        let same_major = targets == [source];
        let world = World::capture(&fixture, source, same_major);
        failures.extend(world.capture_failure().map(|what| format!("=== {name} on {source}: not captured\n{what}")));
        for target in targets {
            let found = world.restore_and_compare(target);
            failures.extend(found.map(|what| format!("=== {name} from {source} to {target}\n{what}")));
        }
    }
    assert!(failures.is_empty(), "{}\n\nthe trap: {}", failures.join("\n\n"), fixture.notes);
}

/// Majors of the sources to capture, each with those of the targets to restore to: one capture serves
/// several targets where the content is the same.
fn captures(fixture: &Fixture) -> Vec<(u32, Vec<u32>)> {
    let mut captures: Vec<(u32, Vec<u32>)> = Vec::new();
    for (source, target) in PAIRS.into_iter().filter(|&(source, target)| fixture.runs(source, target)) {
        match captures.last_mut() {
            Some((last, targets)) if *last == source && !fixture.differs_by_target() => targets.push(target),
            _ => captures.push((source, vec![target])),
        }
    }
    captures
}

#[test]
fn traps_are_all_there() {
    let listed: BTreeSet<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(listed, fixture::folders(), "the list of traps.rs and the folders of fixtures/ differ");
    let numbers: Vec<u32> = listed.iter().map(|name| Fixture::read(name).trap).collect();
    assert_eq!(numbers, (1..=54).collect::<Vec<u32>>(), "one fixture per number, in the order of the names");
    for name in &listed {
        assert_eq!(name[2..4].parse(), Ok(Fixture::read(name).trap), "{name}");
    }
}

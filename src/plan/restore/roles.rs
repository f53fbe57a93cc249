//! Roles and memberships, once for the whole target.

use crate::model::catalog::{Membership, Role};
use crate::model::desired::{RoleMode, RolePolicy};
use crate::model::step::{Action, RestoreAction, Step};
use crate::plan::graph::{Builder, Node};
use crate::plan::restore::RestoreInput;
use std::collections::{BTreeMap, BTreeSet};

/// The unit of all roles.
pub const UNIT: &str = "roles";

/// What becomes of a role on the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleChange {
    /// It is created.
    Create,
    /// It is made equal: what differs, in words.
    Alter(Vec<String>),
    /// Nothing.
    Keep,
}

/// A role of the snapshots and what becomes of it.
#[derive(Clone, Debug)]
pub struct PlannedRole<'a> {
    /// The role as the snapshot has it.
    pub role: &'a Role,
    /// Its name on the target.
    pub target_name: String,
    /// What becomes of it.
    pub change: RoleChange,
    /// Index of the input that it comes from.
    input: usize,
}

/// Steps of roles.
#[derive(Default)]
pub struct RoleSteps {
    /// By name in the snapshot.
    pub roles: BTreeMap<String, Node>,
    /// Memberships.
    pub memberships: Vec<Node>,
    /// What holds for the whole server.
    pub server_settings: Vec<Node>,
}

/// What a snapshot brings that holds for the whole server.
#[derive(Clone, Debug)]
pub struct PlannedSettings {
    /// Whether settings for every role are set: only when all roles are made equal, for they bend roles and
    /// databases of the target that the snapshot knows nothing of.
    pub settings: bool,
    /// Names in the snapshot of roles that get privileges on configuration parameters: those that are made or changed.
    pub roles: Vec<String>,
    /// In words.
    pub lines: Vec<String>,
    /// Index of the input that it comes from.
    input: usize,
}

/// Settings for every role, and privileges on configuration parameters; the newest snapshot's come last, so that
/// they count. A snapshot that brings nothing new is left out.
pub fn decide_settings(inputs: &[RestoreInput], policy: &RolePolicy, planned: &[PlannedRole]) -> Vec<PlannedSettings> {
    let touched = |name: &str| planned.iter().any(|role| role.role.name == name && role.change != RoleChange::Keep);
    let name_of = |name: &str| policy.map.get(name).map_or(name, String::as_str).to_owned();
    let settings = policy.mode == RoleMode::All;
    let mut said: BTreeSet<String> = BTreeSet::new();
    let mut names: BTreeSet<&str> = BTreeSet::new();
    let mut out = Vec::new();
    for input in newest_first(inputs) {
        let catalog = &inputs[input].catalog;
        let mut lines = Vec::new();
        for (name, _) in catalog.server_settings.iter().filter(|_| settings) {
            if names.insert(name) {
                lines.push(format!("{name} for all roles"));
            }
        }
        let mut roles: BTreeSet<&str> = BTreeSet::new();
        for (parameter, grant) in &catalog.parameter_grants {
            let grantee = match grant.grantee.as_str() {
                "" if settings => "PUBLIC".to_owned(),
                name if touched(name) => {
                    roles.insert(name);
                    name_of(name)
                }
                _ => continue,
            };
            let line = format!("{} on {parameter} to {grantee}", grant.privilege);
            if said.insert(format!("{line} {} {}", grant.grantable, grant.grantor)) {
                lines.push(line);
            }
        }
        if !lines.is_empty() {
            let roles = roles.into_iter().map(str::to_owned).collect();
            out.push(PlannedSettings { settings, roles, lines, input });
        }
    }
    out.reverse();
    out
}

/// Decides about every role of all snapshots, by name. Of several snapshots that know a role, the newest counts.
pub fn decide<'a>(inputs: &'a [RestoreInput], policy: &RolePolicy, existing: &[Role]) -> Vec<PlannedRole<'a>> {
    let mut newest: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, input) in inputs.iter().enumerate() {
        for role in &input.catalog.roles {
            let at = newest.entry(&role.name).or_insert(index);
            if inputs[*at].chosen.header.taken < input.chosen.header.taken {
                *at = index;
            }
        }
    }
    newest
        .into_iter()
        .filter_map(|(name, input)| {
            let role = inputs[input].catalog.roles.iter().find(|role| role.name == name)?;
            let target_name = policy.map.get(name).map_or(name, String::as_str).to_owned();
            let there = existing.iter().find(|role| role.name == target_name);
            let change = match (policy.mode, there) {
                (RoleMode::None, _) | (RoleMode::CreateMissing, Some(_)) => RoleChange::Keep,
                (_, None) => RoleChange::Create,
                (RoleMode::All, Some(there)) => RoleChange::Alter(differences(there, role)),
            };
            Some(PlannedRole { role, target_name, change, input })
        })
        .collect()
}

/// What differs, as `CONNECTION LIMIT 5 -> 10`. Password hashes are not looked at.
fn differences(there: &Role, wanted: &Role) -> Vec<String> {
    let mut out = Vec::new();
    let flags = [
        ("SUPERUSER", there.superuser, wanted.superuser),
        ("INHERIT", there.inherit, wanted.inherit),
        ("CREATEROLE", there.create_role, wanted.create_role),
        ("CREATEDB", there.create_db, wanted.create_db),
        ("LOGIN", there.login, wanted.login),
        ("REPLICATION", there.replication, wanted.replication),
        ("BYPASSRLS", there.bypass_rls, wanted.bypass_rls),
    ];
    for (word, is, will) in flags {
        if is != will {
            out.push(if will { format!("NO{word} -> {word}") } else { format!("{word} -> NO{word}") });
        }
    }
    if there.connection_limit != wanted.connection_limit {
        out.push(format!("CONNECTION LIMIT {} -> {}", there.connection_limit, wanted.connection_limit));
    }
    if there.valid_until != wanted.valid_until {
        let word = |until: &Option<String>| until.clone().unwrap_or_else(|| "none".into());
        out.push(format!("VALID UNTIL {} -> {}", word(&there.valid_until), word(&wanted.valid_until)));
    }
    if there.settings != wanted.settings {
        out.push("settings".into());
    }
    if there.comment != wanted.comment {
        out.push("comment".into());
    }
    out
}

/// Adds the steps: roles, then memberships, each after those that give its grantor the right to grant.
pub fn add(builder: &mut Builder, inputs: &[RestoreInput], planned: &[PlannedRole], server: &str) -> RoleSteps {
    let mut steps = RoleSteps::default();
    for (order, role) in planned.iter().enumerate().filter(|(_, role)| role.change != RoleChange::Keep) {
        let name = &role.role.name;
        let action = RestoreAction::Role { role: name.clone() };
        let step = step(inputs, role.input, server, ("role", name), action, order);
        steps.roles.insert(name.clone(), builder.add(step));
    }
    let touched: BTreeSet<&str> = steps.roles.keys().map(String::as_str).collect();
    let mut granted: Vec<(&Membership, Node)> = Vec::new();
    for (input, index, membership) in memberships(inputs, planned) {
        let new = touched.contains(membership.role.as_str()) || touched.contains(membership.member.as_str());
        if !new || granted.iter().any(|(other, _)| same(other, membership)) {
            continue;
        }
        let name = format!("{} to {}", membership.role, membership.member);
        let action = RestoreAction::Membership { index };
        let node = builder.add(step(inputs, input, server, ("membership", &name), action, granted.len()));
        let ends = [Some(&membership.role), Some(&membership.member), membership.grantor.as_ref()];
        for role in ends.into_iter().flatten().filter_map(|name| steps.roles.get(name)) {
            builder.needs(node, *role);
        }
        for (earlier, before) in &granted {
            let gives = earlier.admin
                && earlier.role == membership.role
                && Some(&earlier.member) == membership.grantor.as_ref();
            if gives {
                builder.needs(node, *before);
            }
        }
        granted.push((membership, node));
    }
    steps.memberships = granted.into_iter().map(|(_, node)| node).collect();
    steps
}

/// Adds the steps of what holds for the whole server, after the roles. They only wait: what of them is about
/// a role that could not be made is refused by itself.
pub fn add_settings(
    builder: &mut Builder,
    inputs: &[RestoreInput],
    planned: &[PlannedSettings],
    server: &str,
    steps: &mut RoleSteps,
) {
    for (order, one) in planned.iter().enumerate() {
        let name = &inputs[one.input].chosen.header.database;
        let action = RestoreAction::ServerSettings { settings: one.settings, roles: one.roles.clone() };
        let node = builder.add(step(inputs, one.input, server, ("settings", name), action, order));
        for before in steps.roles.values().chain(&steps.memberships).chain(&steps.server_settings) {
            builder.waits(node, *before);
        }
        steps.server_settings.push(node);
    }
}

fn newest_first(inputs: &[RestoreInput]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..inputs.len()).collect();
    order.sort_by(|a, b| {
        let taken = |at: &usize| inputs[*at].chosen.header.taken;
        taken(b).cmp(&taken(a)).then(a.cmp(b))
    });
    order
}

/// Memberships between roles that are known, those of the newest snapshot of a role first.
fn memberships<'a>(
    inputs: &'a [RestoreInput],
    planned: &'a [PlannedRole],
) -> impl Iterator<Item = (usize, u32, &'a Membership)> {
    let known: BTreeSet<&str> = planned.iter().map(|role| role.role.name.as_str()).collect();
    newest_first(inputs)
        .into_iter()
        .flat_map(move |input| {
            inputs[input].catalog.memberships.iter().enumerate().map(move |(index, one)| (input, index as u32, one))
        })
        .filter(move |(_, _, one)| known.contains(one.role.as_str()) || known.contains(one.member.as_str()))
}

fn same(a: &Membership, b: &Membership) -> bool {
    (&a.role, &a.member, &a.grantor) == (&b.role, &b.member, &b.grantor)
}

fn step(
    inputs: &[RestoreInput],
    input: usize,
    server: &str,
    (verb, name): (&str, &str),
    action: RestoreAction,
    order: usize,
) -> Step {
    let lane = format!("roles/{server}");
    Step {
        id: format!("roles.{}/{verb}/{}", crate::plan::id_part(server), crate::plan::id_part(name)),
        unit: UNIT.into(),
        action: Action::Restore { restore: inputs[input].chosen.header.database.clone(), action },
        bytes: 0,
        order: order as u32,
        lane: Some(lane),
        batch: None,
        session: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::catalog::{Catalog, Grant};
    use crate::plan::restore::fixture::input;

    #[test]
    fn settings_for_all_roles_need_the_mode_all_and_privileges_a_role_that_is_made() {
        let grant = |grantee: &str| Grant {
            grantor: String::new(),
            grantee: grantee.into(),
            privilege: "SET".into(),
            grantable: false,
        };
        let role = |name: &str| Role { name: name.into(), ..Role::default() };
        let catalog = Catalog {
            roles: vec![role("new"), role("there")],
            server_settings: vec![("work_mem".into(), "8MB".into())],
            parameter_grants: ["new", "there", ""].map(|name| ("jit".to_owned(), grant(name))).to_vec(),
            ..Catalog::default()
        };
        let inputs = [input("orders", catalog.clone()), input("shop", catalog)];
        let decided = |mode: RoleMode| {
            let policy = RolePolicy { mode, ..RolePolicy::default() };
            let planned = decide(&inputs, &policy, &[role("there")]);
            decide_settings(&inputs, &policy, &planned).into_iter().map(|one| (one.settings, one.lines)).collect()
        };
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let all: Vec<(bool, Vec<String>)> = decided(RoleMode::All);
        let every = ["work_mem for all roles", "SET on jit to new", "SET on jit to there", "SET on jit to PUBLIC"];
        assert_eq!(all, [(true, lines(&every))]);
        assert_eq!(decided(RoleMode::CreateMissing), [(false, lines(&["SET on jit to new"]))]);
        assert!(decided(RoleMode::None).is_empty());
    }
}

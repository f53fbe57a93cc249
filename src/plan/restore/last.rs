//! What comes at the very end.

use crate::model::catalog::EntryKind;
use crate::model::step::{DefineForm, RestoreAction};
use crate::plan::graph::Node;
use crate::plan::restore::draft::Draft;

/// Event triggers and what is said about them.
pub fn event_triggers(draft: &mut Draft) {
    for entry in draft.shape.entries.iter().copied() {
        if entry.kind == EntryKind::EventTrigger {
            draft.make(entry, draft.ddl(draft.define(entry, DefineForm::Whole)));
        }
    }
}

/// Event triggers need that all else went well: a resume would fire them. The database's properties
/// only wait, so that a restore with a failed table still gets its settings and grants;
/// but not when they close the database, which a resume must be able to enter.
pub fn properties(draft: &mut Draft) {
    let triggers = trigger_nodes(draft);
    let others: Vec<Node> = draft.graph.since(draft.start).filter(|node| !triggers.contains(node)).collect();
    let mut previous: Option<Node> = None;
    let unneeded = unneeded(draft, &others);
    for trigger in triggers {
        match previous {
            Some(previous) => draft.graph.needs(trigger, previous),
            None => {
                for node in &unneeded {
                    draft.graph.needs(trigger, *node);
                }
            }
        }
        previous = Some(trigger);
    }
    let database = &draft.shape.catalog.database;
    let closes = !database.allow_connections || database.connection_limit >= 0 || database.is_template;
    let step = draft.ddl(draft.step("properties", "", RestoreAction::DatabaseProperties));
    let node = draft.graph.add(step);
    let all: Vec<Node> = draft.graph.since(draft.start).filter(|other| *other != node).collect();
    let followers = draft.graph.followers();
    for before in all {
        let of = followers[before.0 as usize];
        if closes && !of.needed {
            draft.graph.needs(node, before);
        } else if !of.waited_for {
            draft.graph.waits(node, before);
        }
    }
    if let Some(create) = draft.create {
        draft.graph.needs(node, create);
    }
}

/// Event triggers with what is said about them, in the source's order.
fn trigger_nodes(draft: &Draft) -> Vec<Node> {
    let is_trigger = |id: &u32| draft.shape.entry(*id).is_some_and(|entry| entry.kind == EntryKind::EventTrigger);
    draft
        .shape
        .entries
        .iter()
        .filter(|entry| is_trigger(&entry.id) || entry.depends.iter().any(is_trigger))
        .filter_map(|entry| draft.made.get(&entry.id))
        .map(|made| made.last)
        .collect()
}

/// Nodes whose failure no other step would notice.
fn unneeded(draft: &Draft, nodes: &[Node]) -> Vec<Node> {
    let followers = draft.graph.followers();
    nodes.iter().copied().filter(|node| !followers[node.0 as usize].needed).collect()
}

/// The durable end.
pub fn finish(draft: &mut Draft) {
    let all: Vec<Node> = draft.graph.since(draft.start).collect();
    let unneeded = unneeded(draft, &all);
    let node = draft.graph.add(draft.step("finish", "", RestoreAction::Finish));
    for before in unneeded {
        draft.graph.needs(node, before);
    }
}

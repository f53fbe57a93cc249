//! Materialized views that held rows are filled in the order in which they read each
//! other, directly or through views and functions.

use crate::model::catalog::{EntryKind, SchemaEntry};
use crate::model::step::RestoreAction;
use crate::plan::graph::Node;
use crate::plan::restore::draft::{Draft, of};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Fills them: after grants, for the owner reads with its own privileges.
pub fn add(draft: &mut Draft) {
    let populated: Vec<&SchemaEntry> = draft
        .shape
        .entries
        .iter()
        .copied()
        .filter(|entry| entry.kind == EntryKind::MaterializedView && entry.populated)
        .collect();
    let rules = view_rules(draft);
    let mut nodes: BTreeMap<u32, Node> = BTreeMap::new();
    for view in &populated {
        let mut step = draft.step("refresh", &view.display(), RestoreAction::Refresh { entry: view.id });
        step.order = draft.shape.position(view.id);
        nodes.insert(view.id, draft.graph.add(step));
    }
    for view in populated {
        let Some(node) = nodes.get(&view.id).copied() else { continue };
        if let Some(made) = draft.made.get(&view.id) {
            draft.graph.needs(node, made.last);
        }
        let mut before = draft.indexed(view.id);
        before.extend(of(&draft.attached, view.id));
        before.extend(draft.sequences);
        before.extend(draft.late_loads.iter().copied());
        before.extend(draft.closing);
        before.extend(draft.granted);
        draft.waits_for(node, before);
        let (reads, made_whole_by) = reads(draft, view.id, &rules);
        for rule in made_whole_by.iter().filter_map(|id| draft.made.get(id)).map(|made| made.last).collect::<Vec<_>>() {
            draft.graph.needs(node, rule);
        }
        for read in reads {
            if let Some(other) = nodes.get(&read) {
                draft.graph.needs(node, *other);
            } else {
                draft.needs_rows(node, read);
            }
            // rules and policies lock what a refresh reads
            let attached = of(&draft.attached, read);
            draft.waits_for(node, attached);
        }
        let analyze = draft.step("analyze", &view.display(), RestoreAction::AnalyzeEntry { entry: view.id });
        let analyze = draft.graph.add(analyze);
        draft.graph.needs(analyze, node);
    }
}

/// Rules that make views whole: a view in a circle is created empty and gets its query by a rule.
fn view_rules<'a>(draft: &Draft<'a>) -> HashMap<u32, &'a SchemaEntry> {
    let rules = draft.shape.entries.iter().filter(|entry| entry.kind == EntryKind::Rule);
    rules.filter_map(|rule| Some((draft.shape.view_of(rule)?, *rule))).collect()
}

/// Tables and materialized views that a view reads, however indirectly, and the rules that make
/// views between them whole; each by id.
fn reads(draft: &Draft, view: u32, rules: &HashMap<u32, &SchemaEntry>) -> (BTreeSet<u32>, BTreeSet<u32>) {
    let mut found = BTreeSet::new();
    let mut used = BTreeSet::new();
    let mut seen = BTreeSet::from([view]);
    let mut open = vec![view];
    while let Some(id) = open.pop() {
        let Some(entry) = draft.shape.entry(id) else { continue };
        let rule = rules.get(&id);
        used.extend(rule.map(|rule| rule.id));
        for on in entry.depends.iter().chain(rule.map_or(&[][..], |rule| &rule.depends)) {
            let Some(on) = draft.shape.entry(*on).filter(|on| seen.insert(on.id)) else { continue };
            if matches!(on.kind, EntryKind::Table | EntryKind::MaterializedView) {
                found.insert(on.id);
            }
            if on.kind != EntryKind::Table {
                open.push(on.id);
            }
        }
    }
    (found, used)
}

//! Properties of the restore graph over random catalogs.

use crate::model::catalog::EntryKind;
use crate::model::desired::Selection;
use crate::model::step::{Action, DefineForm, RestoreAction};
use crate::plan::restore::fixture::{BIG, Maker, input, plan_of};
use crate::plan::restore::select;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// One random object: a kind, sizes, flags, and what it leans on.
#[derive(Clone, Debug)]
struct Random {
    kind: u8,
    big: bool,
    late: bool,
    chunks: u32,
    leans: Vec<prop::sample::Index>,
}

fn random() -> impl Strategy<Value = Random> {
    (
        0u8..20,
        any::<bool>(),
        prop::bool::weighted(0.1),
        0u32..4,
        prop::collection::vec(any::<prop::sample::Index>(), 0..3),
    )
        .prop_map(|(kind, big, late, chunks, leans)| Random { kind, big, late, chunks, leans })
}

fn build(objects: &[Random]) -> Maker {
    let mut maker = Maker::new();
    let mut tables: Vec<u32> = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        // nothing is built on an event trigger
        let entries = maker.catalog.entries.iter().filter(|entry| entry.kind != EntryKind::EventTrigger);
        let ids: Vec<u32> = entries.map(|entry| entry.id).collect();
        let leans: Vec<u32> = match ids.is_empty() {
            true => Vec::new(),
            false => object.leans.iter().map(|at| *at.get(&ids)).collect(),
        };
        let name = format!("o{number}");
        let table = object.leans.first().filter(|_| !tables.is_empty()).map(|at| *at.get(&tables));
        let kind = match (object.kind, table) {
            (0..=4, _) | (_, None) => EntryKind::Table,
            (5, _) => EntryKind::Definition,
            (6, _) => EntryKind::View,
            (7, _) => EntryKind::MaterializedView,
            (8 | 9, _) => EntryKind::Index,
            (10 | 11, _) => EntryKind::Constraint,
            (12, _) => EntryKind::ForeignKey,
            (13, _) => EntryKind::Trigger,
            (14, _) => EntryKind::Policy,
            (15, _) => EntryKind::Acl,
            (16, _) => EntryKind::Comment,
            (17, _) => EntryKind::TableAttach,
            (18, _) => EntryKind::Statistics,
            _ => EntryKind::EventTrigger,
        };
        match (kind, table) {
            (EntryKind::Table, _) => {
                let bytes = if object.big { BIG } else { 1000 };
                let id = maker.table(&name, bytes, object.chunks);
                maker.edit(id).depends = leans.into_iter().filter(|id| is_definition(&maker, *id)).collect();
                maker.data(id).late = object.late;
                tables.push(id);
            }
            (EntryKind::TableAttach, Some(parent)) => {
                let id = maker.partition(&name, parent, 1000);
                maker.data(id).through_root = object.late;
                tables.push(id);
            }
            (EntryKind::Definition | EntryKind::EventTrigger, _) => {
                maker.entry(kind, &name, &[]);
            }
            (EntryKind::View | EntryKind::MaterializedView | EntryKind::Acl | EntryKind::Comment, _) => {
                maker.entry(kind, &name, &leans);
            }
            (_, Some(table)) => {
                let id = maker.of(kind, &name, table, &leans);
                if kind == EntryKind::Constraint && object.late {
                    maker.edit(id).index_definition = Some("CREATE UNIQUE INDEX".into());
                }
            }
            (_, None) => {}
        }
    }
    maker
}

fn is_definition(maker: &Maker, id: u32) -> bool {
    maker.catalog.entries[id as usize - 1].kind == EntryKind::Definition
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// No circle (planning would fail), and every entry is made exactly once, however it is cut.
    #[test]
    fn every_entry_has_one_home(objects in prop::collection::vec(random(), 1..40)) {
        let catalog = build(&objects).catalog;
        let entries: Vec<u32> = catalog.entries.iter().map(|entry| entry.id).collect();
        let plan = plan_of(&[input("orders", catalog)]);
        let mut forms: BTreeMap<u32, Vec<DefineForm>> = entries.iter().map(|id| (*id, Vec::new())).collect();
        for step in &plan.graph.steps {
            if let Action::Restore { action: RestoreAction::Define { entry, form }, .. } = &step.action {
                forms.entry(*entry).or_default().push(*form);
            }
        }
        for (entry, mut forms) in forms {
            forms.sort_by_key(|form| format!("{form:?}"));
            let whole = matches!(
                forms[..],
                [DefineForm::Whole]
                    | [DefineForm::UniqueIndex, DefineForm::UsingIndex]
                    | [DefineForm::NotValid, DefineForm::Validate]
            );
            prop_assert!(whole, "entry {entry} is made by {forms:?}");
        }
    }

    /// What is selected never depends on something that is left out.
    #[test]
    fn a_selection_is_closed(objects in prop::collection::vec(random(), 1..40), excluded: bool) {
        let catalog = build(&objects).catalog;
        let some = Selection { tables: vec!["public.o*[02468]".into()], ..Selection::default() };
        let none = Selection::default();
        let (include, exclude) = if excluded { (&none, &some) } else { (&some, &none) };
        let Ok(selected) = select(&catalog, include, exclude) else { return Ok(()) };
        let kept = |id: &u32| !selected.left_out.contains(id);
        for entry in catalog.entries.iter().filter(|entry| kept(&entry.id)) {
            prop_assert!(entry.depends.iter().all(kept), "{} needs what is left out", entry.name);
        }
    }
}

//! Each rule of the restore graph.

use crate::model::catalog::{EntryKind, SequenceState};
use crate::model::step::{Action, RestoreAction};
use crate::plan::restore::fixture::{BIG, Maker, Seen, input, plan_of};

#[test]
fn indexes_of_a_table_start_while_another_still_loads() {
    let mut maker = Maker::new();
    let items = maker.table("items", BIG, 3);
    maker.table("other", BIG, 3);
    maker.of(EntryKind::Index, "items_a", items, &[]);
    maker.of(EntryKind::Index, "items_b", items, &[]);
    let seen = Seen::of(maker);
    seen.needs("index/public.items_a", "load/public.items/2");
    seen.free("index/public.items_a", "load/public.other/0");
    seen.free("index/public.items_a", "index/public.items_b");
    seen.needs("load/public.items/0", "table/public.items");
    seen.free("load/public.items/0", "table/public.other");
    seen.needs("table/public.items", "database/orders");
}

#[test]
fn a_big_primary_key_is_an_index_first_and_takes_it_when_no_index_is_being_built() {
    let mut maker = Maker::new();
    let items = maker.table("items", BIG, 1);
    let pkey = maker.of(EntryKind::Constraint, "items_pkey", items, &[]);
    maker.edit(pkey).index_definition = Some("CREATE UNIQUE INDEX ...".into());
    maker.of(EntryKind::Index, "items_a", items, &[]);
    let view = maker.entry(EntryKind::View, "grouped", &[items, pkey]);
    maker.of(EntryKind::Comment, "about pkey", pkey, &[]);
    let _ = view;
    let seen = Seen::of(maker);
    seen.free("unique-index/public.items_pkey", "index/public.items_a");
    seen.needs("constraint/public.items_pkey", "unique-index/public.items_pkey");
    seen.ordered("index/public.items_a", "constraint/public.items_pkey");
    seen.survives("constraint/public.items_pkey", "index/public.items_a");
    // trap 10: the view's own section says it comes before data, its dependency says otherwise
    seen.needs("view/public.grouped", "constraint/public.items_pkey");
    seen.needs("comment/public.about pkey", "constraint/public.items_pkey");
}

#[test]
fn foreign_keys_are_added_unchecked_one_by_one_and_checked_after() {
    let mut maker = Maker::new();
    let items = maker.table("items", BIG, 1);
    let orders = maker.table("orders", BIG, 1);
    let pkey = maker.of(EntryKind::Constraint, "orders_pkey", orders, &[]);
    maker.of(EntryKind::ForeignKey, "items_fk", items, &[pkey, orders]);
    let back = maker.of(EntryKind::Constraint, "items_pkey", items, &[]);
    maker.of(EntryKind::ForeignKey, "orders_fk", orders, &[back, items]);
    let trigger = maker.of(EntryKind::Trigger, "audit", items, &[]);
    let _ = trigger;
    let seen = Seen::of(maker);
    for fk in ["items_fk", "orders_fk"] {
        let fk = format!("foreignkey/public.{fk}");
        seen.needs(&fk, "load/public.items/0");
        seen.needs(&fk, "load/public.orders/0");
    }
    seen.needs("foreignkey/public.items_fk", "constraint/public.orders_pkey");
    seen.needs("validate/public.items_fk", "foreignkey/public.items_fk");
    seen.ordered("foreignkey/public.orders_fk", "validate/public.items_fk");
    seen.ordered("foreignkey/public.items_fk", "trigger/public.audit");
    let lanes: Vec<_> =
        seen.graph.steps.iter().filter(|step| step.id.contains("/foreignkey/")).map(|step| &step.lane).collect();
    assert_eq!(lanes, [&Some("foreign-keys/orders".to_owned()), &Some("foreign-keys/orders".to_owned())]);
}

#[test]
fn a_partitioned_referencing_table_gets_its_key_checked_at_once() {
    let mut maker = Maker::new();
    let root = maker.entry(EntryKind::Table, "events", &[]);
    let leaf = maker.partition("events_1", root, BIG);
    let orders = maker.table("orders", BIG, 1);
    maker.of(EntryKind::ForeignKey, "events_fk", root, &[orders]);
    maker.of(EntryKind::Index, "events_1_a", leaf, &[]);
    let seen = Seen::of(maker);
    assert!(!seen.ids().iter().any(|id| id.contains("/validate/")));
    seen.needs("foreignkey/public.events_fk", "load/public.events_1/0");
    seen.ordered("index/public.events_1_a", "foreignkey/public.events_fk");
}

#[test]
fn partitions_load_by_themselves_or_all_through_the_root() {
    let tree = |routed: bool| {
        let mut maker = Maker::new();
        let root = maker.entry(EntryKind::Table, "events", &[]);
        let one = maker.partition("events_1", root, BIG);
        maker.partition("events_2", root, BIG);
        maker.data(one).through_root = routed;
        maker.of(EntryKind::Index, "events_2_a", 4, &[]);
        Seen::of(maker)
    };
    let alone = tree(false);
    alone.ordered("tableattach/public.events_2", "load/public.events_1/0");
    alone.survives("load/public.events_1/0", "tableattach/public.events_2");
    alone.free("load/public.events_1/0", "index/public.events_2_a");
    let routed = tree(true);
    routed.needs("load/public.events_2/0", "tableattach/public.events_1");
    routed.needs("index/public.events_2_a", "load/public.events_1/0");
    let compares = routed.ids().into_iter().filter(|id| id.contains("/compare/")).collect::<Vec<_>>();
    assert_eq!(compares, ["restore.orders/compare/public.events"]);
    let all_into_root = routed.graph.steps.iter().all(|step| match &step.action {
        Action::Restore { action: RestoreAction::Load { into, .. }, .. } => *into == Some(1),
        _ => true,
    });
    assert!(all_into_root);
}

#[test]
fn partitioned_indexes_are_attached_after_both_ends() {
    let mut maker = Maker::new();
    let root = maker.entry(EntryKind::Table, "events", &[]);
    let leaf = maker.partition("events_1", root, BIG);
    let parent = maker.of(EntryKind::Index, "events_a", root, &[]);
    maker.of(EntryKind::Index, "events_1_a", leaf, &[]);
    // the attachment's dependency on the child's index is not always recorded
    maker.entry(EntryKind::IndexAttach, "events_1_a", &[parent, root, leaf]);
    let seen = Seen::of(maker);
    seen.needs("indexattach/public.events_1_a", "index/public.events_1_a");
    seen.needs("indexattach/public.events_1_a", "index/public.events_a");
    seen.ordered("indexattach/public.events_1_a", "read-back/public.events_1/0");
}

#[test]
fn late_tables_load_after_all_others_and_after_all_definitions() {
    let mut maker = Maker::new();
    let late = maker.table("checked", BIG, 1);
    maker.data(late).late = true;
    maker.table("other", BIG, 2);
    maker.entry(EntryKind::Definition, "f()", &[]);
    let seen = Seen::of(maker);
    seen.ordered("load/public.other/1", "load/public.checked/0");
    seen.ordered("definition/public.f()", "load/public.checked/0");
    seen.survives("load/public.checked/0", "load/public.other/1");
}

#[test]
fn nothing_acts_on_a_load_even_when_it_is_done_again() {
    let mut maker = Maker::new();
    let items = maker.table("items", BIG, 1);
    for (kind, name) in [(EntryKind::Trigger, "t"), (EntryKind::Rule, "r"), (EntryKind::Policy, "p")] {
        maker.of(kind, name, items, &[]);
    }
    maker.entry(EntryKind::EventTrigger, "et", &[]);
    let seen = Seen::of(maker);
    for step in ["trigger/public.t", "rule/public.r", "policy/public.p", "eventtrigger/public.et"] {
        seen.needs(step, "load/public.items/0");
    }
    seen.ordered("read-back/public.items/0", "policy/public.p");
    seen.needs("eventtrigger/public.et", "compare/public.items");
}

#[test]
fn grants_and_refreshes_in_order() {
    let mut maker = Maker::new();
    let items = maker.table("items", BIG, 2);
    let other = maker.table("other", BIG, 1);
    let view = maker.entry(EntryKind::View, "v", &[items]);
    let first = maker.entry(EntryKind::MaterializedView, "m1", &[view]);
    let second = maker.entry(EntryKind::MaterializedView, "m2", &[first]);
    let empty = maker.entry(EntryKind::MaterializedView, "m3", &[other]);
    maker.edit(empty).populated = false;
    maker.of(EntryKind::Index, "m1_a", first, &[]);
    maker.entry(EntryKind::Acl, "items", &[items]);
    maker.entry(EntryKind::Acl, "other", &[other]);
    maker.entry(EntryKind::DefaultAcl, "default", &[]);
    let _ = second;
    let seen = Seen::of(maker);
    seen.needs("refresh/public.m1", "load/public.items/1");
    seen.survives("refresh/public.m1", "load/public.other/0");
    seen.needs("refresh/public.m2", "refresh/public.m1");
    seen.ordered("acl/public.items", "refresh/public.m1");
    seen.ordered("acl/public.other", "refresh/public.m1");
    seen.ordered("index/public.m1_a", "refresh/public.m1");
    for step in ["load/public.other/0", "analyze/public.items", "compare/public.other", "index/public.m1_a"] {
        seen.ordered(step, "acl/public.items");
        seen.survives("acl/public.items", step);
    }
    seen.ordered("acl/public.other", "defaultacl/public.default");
    assert!(!seen.ids().contains(&"restore.orders/refresh/public.m3"));
}

#[test]
fn the_end_needs_everything_and_properties_only_wait() {
    let mut maker = Maker::new();
    let items = maker.table("items", BIG, 2);
    maker.of(EntryKind::Comment, "items", items, &[]);
    maker.of(EntryKind::Statistics, "s", items, &[]);
    maker.catalog.sequences.push(SequenceState {
        entry: None,
        schema: "public".into(),
        name: "s".into(),
        last_value: 1,
        is_called: true,
    });
    let seen = Seen::of(maker);
    let ids: Vec<String> = seen.ids().iter().map(|id| id.to_string()).collect();
    for id in ids.iter().filter_map(|id| id.strip_prefix("restore.orders/")).filter(|id| *id != "finish") {
        seen.needs("finish", id);
        if id != "properties" {
            seen.ordered(id, "properties");
        }
    }
    seen.survives("properties", "load/public.items/0");
    seen.ordered("statistics/public.s", "analyze/public.items");
}

#[test]
fn a_closed_database_gets_its_properties_only_when_all_is_well() {
    let mut maker = Maker::new();
    maker.catalog.database.allow_connections = false;
    maker.table("items", BIG, 1);
    let seen = Seen::of(maker);
    seen.needs("properties", "load/public.items/0");
}

#[test]
fn many_chunks_are_waited_for_through_the_last() {
    let mut maker = Maker::new();
    let items = maker.table("items", BIG * 100, 200);
    maker.of(EntryKind::Index, "a", items, &[]);
    let seen = Seen::of(maker);
    seen.needs("index/public.a", "load/public.items/0");
    let direct = seen.graph.edges.iter().filter(|edge| edge.after.ends_with("/index/public.a")).count();
    assert!(direct <= 2, "{direct} edges");
}

#[test]
fn roles_come_once_and_the_databases_side_by_side() {
    let catalog = || {
        let mut maker = Maker::new();
        maker.table("items", BIG, 1);
        maker.catalog
    };
    let plan = plan_of(&[input("shop", catalog()), input("orders", catalog())]);
    let roles: Vec<&str> =
        plan.graph.steps.iter().filter(|step| step.unit == "roles").map(|step| step.id.as_str()).collect();
    assert_eq!(roles, ["roles.pg2/role/owner"]);
    let again = plan_of(&[input("orders", catalog()), input("shop", catalog())]);
    assert_eq!(serde_json::to_string(&plan).unwrap(), serde_json::to_string(&again).unwrap());
}

#[test]
fn a_circle_is_named() {
    let mut maker = Maker::new();
    let a = maker.entry(EntryKind::Definition, "a", &[2]);
    maker.entry(EntryKind::Definition, "b", &[a]);
    let inputs = [input("orders", maker.catalog)];
    let headers = vec![inputs[0].chosen.header.clone()];
    let error = crate::plan::restore(
        &super::fixture::desired(),
        &super::fixture::runbook(),
        &super::fixture::observed(headers),
        &inputs,
        &super::fixture::options(),
    )
    .unwrap_err();
    assert_eq!(error.code().name, "DBB-PLAN-CYCLE");
    assert!(error.causes()[0].contains("public.a -> "), "{:?}", error.causes());
}

#[test]
fn a_rule_that_makes_a_view_whole_tells_what_a_refresh_reads() {
    let mut maker = Maker::new();
    let items = maker.table("items", BIG, 1);
    let view = maker.entry(EntryKind::View, "v", &[]);
    maker.entry(EntryKind::Rule, "v _RETURN", &[view, items]);
    maker.entry(EntryKind::MaterializedView, "m", &[view]);
    let seen = Seen::of(maker);
    seen.needs("refresh/public.m", "load/public.items/0");
    seen.ordered("rule/public.v _RETURN", "refresh/public.m");
    seen.survives("rule/public.v _RETURN", "load/public.items/0");
}

mod selection {
    use super::*;
    use crate::model::catalog::Catalog;
    use crate::model::desired::Selection;
    use crate::plan::restore::{Selected, select};

    fn shop() -> Catalog {
        let mut maker = Maker::new();
        let kind = maker.entry(EntryKind::Definition, "kind", &[]);
        let items = maker.table("items", BIG, 1);
        maker.edit(items).depends = vec![kind];
        let orders = maker.table("orders", BIG, 1);
        let pkey = maker.of(EntryKind::Constraint, "orders pkey", orders, &[]);
        maker.of(EntryKind::ForeignKey, "items fk", items, &[pkey]);
        maker.of(EntryKind::Index, "items_a", items, &[]);
        maker.entry(EntryKind::Acl, "items", &[items]);
        maker.entry(EntryKind::View, "v", &[items, orders]);
        maker.entry(EntryKind::Definition, "unrelated", &[]);
        maker.catalog
    }

    fn tables(patterns: &[&str]) -> Selection {
        Selection { tables: patterns.iter().map(|text| (*text).to_owned()).collect(), ..Selection::default() }
    }

    fn kept(catalog: &Catalog, selected: &Selected) -> Vec<String> {
        let kept = catalog.entries.iter().filter(|entry| !selected.left_out.contains(&entry.id));
        kept.map(|entry| entry.name.clone()).collect()
    }

    #[test]
    fn a_table_brings_what_it_needs_and_what_hangs_on_it() {
        let catalog = shop();
        let selected = select(&catalog, &tables(&["public.items"]), &Selection::default()).unwrap();
        assert_eq!(kept(&catalog, &selected), ["kind", "items", "items_a", "items"]);
        let warning = &selected.warnings[0];
        assert_eq!(warning.message, "foreignkey \"public.items fk\" is left out although its table is restored");
        assert_eq!(warning.causes, ["it needs constraint \"public.orders pkey\", which the selection leaves out"]);
    }

    #[test]
    fn what_is_excluded_goes_with_all_that_needs_it() {
        let catalog = shop();
        let selected = select(&catalog, &Selection::default(), &tables(&["public.orders"])).unwrap();
        assert_eq!(kept(&catalog, &selected), ["kind", "items", "items_a", "items", "unrelated"]);
    }

    #[test]
    fn a_pattern_that_matches_nothing_is_refused() {
        let error = select(&shop(), &tables(&["public.itmes"]), &Selection::default()).unwrap_err();
        assert_eq!(error.code().name, "DBB-RESTORE-SELECTION");
        assert_eq!(error.fixes()[0], "did you mean \"public.items\"?");
    }

    #[test]
    fn a_partitioned_table_brings_its_partitions() {
        let mut maker = Maker::new();
        let root = maker.entry(EntryKind::Table, "events", &[]);
        maker.partition("events_1", root, BIG);
        maker.table("other", BIG, 1);
        let selected = select(&maker.catalog, &tables(&["public.events"]), &Selection::default()).unwrap();
        assert_eq!(kept(&maker.catalog, &selected), ["events", "events_1", "events_1"]);
    }
}

#[test]
fn true_dependencies_win_over_keeping_out_of_the_way() {
    let mut maker = Maker::new();
    let items = maker.table("items", BIG, 1);
    let pkey = maker.of(EntryKind::Constraint, "items_pkey", items, &[]);
    let view = maker.entry(EntryKind::View, "v", &[items, pkey]);
    let function = maker.entry(EntryKind::Definition, "f(v)", &[view]);
    maker.of(EntryKind::Index, "items_f", items, &[function]);
    let seen = Seen::of(maker);
    seen.needs("index/public.items_f", "constraint/public.items_pkey");
}

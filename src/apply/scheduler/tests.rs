use super::*;

fn step(id: &str, bytes: u64, lane: Option<&str>, batch: Option<&str>, session: Option<&str>) -> Step {
    Step {
        id: id.into(),
        unit: "u".into(),
        action: Action::CapturePart { database: "d".into(), part: 0, label: String::new() },
        bytes,
        order: id.trim_matches(char::is_alphabetic).parse().unwrap_or(0),
        lane: lane.map(str::to_owned),
        batch: batch.map(str::to_owned),
        session: session.map(str::to_owned),
    }
}

fn edge(before: &str, after: &str) -> Edge {
    Edge { before: before.into(), after: after.into(), whatever: false }
}

fn ids(steps: Option<Vec<Step>>) -> Vec<String> {
    steps.unwrap_or_default().into_iter().map(|s| s.id).collect()
}

#[test]
fn largest_first_and_dependents_wait() {
    let graph = Graph {
        steps: vec![step("a", 1, None, None, None), step("b", 9, None, None, None), step("c", 99, None, None, None)],
        edges: vec![edge("a", "c")],
    };
    let mut s = Scheduler::new(&graph, 2, &HashSet::new());
    assert_eq!(ids(s.take()), ["b"]);
    assert_eq!(ids(s.take()), ["a"]);
    assert!(s.take().is_none());
    s.succeeded("a");
    assert_eq!(ids(s.take()), ["c"]);
    s.succeeded("b");
    s.succeeded("c");
    assert!(s.is_finished());
}

#[test]
fn a_failure_skips_its_dependents_only() {
    let graph = Graph {
        steps: ["a", "b", "c", "d"].map(|id| step(id, 0, None, None, None)).to_vec(),
        edges: vec![edge("a", "b"), edge("b", "c")],
    };
    let mut s = Scheduler::new(&graph, 1, &HashSet::new());
    assert_eq!(ids(s.take()), ["a"]);
    assert_eq!(s.failed("a"), ["b", "c"]);
    assert_eq!(ids(s.take()), ["d"]);
    s.succeeded("d");
    assert!(s.is_finished());
    assert_eq!(s.status("c"), Some(Status::Skipped));
}

#[test]
fn a_lane_runs_one_batch_in_order_with_what_follows_inside() {
    let lane = |id| step(id, 0, Some("ddl"), Some("ddl"), None);
    let graph = Graph {
        steps: vec![lane("s3"), lane("s1"), lane("s2"), lane("s4")],
        edges: vec![edge("s1", "s2"), edge("s3", "s4")],
    };
    let mut s = Scheduler::new(&graph, 4, &HashSet::new());
    assert_eq!(ids(s.take()), ["s1", "s2", "s3", "s4"]);
    assert!(s.take().is_none());
    for id in ["s1", "s2", "s3", "s4"] {
        s.succeeded(id);
    }
    assert!(s.is_finished());
}

#[test]
fn batches_leave_work_for_other_workers() {
    let graph = Graph {
        steps: (0..10).map(|n| step(&format!("l{n}"), 1, None, Some("bundle"), None)).collect(),
        edges: vec![],
    };
    let mut s = Scheduler::new(&graph, 2, &HashSet::new());
    assert_eq!(s.take().map(|b| b.len()), Some(5));
    assert_eq!(s.take().map(|b| b.len()), Some(3));
}

#[test]
fn a_session_starts_over_as_a_whole() {
    let mut open = step("open", 0, None, None, Some("db"));
    open.action = Action::CaptureOpen(spec());
    let commit = step("commit", 0, None, None, Some("db"));
    let graph = Graph { steps: vec![commit, open], edges: vec![edge("open", "commit")] };
    let mut s = Scheduler::new(&graph, 2, &HashSet::new());
    assert_eq!(ids(s.take()), ["open"]);
    let part = || [step("p1", 5, None, None, Some("db")), step("p2", 4, None, None, Some("db"))];
    let edges = [edge("open", "p1"), edge("open", "p2"), edge("p1", "commit"), edge("p2", "commit")];
    s.expand("open", &part(), &edges);
    s.succeeded("open");
    assert_eq!(ids(s.take()), ["p1"]);
    s.rest("p1");
    assert_eq!(s.reset_session("db").as_deref(), Some("open"));
    assert!(s.take().is_none());
    s.wake("open");
    assert_eq!(ids(s.take()), ["open"]);
    s.expand("open", &part(), &edges);
    s.succeeded("open");
    assert_eq!(ids(s.take()), ["p1"]);
    assert_eq!(ids(s.take()), ["p2"]);
    s.succeeded("p1");
    assert!(s.take().is_none(), "the commit waits for every part");
    s.succeeded("p2");
    assert_eq!(ids(s.take()), ["commit"]);
    s.succeeded("commit");
    assert!(s.is_finished());
}

fn spec() -> crate::model::step::CaptureSpec {
    use crate::model::desired::*;
    crate::model::step::CaptureSpec {
        database: DatabaseSpec {
            name: "db".into(),
            server: "s".into(),
            repository: "r".into(),
            select: DatabaseSelect::Named("db".into()),
            schedule: None,
            compression: Compression::default(),
            exclude: Exclude::default(),
            place: String::new(),
        },
        compression: Compression::default(),
    }
}

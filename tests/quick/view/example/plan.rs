use super::{at, failure};
use dbb::error::Failure;
use dbb::model::address::Address;
use dbb::model::desired::*;
use dbb::model::graph::Graph;
use dbb::model::plan::*;
use dbb::model::step::*;

fn empty(kind: PlanKind) -> Plan {
    Plan {
        format: "dbb-plan".into(),
        version: 1,
        dbb: "0.1.0".into(),
        project: "acme-prod".into(),
        kind,
        created: at("2026-11-20T04:00:00Z"),
        expires: at("2026-11-21T04:00:00Z"),
        config_digest: String::new(),
        fingerprints: Vec::new(),
        settings: RunSettings { jobs: 4, on_error: OnError::Continue, retries: 3, success: SuccessRule::RequireAll },
        servers: Default::default(),
        repositories: Default::default(),
        restores: Default::default(),
        changes: Vec::new(),
        notices: Vec::new(),
        observed_ms: 1234,
        scope: Scope { servers: 3, databases: 9, repositories: 2 },
        graph: Graph::default(),
    }
}

fn change(address: &str, kind: ChangeKind, place: &str, reason: &str, lines: &[(&str, &str)], bytes: u64) -> Change {
    let lines = lines.iter().map(|(label, text)| line(None, label, text)).collect();
    let (place, reason) = (place.into(), reason.into());
    Change { address: Address(address.into()), kind, destructive: false, place, reason, lines, bytes }
}

fn line(kind: Option<ChangeKind>, label: &str, text: &str) -> ChangeLine {
    ChangeLine { kind, label: label.into(), text: text.into(), destructive: false }
}

fn notice(level: NoticeLevel, about: &str, failure: Failure) -> Notice {
    Notice { level, about: Some(Address(about.into())), failure }
}

fn capture(name: &str) -> Step {
    let database = DatabaseSpec {
        name: name.into(),
        server: "pg-main".into(),
        repository: "main".into(),
        select: DatabaseSelect::Named(name.into()),
        schedule: None,
        compression: Compression::default(),
        exclude: Exclude::default(),
        place: String::new(),
    };
    let action = Action::CaptureOpen(CaptureSpec { database, compression: Compression::default() });
    let id = format!("backup.{name}/open");
    Step { id, unit: name.into(), action, bytes: 0, order: 0, lane: None, batch: None, session: None }
}

pub fn backup() -> Plan {
    let estimate = "212 GiB to read, about 3.1 GiB to store, 14m (p90 22m)";
    let reason = "due: 26h old, schedule daily 02:00 Europe/Berlin";
    let mut plan = empty(PlanKind::Backup);
    plan.changes = vec![
        change(
            "database.orders",
            ChangeKind::Create,
            "dbb.yaml:41",
            reason,
            &[("backup", "incremental on 2026-11-19T02:00Z"), ("", estimate)],
            212 << 30,
        ),
        change("database.reports", ChangeKind::Keep, "dbb.yaml:52", "2h old, due 2026-11-21T01:00Z", &[], 0),
        change(
            "database.shop",
            ChangeKind::Create,
            "conf.d/shop.yaml:8",
            "due: never backed up",
            &[
                ("backup", "full, the first one"),
                ("", "700 MiB to read; what will be stored is not known: there is no history of this database yet"),
            ],
            700 << 20,
        ),
        change("database.wiki", ChangeKind::Keep, "dbb.yaml:66", "not scheduled: only with --now", &[], 0),
    ];
    let unreachable = failure(
        "DBB-PG-CONNECT",
        "PostgreSQL on pg-west:5432 cannot be reached",
        &["connection refused (os error 111)"],
        &["look whether the server runs: pg_isready -h pg-west -p 5432", "look at listen_addresses"],
    );
    plan.notices = vec![
        notice(NoticeLevel::Error, "database.tenant_a", unreachable.clone()),
        notice(NoticeLevel::Error, "database.tenant_b", unreachable),
        notice(
            NoticeLevel::Warning,
            "repository.main",
            failure(
                "DBB-UNENCRYPTED",
                "whoever reads the repository reads the data",
                &[],
                &["put the repository where only its owner can read"],
            ),
        ),
        notice(
            NoticeLevel::Info,
            "server.pg-main",
            failure("DBB-PLAN-UNCOVERED", "1 database is not backed up: scratch", &[], &[]),
        ),
    ];
    plan.graph.steps = vec![capture("orders"), capture("shop")];
    plan
}

pub fn restore() -> Plan {
    let mut plan = empty(PlanKind::Restore);
    plan.scope = Scope { servers: 1, databases: 1, repositories: 1 };
    let mut replaced = change(
        "database.orders",
        ChangeKind::Replace,
        "restore.yaml:4",
        "restore orders @ 2026-11-20T02:00:00Z  ->  pg-staging / orders_restored",
        &[
            ("snapshot", "orders @ 2026-11-20T02:00:00Z (20261120T020000Z-5f3a9c01, 15.18), in main"),
            ("database", "orders_restored (owner orders_owner, UTF8, en_US.UTF-8)"),
            ("pre-data", "412 objects"),
            ("data", "87 tables, 212 GiB, 3 412 chunks"),
            ("post-data", "344 objects"),
            ("verify", "87 tables by row hash"),
        ],
        212 << 30,
    );
    replaced.destructive = true;
    let loss = "orders_restored (198 GiB, 2 connections) is dropped first; no snapshot of it is known to this config";
    replaced.lines.insert(1, ChangeLine { destructive: true, ..line(None, "replaces", loss) });
    let reason = "roles on pg-staging: 2 created, 1 changed, 12 as they are";
    let mut roles = change("roles.pg-staging", ChangeKind::Create, "restore.yaml:5", reason, &[], 0);
    let kept = (1..=12).map(|n| line(Some(ChangeKind::Keep), "role", &format!("app_{n}")));
    roles.lines = kept.collect();
    roles.lines.push(line(Some(ChangeKind::Create), "role", "orders_owner  for orders_admin"));
    roles.lines.push(line(Some(ChangeKind::Create), "role", "orders_reader"));
    roles.lines.push(line(Some(ChangeKind::Update), "role", "reporting (CONNECTION LIMIT 5 -> 10)"));
    plan.changes = vec![roles, replaced];
    plan.restores.insert("orders".into(), restore_spec());
    plan.graph.steps = vec![Step {
        id: "restore.orders/create".into(),
        unit: "orders".into(),
        action: Action::Restore { restore: "orders".into(), action: RestoreAction::CreateDatabase },
        bytes: 0,
        order: 0,
        lane: None,
        batch: None,
        session: None,
    }];
    plan
}

fn restore_spec() -> RestoreSpec {
    RestoreSpec {
        database: "orders".into(),
        snapshot: "20261120T020000Z-5f3a9c01".into(),
        repository: "main".into(),
        server: "pg-staging".into(),
        target_database: "orders_restored".into(),
        roles: RolePolicy::default(),
        replace: true,
        check: CheckLevel::Quick,
        lock_timeout_ms: 60_000,
        limited: false,
        left_out: Default::default(),
    }
}

pub fn nothing(databases: u32) -> Plan {
    let mut plan = empty(PlanKind::Backup);
    plan.scope = Scope { servers: 1, databases, repositories: 1 };
    plan.changes = (1..=databases)
        .map(|n| {
            let name = format!("database.tenant_{n:03}");
            change(&name, ChangeKind::Keep, "dbb.yaml:9", "2h old, due 2026-11-21T01:00Z", &[], 0)
        })
        .collect();
    plan
}

pub fn blocked() -> Plan {
    let mut plan = empty(PlanKind::Backup);
    plan.scope = Scope { servers: 1, databases: 1, repositories: 1 };
    plan.notices = vec![notice(
        NoticeLevel::Error,
        "database.orders",
        failure(
            "DBB-PG-AUTH",
            "PostgreSQL refused the login of \"dbb\" on db01:5432/postgres",
            &["password authentication failed for user \"dbb\" (SQLSTATE 28P01)"],
            &["the password comes from {env: ORDERS_PW} (dbb.yaml:17): is it the right one?"],
        ),
    )];
    plan
}

pub fn hostile() -> Plan {
    let mut plan = empty(PlanKind::Backup);
    let name = "database.a\u{1b}[2J\u{202e}`|<b>@team\n# head";
    plan.changes = vec![change(
        name,
        ChangeKind::Create,
        "dbb.yaml:1",
        "due: a|b *c* <img> @all ```",
        &[("backup", "full\r\n```\nout")],
        0,
    )];
    plan.notices =
        vec![notice(NoticeLevel::Warning, name, failure("DBB-PLAN-BLIND", "ta\u{7}ble <x>", &["[a](b)"], &["fi|x"]))];
    plan.graph.steps = vec![capture("a")];
    plan
}

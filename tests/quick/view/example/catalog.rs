use super::{at, failure};
use dbb::app::find::Found;
use dbb::app::ls::Line;
use dbb::app::verify::{DamageLine, Verified};
use dbb::base::digest::{Digest, RowSum};
use dbb::model::catalog::*;
use dbb::model::desired::{Codec, EngineKind, RepositorySpec};
use dbb::model::manifest::*;

fn header(id: &str, database: &str, taken: &str, mode: Mode, totals: Totals, objects: &[(&str, u64)]) -> Header {
    Header {
        id: id.into(),
        database: database.into(),
        source_database: database.into(),
        server: "pg-main".into(),
        engine: EngineKind::Postgres,
        server_version: "15.18".into(),
        run: "20261120T020000Z-77aa".into(),
        taken: at(taken),
        finished: at("2026-11-21T02:14:09Z"),
        consistency: Consistency::Database,
        mode,
        totals,
        objects: objects
            .iter()
            .map(|(id, stored_bytes)| ObjectRef {
                id: Digest::of(id.as_bytes()),
                codec: Codec::Zstd,
                bytes: stored_bytes * 4,
                stored_bytes: *stored_bytes,
                stored_digest: Digest::of(b"stored"),
            })
            .collect(),
    }
}

fn totals(tables: u64, rows: u64, source: u64, stored: u64, shared: u64) -> Totals {
    Totals {
        tables,
        entries: tables * 5,
        roles: 4,
        large_objects: 0,
        sum: RowSum { rows, bytes: source / 2, hash: 1 },
        bytes: source / 2,
        stored_bytes: stored,
        shared_bytes: shared,
        source_bytes: source,
    }
}

fn orders() -> Header {
    let objects = [("a", 2 << 30), ("b", 1 << 30)];
    let totals = totals(87, 1_412_307_551, 212 << 30, 3 << 30, 2 << 30);
    header("20261121T020000Z-5f3a9c01", "orders", "2026-11-21T02:00:00.251Z", Mode::Incremental, totals, &objects)
}

pub fn found() -> Vec<Found> {
    let before = totals(87, 1_400_000_000, 210 << 30, 2 << 30, 0);
    let old =
        header("20261114T020000Z-11112222", "orders", "2026-11-14T02:00:00Z", Mode::Full, before, &[("a", 2 << 30)]);
    let shop = header(
        "20261121T020003Z-aabbccdd",
        "shop",
        "2026-11-21T02:00:03Z",
        Mode::Full,
        totals(3, 17, 8 << 20, 310, 0),
        &[("c", 310)],
    );
    [("main", old), ("main", orders()), ("nas", shop)]
        .into_iter()
        .map(|(repository, header)| Found {
            repository: repository.into(),
            spec: RepositorySpec::Local { path: "/srv/backup".into() },
            header,
        })
        .collect()
}

fn table(id: u32, name: &str, rows: u64, bytes: u64) -> Table {
    Table {
        id,
        entry: Some(id),
        extension: None,
        schema: "public".into(),
        name: name.into(),
        columns: vec!["id".into()],
        root: None,
        through_root: false,
        through_root_elsewhere: false,
        late: false,
        filter: None,
        bytes,
        without_rows: rows == 0,
        sum: RowSum { rows, bytes, hash: 1 },
    }
}

pub fn snapshot() -> (Header, Catalog) {
    let role = |name: &str| Role {
        name: name.into(),
        password_hash: Some("SCRAM-SHA-256$never shown".into()),
        ..Role::default()
    };
    let catalog = Catalog {
        database: DatabaseProperties {
            name: "orders".into(),
            encoding: "UTF8".into(),
            locale_provider: "libc".into(),
            collate: "en_US.UTF-8".into(),
            ..DatabaseProperties::default()
        },
        roles: ["app", "orders_owner", "reporting"].map(role).into(),
        tables: vec![
            table(1, "customers", 4_120_000, 900 << 20),
            table(2, "orders", 1_400_000_000, 100 << 30),
            table(3, "sessions", 0, 0),
            table(4, "we\u{1b}[31mird", 5, 100),
        ],
        extensions: vec![
            Extension { name: "pgcrypto".into(), version: "1.3".into(), schema: "public".into() },
            Extension { name: "postgis".into(), version: "3.3.2".into(), schema: "public".into() },
        ],
        large_objects: 3,
        blind_spots: vec!["passwords of roles could not be read: the login is not a superuser".into()],
        ..Catalog::default()
    };
    (orders(), catalog)
}

pub fn lines() -> Vec<Line> {
    let line = |what: &str, name: &str, owner: Option<&str>, rows, bytes| Line {
        what: what.into(),
        name: name.into(),
        owner: owner.map(str::to_owned),
        rows,
        bytes,
    };
    vec![
        line("ROLE", "orders_owner", None, None, None),
        line("TABLE", "public.orders", Some("orders_owner"), Some(1_400_000_000), Some(100 << 30)),
        line("TABLE", "public.line\nfeed", Some("orders_owner"), Some(5), Some(100)),
        line("FK CONSTRAINT", "public.items items_order_fkey", Some("orders_owner"), None, None),
        line("LARGE OBJECTS", "", None, Some(3), None),
    ]
}

pub fn verified() -> Vec<Verified> {
    let whole = Verified {
        repository: "main".into(),
        snapshot: "20261114T020000Z-11112222".into(),
        database: "orders".into(),
        objects: 3412,
        bytes: 2 << 30,
        rows: Some(1_400_000_000),
        damages: Vec::new(),
    };
    let damage =
        |tables: &[&str], failure| DamageLine { tables: tables.iter().map(|t| (*t).to_owned()).collect(), failure };
    let damaged = Verified {
        repository: "main".into(),
        snapshot: "20261121T020003Z-aabbccdd".into(),
        database: "shop".into(),
        objects: 12,
        bytes: 31_000,
        rows: Some(17),
        damages: vec![
            damage(
                &["public.items"],
                failure(
                    "DBB-SNAPSHOT-DAMAGED",
                    "an object is not what was stored",
                    &["objects/plain/3f/3fa9…: 30 100 bytes, BLAKE3 00aa…, expected 77bb…"],
                    &[
                        "restore the object from a copy of the repository",
                        "or back the database up anew: dbb apply --now full",
                    ],
                ),
            ),
            damage(&[], failure("DBB-SNAPSHOT-DAMAGED", "an object is missing", &["objects/plain/00/0011…"], &[])),
        ],
    };
    vec![whole, damaged]
}

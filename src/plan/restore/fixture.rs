//! Catalogs built by hand, for tests.

use crate::base::digest::RowSum;
use crate::model::catalog::{
    Catalog, Chunk, ChunkContent, DatabaseProperties, EntryKind, Role, RowFormat, SchemaEntry, Section, Table,
};
use crate::model::desired::{
    Desired, EngineKind, Existing, HostPort, OnError, Profile, RepositorySpec, RestoreSource, RoleScope, Runbook,
    ServerSpec, SnapshotAt, SuccessRule, TargetRight, TargetSpec,
};
use crate::model::graph::Graph;
use crate::model::manifest::{Consistency, Header, Mode, Totals};
use crate::model::observed::{LoginRights, Observed, RepositoryState, ServerState};
use crate::model::plan::Plan;
use crate::plan::{Chosen, RestoreInput, RestoreOptions};
use crate::port::engine::{Capabilities, Preflight};
use indexmap::IndexMap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Bytes of a table whose work is not batched.
pub const BIG: u64 = 100 << 20;

/// A catalog that grows entry by entry.
#[derive(Default)]
pub struct Maker {
    pub catalog: Catalog,
}

impl Maker {
    pub fn new() -> Self {
        let mut maker = Maker::default();
        maker.catalog.database = DatabaseProperties {
            name: "orders".into(),
            owner: "owner".into(),
            encoding: "UTF8".into(),
            collate: "C".into(),
            connection_limit: -1,
            allow_connections: true,
            ..DatabaseProperties::default()
        };
        maker.catalog.roles.push(Role { name: "owner".into(), connection_limit: -1, ..Role::default() });
        maker
    }

    pub fn entry(&mut self, kind: EntryKind, name: &str, depends: &[u32]) -> u32 {
        let id = self.catalog.entries.len() as u32 + 1;
        let section = match kind {
            EntryKind::Acl | EntryKind::DefaultAcl | EntryKind::EventTrigger => Section::Final,
            EntryKind::Index
            | EntryKind::IndexAttach
            | EntryKind::Constraint
            | EntryKind::CheckConstraint
            | EntryKind::ForeignKey
            | EntryKind::Trigger
            | EntryKind::Rule
            | EntryKind::Policy
            | EntryKind::Statistics
            | EntryKind::PostData => Section::PostData,
            _ => Section::PreData,
        };
        self.catalog.entries.push(SchemaEntry {
            id,
            kind,
            section,
            what: format!("{kind:?}").to_uppercase(),
            schema: "public".into(),
            name: name.into(),
            owner: None,
            depends: depends.to_vec(),
            table: None,
            definition: String::new(),
            drop: String::new(),
            tablespace: String::new(),
            access_method: String::new(),
            index_definition: None,
            populated: kind == EntryKind::MaterializedView,
        });
        id
    }

    pub fn of(&mut self, kind: EntryKind, name: &str, table: u32, more: &[u32]) -> u32 {
        let mut depends = vec![table];
        depends.extend(more);
        let id = self.entry(kind, name, &depends);
        self.edit(id).table = Some(table);
        id
    }

    pub fn edit(&mut self, id: u32) -> &mut SchemaEntry {
        &mut self.catalog.entries[id as usize - 1]
    }

    /// A table with `chunks` chunks, of `bytes` altogether.
    pub fn table(&mut self, name: &str, bytes: u64, chunks: u32) -> u32 {
        let entry = self.entry(EntryKind::Table, name, &[]);
        let id = self.catalog.tables.len() as u32 + 500;
        self.catalog.tables.push(Table {
            id,
            entry: Some(entry),
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
            without_rows: false,
            sum: RowSum { rows: u64::from(chunks), bytes, hash: 1 },
        });
        for _ in 0..chunks {
            self.catalog.chunks.push(Chunk {
                object: 0,
                offset: 0,
                bytes: bytes / u64::from(chunks),
                content: ChunkContent::Rows { table: id },
                format: RowFormat::Text,
                sum: RowSum::default(),
            });
        }
        entry
    }

    /// A partition of `parent`, attached.
    pub fn partition(&mut self, name: &str, parent: u32, bytes: u64) -> u32 {
        let table = self.table(name, bytes, 1);
        if let Some(last) = self.catalog.tables.last_mut() {
            last.root = Some(parent);
        }
        self.of(EntryKind::TableAttach, name, table, &[parent]);
        table
    }

    pub fn data(&mut self, entry: u32) -> &mut Table {
        self.catalog.tables.iter_mut().find(|table| table.entry == Some(entry)).unwrap()
    }
}

pub fn header(database: &str) -> Header {
    Header {
        id: format!("20261120T020000Z-{database}"),
        database: database.into(),
        source_database: database.into(),
        server: "pg".into(),
        engine: EngineKind::Postgres,
        server_version: "18.0".into(),
        run: "run".into(),
        taken: "2026-11-20T02:00:00Z".parse().unwrap(),
        finished: "2026-11-20T02:10:00Z".parse().unwrap(),
        consistency: Consistency::Database,
        mode: Mode::Full,
        totals: Totals { source_bytes: 1 << 30, ..Totals::default() },
        objects: Vec::new(),
    }
}

pub fn desired() -> Desired {
    let server = ServerSpec {
        name: "pg2".into(),
        engine: EngineKind::Postgres,
        at: HostPort { host: "localhost".into(), port: 5432 },
        direct: None,
        user: "dbb".into(),
        password: None,
        tls: Default::default(),
        maintenance_database: "postgres".into(),
        connect_timeout: Duration::from_secs(10),
        statement_timeout: None,
        lock_timeout: Duration::from_secs(60),
        client_bin: None,
        roles: RoleScope::Closure,
        place: "dbb.yaml:9".into(),
    };
    let target = TargetSpec {
        name: "staging".into(),
        server: "pg2".into(),
        allow: vec![TargetRight::Create, TargetRight::Replace],
        place: "dbb.yaml:20".into(),
    };
    Desired {
        project: "acme".into(),
        file: "dbb.yaml".into(),
        state_dir: ".dbb".into(),
        digest: "d".into(),
        repositories: IndexMap::from([("main".to_owned(), RepositorySpec::Local { path: "/backups".into() })]),
        servers: IndexMap::from([("pg2".to_owned(), server)]),
        databases: IndexMap::new(),
        targets: IndexMap::from([("staging".to_owned(), target)]),
        on_error: OnError::Continue,
        profile: Profile::Balanced,
        places: IndexMap::new(),
        origins: Default::default(),
    }
}

pub fn runbook() -> Runbook {
    Runbook {
        name: "r".into(),
        file: "restore.yaml".into(),
        from: RestoreSource::Database { name: "orders".into(), at: SnapshotAt::Latest },
        target: "staging".into(),
        rename: IndexMap::new(),
        roles: Default::default(),
        existing: Existing::Fail,
        include: Default::default(),
        exclude: Default::default(),
        jobs: Some(4),
        lock_timeout: Duration::from_secs(60),
        check: None,
        on_error: OnError::Continue,
        retries: 2,
        verify: Default::default(),
        success: SuccessRule::RequireAll,
    }
}

pub fn observed(headers: Vec<Header>) -> Observed {
    let server = ServerState {
        version: "18.0".into(),
        version_number: 180_000,
        identity: "77".into(),
        login: LoginRights { name: "dbb".into(), superuser: true, ..LoginRights::default() },
        ..ServerState::default()
    };
    let repository = RepositoryState { exists: true, snapshots: headers, ..RepositoryState::default() };
    Observed {
        now: "2026-11-21T00:00:00Z".parse().unwrap(),
        servers: IndexMap::from([("pg2".to_owned(), Ok(server))]),
        repositories: IndexMap::from([("main".to_owned(), Ok(repository))]),
        took_ms: 12,
    }
}

pub fn input(database: &str, catalog: Catalog) -> RestoreInput {
    RestoreInput {
        chosen: Chosen { repository: "main".into(), header: header(database) },
        catalog: Arc::new(catalog),
        preflight: Preflight { fingerprint: "empty".into(), same_ordering: true, ..Preflight::default() },
    }
}

pub fn options() -> RestoreOptions {
    RestoreOptions {
        targets: Vec::new(),
        excludes: Vec::new(),
        jobs: None,
        processors: 4,
        on_error: None,
        capabilities: Capabilities {
            kind: EngineKind::Postgres,
            transactional_ddl: true,
            not_valid_foreign_keys: true,
            constraint_using_index: true,
            shared_read_back: true,
        },
    }
}

pub fn plan_of(inputs: &[RestoreInput]) -> Plan {
    let headers = inputs.iter().map(|input| input.chosen.header.clone()).collect();
    crate::plan::restore(&desired(), &runbook(), &observed(headers), inputs, &options()).unwrap()
}

/// The steps of one database, to be asked what comes after what.
pub struct Seen {
    pub graph: Graph,
    after: BTreeMap<String, Vec<(String, bool)>>,
}

impl Seen {
    pub fn of(maker: Maker) -> Self {
        Seen::new(plan_of(&[input("orders", maker.catalog)]).graph)
    }

    pub fn new(graph: Graph) -> Self {
        let mut after: BTreeMap<String, Vec<(String, bool)>> = BTreeMap::new();
        for edge in &graph.edges {
            after.entry(edge.before.clone()).or_default().push((edge.after.clone(), edge.whatever));
        }
        Seen { graph, after }
    }

    fn id(&self, short: &str) -> String {
        let id = format!("restore.orders/{short}");
        assert!(self.graph.steps.iter().any(|step| step.id == id), "no step {id}: {:?}", self.ids());
        id
    }

    pub fn ids(&self) -> Vec<&str> {
        self.graph.steps.iter().map(|step| step.id.as_str()).collect()
    }

    fn reaches(&self, from: &str, to: &str, only_needs: bool) -> bool {
        let (from, to) = (self.id(from), self.id(to));
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(at) = open.pop() {
            for (next, whatever) in self.after.get(&at).into_iter().flatten() {
                if (!only_needs || !whatever) && seen.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        seen.contains(&to)
    }

    /// `after` cannot start before `before` has ended.
    pub fn ordered(&self, before: &str, after: &str) {
        assert!(self.reaches(before, after, false), "{after} does not wait for {before}");
    }

    /// If `before` fails, `after` is skipped.
    pub fn needs(&self, after: &str, before: &str) {
        assert!(self.reaches(before, after, true), "{after} does not need {before}");
    }

    /// Neither waits for the other.
    pub fn free(&self, a: &str, b: &str) {
        assert!(!self.reaches(a, b, false) && !self.reaches(b, a, false), "{a} and {b} wait for each other");
    }

    /// `after` starts although `before` failed.
    pub fn survives(&self, after: &str, before: &str) {
        assert!(!self.reaches(before, after, true), "{after} needs {before}");
    }
}

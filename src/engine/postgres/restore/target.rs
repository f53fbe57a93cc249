//! What all steps of a restore into one database have in common.

use crate::engine::postgres::quote;
use crate::engine::postgres::restore::pool::Pool;
use crate::engine::postgres::restore::setting;
use crate::error::{Error, Result};
use crate::model::catalog::{Chunk, ChunkContent, RowFormat, SchemaEntry, Table};
use crate::model::step::{RestoreSpec, StepId};
use crate::port::snapshots::SnapshotSource;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

/// A snapshot on its way into one database.
pub struct Target {
    /// Sessions.
    pub pool: Pool,
    /// What is asked for.
    pub spec: RestoreSpec,
    /// The snapshot.
    pub source: Arc<dyn SnapshotSource>,
    entries: HashMap<u32, usize>,
    tables: HashMap<u32, usize>,
    /// Tables with at least one chunk in binary form.
    binary: HashSet<u32>,
    /// Tables with at least one chunk in text form.
    text: HashSet<u32>,
    tablespaces: OnceCell<HashSet<String>>,
    /// Roles that the login may give things to; asked for only when it is not a superuser.
    takers: OnceCell<HashSet<String>>,
    tried: Mutex<HashSet<StepId>>,
}

impl Target {
    /// Indexes the catalog.
    pub fn new(pool: Pool, spec: RestoreSpec, source: Arc<dyn SnapshotSource>) -> Self {
        let catalog = source.catalog();
        let entries = catalog.entries.iter().enumerate().map(|(at, entry)| (entry.id, at)).collect();
        let tables = catalog.tables.iter().enumerate().map(|(at, table)| (table.id, at)).collect();
        let (mut binary, mut text) = (HashSet::new(), HashSet::new());
        for chunk in &catalog.chunks {
            if let ChunkContent::Rows { table } = chunk.content {
                match chunk.format {
                    RowFormat::Binary => binary.insert(table),
                    RowFormat::Text => text.insert(table),
                };
            }
        }
        Target {
            pool,
            spec,
            source,
            entries,
            tables,
            binary,
            text,
            tablespaces: OnceCell::new(),
            takers: OnceCell::new(),
            tried: Mutex::default(),
        }
    }

    /// A schema entry by id.
    ///
    /// # Errors
    /// `DBB-BUG` when the catalog has none.
    pub fn entry(&self, id: u32) -> Result<&SchemaEntry> {
        let found = self.entries.get(&id).and_then(|at| self.source.catalog().entries.get(*at));
        found.ok_or_else(|| Error::bug(format!("the snapshot has no entry {id}")))
    }

    /// A table by id.
    ///
    /// # Errors
    /// `DBB-BUG` when the catalog has none.
    pub fn table(&self, id: u32) -> Result<&Table> {
        let found = self.tables.get(&id).and_then(|at| self.source.catalog().tables.get(*at));
        found.ok_or_else(|| Error::bug(format!("the snapshot has no table {id}")))
    }

    /// A chunk by its index.
    ///
    /// # Errors
    /// `DBB-BUG` when the catalog has none.
    pub fn chunk(&self, index: u32) -> Result<&Chunk> {
        let found = self.source.catalog().chunks.get(index as usize);
        found.ok_or_else(|| Error::bug(format!("the snapshot has no chunk {index}")))
    }

    /// How the rows of a table are written; `None` when chunks differ.
    pub fn row_format(&self, table: u32) -> Option<RowFormat> {
        match (self.binary.contains(&table), self.text.contains(&table)) {
            (true, true) => None,
            (true, false) => Some(RowFormat::Binary),
            (false, _) => Some(RowFormat::Text),
        }
    }

    /// The encoding in which rows were captured.
    pub fn encoding(&self) -> &str {
        match self.source.catalog().database.encoding.as_str() {
            "" => "UTF8",
            encoding => encoding,
        }
    }

    /// A role's name on the target.
    pub fn role(&self, name: &str) -> String {
        self.mapped_role(name).unwrap_or_else(|| name.to_owned())
    }

    /// A role's name on the target, when it has another one there.
    pub fn mapped_role(&self, name: &str) -> Option<String> {
        self.spec.roles.map.get(name).cloned()
    }

    /// Notes that a step is tried; true when it was tried before, so that its mark may be there.
    pub fn tries(&self, step: &StepId) -> bool {
        !self.tried.lock().unwrap_or_else(PoisonError::into_inner).insert(step.clone())
    }

    /// True when a step was tried before.
    pub fn was_tried(&self, step: &StepId) -> bool {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner).contains(step)
    }

    /// Whether the target server has a tablespace.
    ///
    /// # Errors
    /// As the server says.
    pub async fn has_tablespace(&self, name: &str) -> Result<bool> {
        let known = self
            .tablespaces
            .get_or_try_init(|| async {
                let rows =
                    self.pool.admin_rows("select spcname from pg_catalog.pg_tablespace", "reading tablespaces").await?;
                Ok::<_, Error>(rows.iter().filter_map(|row| row.get(0).map(str::to_owned)).collect())
            })
            .await?;
        Ok(known.contains(name))
    }

    /// Whether the login may give things to a role (by its name on the target). Asked for after the roles were
    /// lent to the login.
    ///
    /// # Errors
    /// As the server says.
    pub async fn may_give(&self, role: &str) -> Result<bool> {
        if !self.spec.limited {
            return Ok(true);
        }
        let known = self
            .takers
            .get_or_try_init(|| async {
                let session = self.pool.admin_session().await?;
                let connection = session.connection()?;
                let kind = if connection.major() >= 16 { "SET" } else { "USAGE" };
                let sql =
                    format!("select rolname from pg_catalog.pg_roles where pg_catalog.pg_has_role(oid, '{kind}')");
                let rows = connection.rows(&sql, "looking at memberships").await?;
                Ok::<_, Error>(rows.iter().filter_map(|row| row.get(0).map(str::to_owned)).collect())
            })
            .await?;
        Ok(known.contains(role))
    }

    /// The statement that gives functions the search path that they may rely on (trap 11): the schema of the
    /// object itself, those of everything it depends on, the one the database had at the source, `public`.
    pub fn search_path_sql(&self, schema: &str, entry: Option<u32>) -> String {
        let mut path: Vec<String> = vec![schema.to_owned()];
        let mut seen: HashSet<u32> = entry.into_iter().collect();
        let mut next: VecDeque<u32> = entry.into_iter().collect();
        while let Some(entry) = next.pop_front().and_then(|id| self.entry(id).ok()) {
            path.push(entry.schema.clone());
            next.extend(entry.depends.iter().filter(|id| seen.insert(**id)));
        }
        let settings = &self.source.catalog().database.settings;
        let own = settings.iter().find(|setting| setting.role.is_none() && setting.name == "search_path");
        path.extend(own.map(|own| setting::split_names(&own.value)).unwrap_or_default());
        path.push("public".to_owned());
        let mut known = HashSet::new();
        path.retain(|name| !name.is_empty() && known.insert(name.clone()));
        let path: Vec<String> = path.iter().map(|name| quote::identifier(name)).collect();
        format!("SELECT pg_catalog.set_config('search_path', {}, true);", quote::literal(&path.join(", ")))
    }
}

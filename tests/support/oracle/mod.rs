//! Says whether two databases are the same. Uses `pg_dump` and SQL, nothing of the product.
//!
//! Compared are the schema, as normalised `pg_dump` text; facts that pg_dump does not print or that
//! belong to the database (`facts.sql`: properties, settings, extension versions, sequence values,
//! large objects, populated materialized views); and every table's rows, as count and multiset hash.
//!
//! The client is PostgreSQL 18's for servers of every major: it is the only one that reads them all,
//! and text of two clients could not be compared. Two majors still print the same view differently;
//! between them the left schema is first loaded into a scratch database of the right server, and
//! what that server makes of it is compared.

mod portrait;
mod reference;
mod report;
mod roles;

use super::cluster::Cluster;
pub use portrait::Portrait;

/// The major of the client programs that look at both sides.
pub const CLIENT_MAJOR: u32 = 18;

/// A database: its cluster and name.
pub type Side<'a> = (&'a Cluster, &'a str);

/// What to compare; by default everything.
#[derive(Clone, Default)]
pub struct Oracle {
    only_schemas: Vec<String>,
    skip_schemas: Vec<String>,
    skip_data: Vec<String>,
    ignoring: Vec<String>,
    replacing: Vec<(String, String)>,
    by_root: bool,
    by_reference: bool,
    without_properties: bool,
    without_tablespaces: bool,
}

impl Oracle {
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks at this schema only (repeatable), as pg_dump's `--schema`.
    pub fn only_schema(mut self, name: &str) -> Self {
        self.only_schemas.push(name.into());
        self
    }

    /// Leaves out a schema with all that is in it.
    pub fn skip_schema(mut self, name: &str) -> Self {
        self.skip_schemas.push(name.into());
        self
    }

    /// Leaves out the rows of `schema.table`, or of all tables by `schema.*`; quoted as SQL would.
    pub fn skip_data(mut self, table: &str) -> Self {
        self.skip_data.push(table.into());
        self
    }

    /// Leaves out every line of schema and facts that contains `text`.
    pub fn ignoring(mut self, text: &str) -> Self {
        self.ignoring.push(text.into());
        self
    }

    /// Replaces text in the schema, facts and roles of the left side, as an owner that a restore maps.
    pub fn replacing(mut self, from: &str, to: &str) -> Self {
        self.replacing.push((from.into(), to.into()));
        self
    }

    /// Counts the rows of partitioned tables at the root only, not also by leaf: rows may sit in other leaves.
    pub fn by_root(mut self) -> Self {
        self.by_root = true;
        self
    }

    /// Compares with what PostgreSQL's own tools would restore, not with the left side's very words: a
    /// dump puts inherited columns first, and no restore can put them back among the others.
    pub fn by_reference(mut self) -> Self {
        self.by_reference = true;
        self
    }

    /// Leaves out what belongs to the database itself: owner, rights, locale, settings, comment.
    pub fn without_properties(mut self) -> Self {
        self.without_properties = true;
        self
    }

    /// Leaves out in which tablespace a table or index lies: the target may have none of them.
    pub fn without_tablespaces(mut self) -> Self {
        self.without_tablespaces = true;
        self
    }

    /// What the database looks like now, to be compared when it may have changed.
    #[track_caller]
    pub fn portrait(&self, side: Side<'_>) -> Portrait {
        Portrait::take(self, side)
    }

    /// What differs between left and right, readable; None when nothing does.
    #[track_caller]
    pub fn differences(&self, left: Side<'_>, right: Side<'_>) -> Option<String> {
        let before = self.in_words_of(right, self.portrait(left));
        report::differences(self, &before, &self.portrait(right), |table| {
            Some((portrait::rows(left, table)?, portrait::rows(right, table)?))
        })
    }

    /// As `differences`, with a left side that was looked at earlier.
    #[track_caller]
    pub fn differences_since(&self, before: &Portrait, right: Side<'_>) -> Option<String> {
        let before = self.in_words_of(right, before.clone());
        report::differences(self, &before, &self.portrait(right), |_| None)
    }

    #[track_caller]
    fn in_words_of(&self, right: Side<'_>, before: Portrait) -> Portrait {
        let needed = self.by_reference || before.major != right.0.major;
        if needed { reference::on_server_of(self, right, before) } else { before }
    }

    #[track_caller]
    pub fn assert_same(&self, left: Side<'_>, right: Side<'_>) {
        if let Some(differences) = self.differences(left, right) {
            panic!("{} and {} differ (-left +right)\n{differences}", name(left), name(right));
        }
    }

    #[track_caller]
    pub fn assert_same_since(&self, before: &Portrait, right: Side<'_>) {
        if let Some(differences) = self.differences_since(before, right) {
            panic!("{} is not what it should be (-expected +found)\n{differences}", name(right));
        }
    }

    /// Compares roles with attributes, password hashes, settings, comments and memberships.
    #[track_caller]
    pub fn assert_same_roles(&self, left: &Cluster, right: &Cluster, names: &[&str]) {
        let crossing = (left.major < 16) != (right.major < 16);
        let (before, after) = (roles::text(left, names, crossing), roles::text(right, names, crossing));
        if let Some(diff) = report::text(self, "roles", &before, &after) {
            panic!("roles of PostgreSQL {} and {} differ (-left +right)\n{diff}", left.major, right.major);
        }
    }
}

fn name((cluster, database): Side<'_>) -> String {
    format!("{database} on PostgreSQL {}", cluster.major)
}

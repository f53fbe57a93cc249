//! ACCESS SHARE locks: enough room for them, taken in batches, and who stands in the way.

use crate::engine::postgres::capture::field;
use crate::engine::postgres::capture::relations::{self, Relation};
use crate::engine::postgres::connect::Connection;
use crate::engine::postgres::quote;
use crate::error::{Error, Result, code};

/// Tables in one LOCK statement.
const LOCK_BATCH_TABLES: usize = 200;

/// `max_locks_per_transaction * (max_connections + max_prepared_transactions)`, and what it is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockTable {
    /// Locks on different objects that the server has room for.
    pub capacity: u64,
    /// `max_locks_per_transaction`
    pub per_transaction: u64,
    /// `max_connections + max_prepared_transactions`
    pub transactions: u64,
    /// Locks that are taken now.
    pub used: u64,
}

/// Reads the size of the lock table.
///
/// # Errors
/// As the server says.
pub async fn lock_table(connection: &Connection) -> Result<LockTable> {
    let sql = "select pg_catalog.current_setting('max_locks_per_transaction'),
                 pg_catalog.current_setting('max_connections')::int8 +
                 pg_catalog.current_setting('max_prepared_transactions')::int8,
                 (select pg_catalog.count(*) from pg_catalog.pg_locks where not fastpath and locktype = 'relation')";
    let rows = connection.rows(sql, "reading the size of the lock table").await?;
    let row = rows.first().ok_or_else(|| Error::bug("a query without a condition gave no row"))?;
    let (per_transaction, transactions): (u64, u64) = (field::number(row, 0)?, field::number(row, 1)?);
    Ok(LockTable {
        capacity: per_transaction * transactions,
        per_transaction,
        transactions,
        used: field::number(row, 2)?,
    })
}

/// Checks that `tables` locks fit: filling the lock table would fail other sessions too.
///
/// # Errors
/// `DBB-PG-LOCK-TABLE`
pub fn check_room(table: LockTable, tables: u64) -> Result<()> {
    if tables.saturating_add(table.used) <= table.capacity {
        return Ok(());
    }
    let needed = (tables + table.used).div_ceil(table.transactions.max(1));
    // some air, and a round number
    let suggested = (needed * 5 / 4).div_ceil(64) * 64;
    Err(Error::new(
        code::PG_LOCK_TABLE,
        format!("{tables} tables must be locked, but the server's lock table has room for {}", table.capacity),
    )
    .cause(format!(
        "max_locks_per_transaction = {} times {} transactions; {} locks are taken by others",
        table.per_transaction, table.transactions, table.used
    ))
    .fix(format!("Set max_locks_per_transaction = {suggested} in postgresql.conf and restart the server"))
    .fix("Or leave tables out with exclude.tables of the database"))
}

/// The list of tables of a LOCK statement: each by itself, for all of a tree are named.
pub fn targets<'a>(tables: impl IntoIterator<Item = &'a Relation>) -> String {
    let listed: Vec<String> =
        tables.into_iter().map(|table| format!("ONLY {}", quote::qualified(&table.schema, &table.name))).collect();
    listed.join(", ")
}

/// Locks tables against being altered, and proves that none was since the snapshot.
///
/// # Errors
/// `DBB-PG-LOCK` naming who holds what, `DBB-PG-DDL`, `DBB-PG-LOCK-TABLE`
pub async fn lock(holder: &Connection, observer: &Connection, tables: &[&Relation]) -> Result<()> {
    for batch in tables.chunks(LOCK_BATCH_TABLES) {
        let sql = format!("LOCK TABLE {} IN ACCESS SHARE MODE", targets(batch.iter().copied()));
        if let Err(error) = holder.batch(&sql, "locking the tables against being altered").await {
            return Err(explain(error, observer, holder.pid).await);
        }
    }
    let oids: Vec<u32> = tables.iter().map(|table| table.oid).collect();
    let then = relations::shapes(holder, &oids).await?;
    let now = relations::shapes(observer, &oids).await?;
    let moved: Vec<String> = tables
        .iter()
        .filter(|table| then.get(&table.oid) != now.get(&table.oid))
        .map(|table| table.display())
        .collect();
    if moved.is_empty() { Ok(()) } else { Err(altered(&moved)) }
}

/// Tables were altered between the snapshot and the locks.
pub fn altered(tables: &[String]) -> Error {
    Error::new(code::PG_DDL, format!("tables were altered or dropped while the capture began: {}", shown(tables)))
        .cause("a table that is truncated or rewritten after the snapshot would be captured without its rows")
        .fix("Run the backup again when no migration is under way")
}

/// The first names of a list.
pub fn shown(names: &[String]) -> String {
    const NAMES_MAX: usize = 10;
    let mut text = names.iter().take(NAMES_MAX).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > NAMES_MAX {
        text.push_str(&format!(" and {} more", names.len() - NAMES_MAX));
    }
    text
}

/// Adds to an error of locking who stands in the way; a table that is gone was dropped meanwhile.
pub async fn explain(error: Error, observer: &Connection, own_pid: i32) -> Error {
    if error.causes().iter().any(|cause| cause.contains("42P01") || cause.contains("3F000")) {
        return Error::new(code::PG_DDL, "a table was dropped or renamed while the capture began")
            .cause(error.causes().join("; "))
            .fix("Run the backup again when no migration is under way");
    }
    if error.code() != code::PG_LOCK {
        return error;
    }
    let Ok(blockers) = blockers(observer, own_pid).await else { return error };
    if blockers.is_empty() {
        return error.cause("whoever held the lock has let it go since");
    }
    blockers.into_iter().fold(error, Error::cause)
}

/// Sessions that hold or wait for a lock which stops readers, in sentences.
async fn blockers(observer: &Connection, own_pid: i32) -> Result<Vec<String>> {
    let sql = format!(
        "select l.pid, coalesce(a.usename::text, '?'), coalesce(a.application_name, ''), l.granted,
           coalesce(n.nspname || '.' || c.relname, l.relation::text), coalesce(a.query_start::text, '?'),
           pg_catalog.left(coalesce(a.query, ''), 120), coalesce(a.state, '?')
         from pg_catalog.pg_locks l
         left join pg_catalog.pg_stat_activity a on a.pid = l.pid
         left join pg_catalog.pg_class c on c.oid = l.relation
         left join pg_catalog.pg_namespace n on n.oid = c.relnamespace
         where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock' and l.pid <> {own_pid}
           and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
           and coalesce(c.relkind, 'r') in ('r', 'p', 'm', 'v', 'f')
         order by l.granted desc, l.pid limit 5"
    );
    let mut sentences = Vec::new();
    for row in observer.rows(&sql, "finding out who holds the lock").await? {
        let verb = if field::flag(&row, 3) { "holds" } else { "waits for" };
        sentences.push(format!(
            "process {} ({}, {}) {verb} ACCESS EXCLUSIVE on {}; {} since {}: {}",
            field::text(&row, 0),
            field::text(&row, 1),
            Some(field::text(&row, 2)).filter(|name| !name.is_empty()).unwrap_or_else(|| "no application name".into()),
            field::text(&row, 4),
            field::text(&row, 7),
            field::text(&row, 5),
            field::text(&row, 6).split_whitespace().collect::<Vec<_>>().join(" ")
        ));
    }
    Ok(sentences)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_lock_table_is_refused_with_numbers() {
        let table = LockTable { capacity: 6400, per_transaction: 64, transactions: 100, used: 0 };
        assert!(check_room(table, 6400).is_ok());
        let error = check_room(table, 20_000).unwrap_err();
        assert_eq!(error.code(), code::PG_LOCK_TABLE);
        assert!(error.message().contains("20000") && error.message().contains("6400"), "{error}");
        assert!(error.fixes()[0].contains("max_locks_per_transaction = 256"), "{:?}", error.fixes());
    }
}

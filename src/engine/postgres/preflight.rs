//! What stands in the way of a restore: everything at once, before anything is touched.

mod collation;
mod roles;

use crate::engine::postgres::connect::{self, Connection, Purpose};
use crate::engine::postgres::{Postgres, quote};
use crate::error::{Code, Error, Failure, Result, code};
use crate::model::catalog::{Catalog, EntryKind};
use crate::model::desired::ServerSpec;
use crate::model::step::RestoreSpec;
use crate::port::engine::Preflight;
use std::collections::BTreeSet;

/// Longest name of an object, in bytes (NAMEDATALEN - 1).
const NAME_BYTES_MAX: usize = 63;
/// Fewer free connections than this are worth a warning.
const CONNECTIONS_WANTED: i64 = 8;

/// Looks at the target. Changes nothing.
///
/// # Errors
/// Those of connecting; all else is in the answer.
pub async fn preflight(
    engine: &Postgres,
    server: &ServerSpec,
    spec: &RestoreSpec,
    catalog: &Catalog,
) -> Result<Preflight> {
    let connection = connect::open(engine, server, &server.maintenance_database, Purpose::Observe).await?;
    // what a selection leaves out need not be possible on the target
    let catalog = catalog.without(&spec.left_out);
    let mut check = Checks { connection, server, spec, catalog: &catalog, found: Preflight::default() };
    check.found.limited = !check.connection.superuser;
    let state = check.target().await?;
    check.extensions().await?;
    check.tablespaces().await?;
    let missing = roles::check(&mut check).await?;
    check.rights(&state, &missing).await?;
    collation::check(&mut check).await?;
    check.connections().await?;
    check.found.fingerprint = format!(
        "{}; {}; missing roles: {}",
        state.identity,
        state.database,
        if missing.is_empty() { "none".to_owned() } else { missing.into_iter().collect::<Vec<_>>().join(", ") }
    );
    Ok(check.found)
}

/// What is looked at and what was found.
struct Checks<'a> {
    connection: Connection,
    server: &'a ServerSpec,
    spec: &'a RestoreSpec,
    catalog: &'a Catalog,
    found: Preflight,
}

/// What the target is like.
struct State {
    identity: String,
    database: String,
    create_db: bool,
    create_role: bool,
    login: String,
    /// The login owns the database that is there.
    owns: bool,
}

impl Checks<'_> {
    fn fail(&mut self, error: Error) {
        self.found.failures.push(error.failure());
    }

    fn warn(&mut self, code: &'static Code, message: impl Into<String>, fix: &str) {
        self.found.warnings.push(warning(code, message, fix));
    }

    async fn column(&self, sql: &str) -> Result<Vec<String>> {
        let rows = self.connection.rows(sql, &format!("looking at {}", self.server.name)).await?;
        Ok(rows.iter().filter_map(|row| row.get(0).map(str::to_owned)).collect())
    }

    /// The server and the database that is to be made.
    async fn target(&mut self) -> Result<State> {
        let name = self.spec.target_database.clone();
        let doing = format!("looking at {}", self.server.name);
        let sql = "select pg_catalog.current_setting('server_version'), pg_catalog.pg_is_in_recovery(), r.rolcreatedb, \
                   r.rolcreaterole, r.rolname, (select system_identifier from pg_catalog.pg_control_system()) \
                   from pg_catalog.pg_roles r where r.rolname = current_user";
        let rows = self.connection.rows(sql, &doing).await?;
        let row = rows.first().ok_or_else(|| Error::bug("the login has no role"))?;
        let (version, identity) = (row.get(0).unwrap_or_default(), row.get(5).unwrap_or_default());
        let mut state = State {
            identity: format!("server {identity}, PostgreSQL {version}"),
            database: format!("database \"{name}\" absent"),
            create_db: row.get(2) == Some("t"),
            create_role: row.get(3) == Some("t"),
            login: row.get(4).unwrap_or_default().to_owned(),
            owns: false,
        };
        if row.get(1) == Some("t") {
            self.fail(
                Error::new(
                    code::RESTORE_RIGHTS,
                    format!("{} is a standby: nothing can be written there", self.server.name),
                )
                .fix("Restore to the primary, or promote this server"),
            );
        }
        if name.len() > NAME_BYTES_MAX {
            self.fail(
                Error::new(
                    code::CONFIG_VALUE,
                    format!("the database name \"{name}\" is longer than {NAME_BYTES_MAX} bytes"),
                )
                .fix("Choose a shorter one with rename: of the runbook"),
            );
        }
        let sql = format!(
            "select d.oid, pg_catalog.pg_has_role(d.datdba, 'USAGE'), \
             (select pg_catalog.count(*) from pg_catalog.pg_stat_activity a where a.datid = d.oid), \
             (select pg_catalog.count(*) from pg_catalog.pg_prepared_xacts p where p.database = d.datname), \
             (select pg_catalog.count(*) from pg_catalog.pg_replication_slots s where s.database = d.datname), \
             (select pg_catalog.count(*) from pg_catalog.pg_subscription s where s.subdbid = d.oid) \
             from pg_catalog.pg_database d where d.datname = {}",
            quote::literal(&name)
        );
        let rows = self.connection.rows(&sql, &doing).await?;
        if let Some(row) = rows.first() {
            state.owns = row.get(1) == Some("t");
            state.database = format!("database \"{name}\" oid {}", row.get(0).unwrap_or_default());
            let number = |at: usize| row.get(at).and_then(|text| text.parse::<i64>().ok()).unwrap_or_default();
            self.existing(&name, number(2), [number(3), number(4), number(5)]);
        }
        Ok(state)
    }

    fn existing(&mut self, name: &str, sessions: i64, holders: [i64; 3]) {
        if !self.spec.replace {
            self.fail(
                Error::new(code::RESTORE_EXISTS, format!("database \"{name}\" exists on {}", self.server.name))
                    .fix("Choose another name with rename: of the runbook")
                    .fix("Or say existing: replace, with allow: [create, replace] at the target"),
            );
            return;
        }
        if sessions > 0 {
            let text =
                format!("{sessions} sessions use database \"{name}\" on {}: they will be ended", self.server.name);
            self.warn(code::RESTORE_EXISTS, text, "Stop what uses it beforehand");
        }
        let [prepared, slots, subscriptions] = holders;
        if prepared + slots + subscriptions > 0 {
            self.fail(
                Error::new(code::RESTORE_EXISTS, format!("database \"{name}\" on {} cannot be dropped", self.server.name))
                    .cause(format!(
                        "{prepared} prepared transactions, {slots} replication slots and {subscriptions} subscriptions hold it"
                    ))
                    .fix("See pg_prepared_xacts, pg_replication_slots and pg_subscription there")
                    .fix("ROLLBACK PREPARED, pg_drop_replication_slot and DROP SUBSCRIPTION free it"),
            );
        }
    }

    async fn extensions(&mut self) -> Result<()> {
        let rows = self
            .connection
            .rows("select name, version from pg_catalog.pg_available_extension_versions", "looking at extensions")
            .await?;
        let there: BTreeSet<(&str, &str)> =
            rows.iter().map(|row| (row.get(0).unwrap_or_default(), row.get(1).unwrap_or_default())).collect();
        for extension in &self.catalog.extensions {
            let versions: Vec<&str> =
                there.iter().filter(|(name, _)| *name == extension.name).map(|(_, version)| *version).collect();
            if versions.is_empty() {
                let error = Error::new(
                    code::RESTORE_EXTENSION,
                    format!(
                        "extension {} {} is not available on {}",
                        extension.name, extension.version, self.server.name
                    ),
                )
                .fix(format!("Install the package that holds {} on the target server", extension.name))
                .fix("Or leave out what needs it with exclude: of the runbook");
                self.found.failures.push(error.failure());
            } else if !versions.contains(&extension.version.as_str()) {
                self.found.warnings.push(warning(
                    code::RESTORE_EXTENSION,
                    format!(
                        "extension {} is not available on {} in version {}, but in {}",
                        extension.name,
                        self.server.name,
                        extension.version,
                        versions.join(", ")
                    ),
                    "Check that what uses it works with the other version",
                ));
            }
        }
        Ok(())
    }

    async fn tablespaces(&mut self) -> Result<()> {
        let there: BTreeSet<String> =
            self.column("select spcname from pg_catalog.pg_tablespace").await?.into_iter().collect();
        let used = self.catalog.entries.iter().map(|entry| entry.tablespace.as_str());
        let used: BTreeSet<&str> =
            used.chain(self.catalog.database.tablespace.as_deref()).filter(|name| !name.is_empty()).collect();
        for name in used.into_iter().filter(|name| !there.contains(*name)) {
            self.found.warnings.push(warning(
                code::RESTORE_TABLESPACE,
                format!("{} has no tablespace \"{name}\": what lies there goes into the default one", self.server.name),
                &format!(
                    "Create it first if that matters: CREATE TABLESPACE {} LOCATION '...'",
                    quote::identifier(name)
                ),
            ));
        }
        Ok(())
    }

    /// What the login lacks.
    async fn rights(&mut self, state: &State, missing: &BTreeSet<String>) -> Result<()> {
        if self.connection.superuser {
            return Ok(());
        }
        let login = &state.login;
        let mut lacks = Vec::new();
        if !state.create_db {
            lacks.push(format!("CREATEDB is needed: ALTER ROLE {} CREATEDB", quote::identifier(login)));
        }
        if !missing.is_empty() && !state.create_role {
            lacks.push(format!("CREATEROLE is needed: ALTER ROLE {} CREATEROLE", quote::identifier(login)));
        }
        if self.spec.replace && !state.database.ends_with("absent") && !state.owns {
            let name = quote::identifier(&self.spec.target_database);
            lacks.push(format!(
                "only its owner may replace it: ALTER DATABASE {name} OWNER TO {}",
                quote::identifier(login)
            ));
        }
        if !lacks.is_empty() {
            let mut error = Error::new(
                code::RESTORE_RIGHTS,
                format!("\"{login}\" lacks rights for this restore on {}", self.server.name),
            );
            for lack in lacks {
                error = error.fix(lack);
            }
            self.fail(error.fix("Or restore as a superuser"));
        }
        let needs: Vec<String> = self
            .catalog
            .entries
            .iter()
            .filter(|entry| {
                matches!(entry.kind, EntryKind::EventTrigger | EntryKind::Subscription)
                    || matches!(
                        entry.what.as_str(),
                        "FOREIGN DATA WRAPPER"
                            | "PROCEDURAL LANGUAGE"
                            | "OPERATOR CLASS"
                            | "OPERATOR FAMILY"
                            | "ACCESS METHOD"
                    )
            })
            .map(|entry| format!("{} {}", entry.what.to_lowercase(), entry.display()))
            .collect();
        if !needs.is_empty() {
            let text = format!("\"{login}\" is no superuser and cannot make: {}", needs.join(", "));
            self.warn(
                code::RESTORE_RIGHTS,
                text,
                "Restore as a superuser, or leave these out with exclude: of the runbook",
            );
        }
        self.untrusted_extensions(state).await
    }

    async fn untrusted_extensions(&mut self, state: &State) -> Result<()> {
        let trusted: BTreeSet<String> = if self.connection.major() >= 13 {
            self.column("select name from pg_catalog.pg_available_extension_versions where trusted or not superuser")
                .await?
        } else {
            self.column("select name from pg_catalog.pg_available_extension_versions where not superuser").await?
        }
        .into_iter()
        .collect();
        for extension in self.catalog.extensions.iter().filter(|extension| extension.name != "plpgsql") {
            if !trusted.contains(&extension.name) {
                let error = Error::new(
                    code::RESTORE_RIGHTS,
                    format!("\"{}\" may not create extension {} on {}", state.login, extension.name, self.server.name),
                )
                .fix("Restore as a superuser");
                self.found.failures.push(error.failure());
            }
        }
        Ok(())
    }

    async fn connections(&mut self) -> Result<()> {
        let free = self
            .column(
                "select pg_catalog.current_setting('max_connections')::int \
                 - pg_catalog.current_setting('superuser_reserved_connections')::int \
                 - (select pg_catalog.count(*) from pg_catalog.pg_stat_activity where backend_type = 'client backend')",
            )
            .await?;
        let free: i64 = free.first().and_then(|text| text.parse().ok()).unwrap_or(CONNECTIONS_WANTED);
        if free < CONNECTIONS_WANTED {
            let text = format!("{} has only {free} connections left", self.server.name);
            self.warn(code::PG_CONNECT, text, "Lower jobs, or raise max_connections");
        }
        Ok(())
    }
}

fn warning(code: &'static Code, message: impl Into<String>, fix: &str) -> Failure {
    Error::new(code, message).fix(fix).failure()
}

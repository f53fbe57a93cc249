//! The database itself: dropped, created, given its properties, finished.

use crate::engine::postgres::connect::Connection;
use crate::engine::postgres::quote;
use crate::engine::postgres::restore::progress::{self, Origin};
use crate::engine::postgres::restore::setting;
use crate::engine::postgres::restore::target::Target;
use crate::error::{Error, Result, code};
use crate::model::catalog::{DatabaseProperties, Grant};
use crate::model::journal::Facts;
use crate::model::step::StepId;
use std::collections::BTreeSet;

/// Drops the database that is to be replaced, ending all its sessions.
///
/// # Errors
/// As the server says.
pub async fn drop(target: &Target) -> Result<Facts> {
    target.pool.clear();
    let name = target.pool.database();
    let doing = format!("dropping database \"{name}\"");
    let there = target
        .pool
        .admin_rows(
            &format!("select datistemplate from pg_catalog.pg_database where datname = {}", quote::literal(name)),
            &doing,
        )
        .await?;
    let Some(row) = there.first() else { return Ok(Facts::default()) };
    let quoted = quote::identifier(name);
    if row.get(0) == Some("t") {
        target.pool.admin(&format!("ALTER DATABASE {quoted} WITH IS_TEMPLATE false"), &doing).await?;
    }
    let major = target.pool.admin_session().await?.connection()?.major();
    if major >= 13 {
        target.pool.admin(&format!("DROP DATABASE IF EXISTS {quoted} WITH (FORCE)"), &doing).await?;
    } else {
        target.pool.admin(&format!("ALTER DATABASE {quoted} WITH ALLOW_CONNECTIONS false"), &doing).await?;
        let end = format!(
            "select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity where datname = {}",
            quote::literal(name)
        );
        target.pool.admin_rows(&end, &doing).await?;
        target.pool.admin(&format!("DROP DATABASE IF EXISTS {quoted}"), &doing).await?;
    }
    Ok(Facts::default())
}

/// Creates the database and its progress table; one that an interrupted try left is taken up.
///
/// # Errors
/// `DBB-RESTORE-STATE` when a database of that name holds something else; the server's codes.
pub async fn create(target: &Target) -> Result<Facts> {
    let mut facts = Facts::default();
    let name = target.pool.database();
    let doing = format!("creating database \"{name}\"");
    let there = target
        .pool
        .admin_rows(&format!("select 1 from pg_catalog.pg_database where datname = {}", quote::literal(name)), &doing)
        .await?;
    if there.is_empty() {
        let properties = &target.source.catalog().database;
        let (major, superuser) = {
            let session = target.pool.admin_session().await?;
            let connection = session.connection()?;
            (connection.major(), connection.superuser)
        };
        let tablespace = match &properties.tablespace {
            Some(name) if target.has_tablespace(name).await? => Some(name.as_str()),
            Some(name) => {
                facts
                    .warnings
                    .push(format!("the target has no tablespace \"{name}\": the database is put into the default one"));
                None
            }
            None => None,
        };
        // who is no superuser keeps it until its contents are in
        let owner = Some(target.role(&properties.owner)).filter(|owner| superuser && !owner.is_empty());
        let sql = create_sql(name, properties, major, owner.as_deref(), tablespace);
        target.pool.admin(&sql, &doing).await.map_err(|error| {
            error.fix("Check that the target knows the encoding and locale: select collname from pg_collation")
        })?;
    }
    let connection = target.pool.take().await?;
    match progress::origin(&connection, &target.spec.snapshot).await? {
        Origin::Ours => {}
        Origin::Empty => {
            connection.batch(&progress::create_sql(&target.spec.snapshot), "making the progress table").await?
        }
        Origin::Foreign => return Err(foreign(target)),
    }
    if target.spec.limited {
        lend(target, &connection, &mut facts.warnings).await?;
    }
    target.pool.give(connection);
    Ok(facts)
}

/// The error for a database that is not what this restore left there.
pub fn foreign(target: &Target) -> Error {
    Error::new(
        code::RESTORE_STATE,
        format!("database {} is not as this restore left it", target.pool.display()),
    )
    .cause("it holds objects and has no progress table of this restore")
    .fix("Somebody else created it or dropped the schema dbb_restore: drop the database, or choose another name with rename:")
    .fix("Then begin the restore anew: dbb apply RUNBOOK")
}

/// `CREATE DATABASE`, as pg_dump's `dumpDatabase` writes it for each version.
fn create_sql(
    name: &str,
    properties: &DatabaseProperties,
    major: u32,
    owner: Option<&str>,
    tablespace: Option<&str>,
) -> String {
    let mut sql = format!("CREATE DATABASE {} WITH TEMPLATE = template0", quote::identifier(name));
    if !properties.encoding.is_empty() {
        sql.push_str(&format!(" ENCODING = {}", quote::literal(&properties.encoding)));
    }
    let provider = properties.locale_provider.as_str();
    if major >= 15 && !provider.is_empty() && (provider != "builtin" || major >= 17) {
        sql.push_str(&format!(" LOCALE_PROVIDER = {provider}"));
    }
    if !properties.collate.is_empty() {
        sql.push_str(&format!(" LC_COLLATE = {}", quote::literal(&properties.collate)));
    }
    if !properties.ctype.is_empty() {
        sql.push_str(&format!(" LC_CTYPE = {}", quote::literal(&properties.ctype)));
    }
    if let Some(locale) = &properties.locale {
        match provider {
            "icu" if major >= 15 => sql.push_str(&format!(" ICU_LOCALE = {}", quote::literal(locale))),
            "builtin" if major >= 17 => sql.push_str(&format!(" BUILTIN_LOCALE = {}", quote::literal(locale))),
            _ => {}
        }
    }
    if let Some(rules) = properties.icu_rules.as_ref().filter(|_| major >= 16) {
        sql.push_str(&format!(" ICU_RULES = {}", quote::literal(rules)));
    }
    if let Some(owner) = owner {
        sql.push_str(&format!(" OWNER = {}", quote::identifier(owner)));
    }
    if let Some(tablespace) = tablespace {
        sql.push_str(&format!(" TABLESPACE = {}", quote::identifier(tablespace)));
    }
    sql
}

/// Lends the login the roles that will own things, so that it may give them away (trap 31). Noted in the
/// progress table first, so that `finish` can undo it whatever happens between.
async fn lend(target: &Target, connection: &Connection, warnings: &mut Vec<String>) -> Result<()> {
    let catalog = target.source.catalog();
    let owners: BTreeSet<String> = catalog
        .entries
        .iter()
        .filter_map(|entry| entry.owner.as_deref())
        .chain(std::iter::once(catalog.database.owner.as_str()))
        // the catalog does not say whose large objects are
        .chain(catalog.roles.iter().filter(|_| catalog.large_objects > 0).map(|role| role.name.as_str()))
        .filter(|owner| !owner.is_empty() && !owner.starts_with("pg_"))
        .map(|owner| target.role(owner))
        .collect();
    let options = if connection.major() >= 16 { " WITH INHERIT TRUE, SET TRUE" } else { "" };
    let kind = if connection.major() >= 16 { "SET" } else { "USAGE" };
    for owner in owners {
        let literal = quote::literal(&owner);
        let missing = connection
            .rows(
                &format!(
                    "select 1 from pg_catalog.pg_roles where rolname = {literal} \
                     and not (pg_catalog.pg_has_role(oid, '{kind}') and pg_catalog.pg_has_role(oid, 'USAGE'))"
                ),
                "looking at memberships",
            )
            .await?;
        if missing.is_empty() {
            continue;
        }
        let sql = format!(
            "BEGIN; INSERT INTO dbb_restore.lent VALUES ({literal}) ON CONFLICT DO NOTHING; \
             GRANT {} TO CURRENT_USER{options}; COMMIT",
            quote::identifier(&owner)
        );
        if let Err(error) = connection.batch(&sql, format!("granting \"{owner}\" to the login")).await {
            connection.batch("ROLLBACK", "granting roles to the login").await?;
            warnings.push(format!(
                "what belongs to \"{owner}\" will stay with the login, which cannot become a member ({})",
                error.causes().join("; ")
            ));
        }
    }
    Ok(())
}

/// Owner, settings, grants, comment, labels.
///
/// # Errors
/// As the server says.
pub async fn properties(target: &Target, step: &StepId) -> Result<Facts> {
    let connection = target.pool.take().await?;
    if target.tries(step)
        && let Some(facts) = progress::marked(&connection, &[step]).await?.remove(step)
    {
        target.pool.give(connection);
        return Ok(facts);
    }
    let doing = format!("setting the properties of {}", target.pool.display());
    let mut facts = Facts::default();
    connection.batch("BEGIN", &doing).await?;
    let give = target.may_give(&target.role(&target.source.catalog().database.owner)).await?;
    let (must, may) = property_statements(target, give);
    let (must, may) = if target.spec.limited { (Vec::new(), [must, may].concat()) } else { (must, may) };
    for (sql, what) in &must {
        connection.batch(sql, what).await?;
    }
    facts.warnings = setting::each(&connection, &may).await?;
    connection.batch(&format!("{}COMMIT", progress::mark_sql(step, &facts)?), &doing).await?;
    target.pool.give(connection);
    Ok(facts)
}

type Statements = Vec<(String, String)>;

/// What must be set, and what may fail with a warning: each with what it is.
fn property_statements(target: &Target, give: bool) -> (Statements, Statements) {
    let properties = &target.source.catalog().database;
    let name = target.pool.database();
    let database = quote::identifier(name);
    let (mut must, mut may): (Statements, Statements) = Default::default();
    let owner = target.role(&properties.owner);
    if !owner.is_empty() && give {
        must.push((
            format!("ALTER DATABASE {database} OWNER TO {}", quote::identifier(&owner)),
            format!("owner of database \"{name}\""),
        ));
    }
    if let Some(acl) = &properties.acl {
        let what = format!("privileges on database \"{name}\"");
        must.push((format!("REVOKE ALL ON DATABASE {database} FROM PUBLIC"), what.clone()));
        must.push((format!("REVOKE ALL ON DATABASE {database} FROM {}", quote::identifier(&owner)), what.clone()));
        for sql in grants(target, acl, &properties.owner, &format!("DATABASE {database}")) {
            must.push((sql, what.clone()));
        }
    }
    for one in &properties.settings {
        let clause = setting::set_clause(&one.name, &one.value, |role| target.role(role));
        let sql = match &one.role {
            Some(role) => {
                format!("ALTER ROLE {} IN DATABASE {database} {clause}", quote::identifier(&target.role(role)))
            }
            None => format!("ALTER DATABASE {database} {clause}"),
        };
        may.push((sql, format!("setting {} of database \"{name}\"", one.name)));
    }
    if let Some(comment) = &properties.comment {
        may.push((
            format!("COMMENT ON DATABASE {database} IS {}", quote::literal(comment)),
            format!("comment of database \"{name}\""),
        ));
    }
    for (provider, label) in &properties.security_labels {
        may.push((
            format!(
                "SECURITY LABEL FOR {} ON DATABASE {database} IS {}",
                quote::identifier(provider),
                quote::literal(label)
            ),
            format!("security label of database \"{name}\""),
        ));
    }
    (must, may)
}

/// Grants in an order in which each grantor holds what it gives; given by the grantor itself where that is not
/// the owner.
pub fn grants(target: &Target, acl: &[Grant], owner: &str, object: &str) -> Vec<String> {
    let mut holds: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut left: Vec<&Grant> = acl.iter().collect();
    let mut ordered: Vec<&Grant> = Vec::new();
    loop {
        let (ready, later): (Vec<&Grant>, Vec<&Grant>) = left.into_iter().partition(|grant| {
            grant.grantor == owner || holds.contains(&(grant.grantor.as_str(), grant.privilege.as_str()))
        });
        if ready.is_empty() {
            ordered.extend(later);
            break;
        }
        holds.extend(
            ready
                .iter()
                .filter(|grant| grant.grantable)
                .map(|grant| (grant.grantee.as_str(), grant.privilege.as_str())),
        );
        ordered.extend(ready);
        left = later;
    }
    ordered
        .into_iter()
        .map(|grant| {
            let grantee = match grant.grantee.as_str() {
                "" => "PUBLIC".to_owned(),
                name => quote::identifier(&target.role(name)),
            };
            let option = if grant.grantable { " WITH GRANT OPTION" } else { "" };
            let sql = format!("GRANT {} ON {object} TO {grantee}{option}", grant.privilege);
            if grant.grantor == owner || grant.grantor.is_empty() {
                sql
            } else {
                format!(
                    "SET LOCAL ROLE {}; {sql}; SET LOCAL ROLE NONE",
                    quote::identifier(&target.role(&grant.grantor))
                )
            }
        })
        .collect()
}

/// The end: everything so far becomes durable, the progress table goes, and what would have been in the way comes.
///
/// # Errors
/// As the server says.
pub async fn finish(target: &Target) -> Result<Facts> {
    let mut facts = Facts::default();
    let doing = format!("finishing {}", target.pool.display());
    let connection = target.pool.take().await?;
    // in this session: no crash comes between the look and the commit
    target.pool.check_marks(&connection).await?;
    // a synchronous commit: the log up to here, so all that was committed before, is on disk
    let durable = "BEGIN; SET LOCAL synchronous_commit = on; SELECT pg_catalog.pg_current_xact_id(); COMMIT";
    let durable = if connection.major() >= 13 {
        durable.to_owned()
    } else {
        durable.replace("pg_current_xact_id", "txid_current")
    };
    connection.batch(&durable, &doing).await?;
    take_back(target, &connection, &mut facts.warnings).await?;
    let (quiet, loud) = event_triggers(&connection, &doing).await?;
    let schema = progress::SCHEMA;
    connection.batch(&format!("BEGIN; {quiet} DROP SCHEMA IF EXISTS {schema} CASCADE; {loud} COMMIT"), &doing).await?;
    target.pool.give(connection);
    target.pool.clear();
    let properties = &target.source.catalog().database;
    let name = target.pool.database();
    let database = quote::identifier(name);
    let mut last: Statements = Vec::new();
    if properties.connection_limit != -1 {
        let sql = format!("ALTER DATABASE {database} WITH CONNECTION LIMIT {}", properties.connection_limit);
        last.push((sql, format!("connection limit of database \"{name}\"")));
    }
    if properties.is_template {
        last.push((
            format!("ALTER DATABASE {database} WITH IS_TEMPLATE true"),
            format!("template mark of database \"{name}\""),
        ));
    }
    if !properties.allow_connections {
        last.push((
            format!("ALTER DATABASE {database} WITH ALLOW_CONNECTIONS false"),
            format!("closing of database \"{name}\""),
        ));
    }
    if !last.is_empty() {
        let mut session = target.pool.admin_session().await?;
        let connection = session.connection()?;
        let result = set_last(connection, &last, &doing).await;
        if result.is_err() {
            session.recover().await;
        }
        facts.warnings.extend(result?);
    }
    Ok(facts)
}

/// Statements that switch event triggers off and on again as they were: they are about the source's objects, not
/// about the progress table.
async fn event_triggers(connection: &Connection, doing: &str) -> Result<(String, String)> {
    let rows = connection
        .rows("select evtname, evtenabled from pg_catalog.pg_event_trigger where evtenabled <> 'D'", doing)
        .await?;
    let (mut off, mut on) = (String::new(), String::new());
    for row in &rows {
        let name = quote::identifier(row.get(0).unwrap_or_default());
        let state = match row.get(1) {
            Some("A") => "ENABLE ALWAYS",
            Some("R") => "ENABLE REPLICA",
            _ => "ENABLE",
        };
        off.push_str(&format!("ALTER EVENT TRIGGER {name} DISABLE; "));
        on.push_str(&format!("ALTER EVENT TRIGGER {name} {state}; "));
    }
    Ok((off, on))
}

async fn set_last(connection: &Connection, statements: &Statements, doing: &str) -> Result<Vec<String>> {
    connection.batch("BEGIN", doing).await?;
    let warnings = setting::each(connection, statements).await?;
    connection.batch("COMMIT", doing).await?;
    Ok(warnings)
}

/// Gives back the roles that were lent to the login.
async fn take_back(target: &Target, connection: &Connection, warnings: &mut Vec<String>) -> Result<()> {
    let lent = connection
        .rows("select pg_catalog.to_regclass('dbb_restore.lent') is not null", "looking for lent roles")
        .await?;
    if lent.first().and_then(|row| row.get(0)) != Some("t") {
        return Ok(());
    }
    let roles = connection.rows("select role from dbb_restore.lent", "looking for lent roles").await?;
    let others = connection
        .rows(
            &format!(
                "select 1 from pg_catalog.pg_stat_activity where application_name = {} and usename = current_user \
                 and datname not in ({}, 'template1', 'postgres') limit 1",
                quote::literal(crate::engine::postgres::session::APPLICATION_NAME_RESTORE),
                quote::literal(target.pool.database())
            ),
            "looking for other restores",
        )
        .await?;
    for role in roles.iter().filter_map(|row| row.get(0)) {
        let revoke = format!("REVOKE {} FROM CURRENT_USER", quote::identifier(role));
        if !others.is_empty() {
            warnings.push(format!(
                "the login stays a member of \"{role}\": another restore needs it; afterwards run: {revoke}"
            ));
        } else if let Err(error) = connection.batch(&revoke, format!("taking \"{role}\" back from the login")).await {
            warnings
                .push(format!("the login stays a member of \"{role}\" ({}); run: {revoke}", error.causes().join("; ")));
        }
    }
    Ok(())
}

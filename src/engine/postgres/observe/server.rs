//! What a server says of itself to the login.

use crate::engine::postgres::capture::{field, locks};
use crate::engine::postgres::connect::{self, Connection, Purpose};
use crate::engine::postgres::{Postgres, tools};
use crate::error::{Error, Result};
use crate::model::catalog::{Extension, Role};
use crate::model::desired::ServerSpec;
use crate::model::observed::{DatabaseState, LoginRights, ServerState};

/// Looks at a server. Changes nothing.
///
/// # Errors
/// `DBB-PG-CONNECT`, `DBB-PG-AUTH` and what else the server says.
pub async fn observe(engine: &Postgres, server: &ServerSpec) -> Result<ServerState> {
    let connection = connect::open(engine, server, &server.maintenance_database, Purpose::Observe).await?;
    let mut state = general(&connection).await?;
    state.login = login(&connection).await?;
    state.databases = databases(&connection).await?;
    state.roles = roles(&connection).await?;
    state.tablespaces = names(&connection, "select spcname from pg_catalog.pg_tablespace order by 1").await?;
    state.available_extensions = available(&connection).await?;
    state.locales = names(
        &connection,
        "select distinct x from (select collcollate as x from pg_catalog.pg_collation union all
           select collctype from pg_catalog.pg_collation union all
           select datcollate from pg_catalog.pg_database union all select datctype from pg_catalog.pg_database) c
         where x is not null and x <> '' order by x",
    )
    .await?;
    state.locks_max = locks::lock_table(&connection).await?.capacity;
    state.connections_free = connections_free(&connection).await?;
    match tools::find(engine, server, connection.major()).await {
        Ok(tool) => state.dump_tool = Some(format!("{} {}", tool.path.display(), tool.version)),
        Err(error) => state.dump_tool_failure = Some(error.failure()),
    }
    let sql = "select pg_catalog.has_column_privilege('pg_catalog.pg_authid', 'rolpassword', 'SELECT')";
    let rows = connection.rows(sql, "finding out whether password hashes are readable").await?;
    let hashes = rows.first().is_some_and(|row| field::flag(row, 0));
    state.blind_spots = blind_spots(&state.login, connection.major(), hashes);
    Ok(state)
}

async fn general(connection: &Connection) -> Result<ServerState> {
    let sql = "select pg_catalog.current_setting('server_version'), pg_catalog.pg_is_in_recovery(),
                 pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')";
    let rows = connection.rows(sql, "looking at the server").await?;
    let row = rows.first().ok_or_else(|| Error::bug("a query without a condition gave no row"))?;
    let mut state = ServerState {
        version: field::text(row, 0).split_whitespace().next().unwrap_or_default().to_owned(),
        version_number: connection.server_version,
        standby: field::flag(row, 1),
        ..ServerState::default()
    };
    if field::flag(row, 2) {
        let sql = "select system_identifier from pg_catalog.pg_control_system()";
        let rows = connection.rows(sql, "reading the server's identity").await?;
        state.identity = rows.first().map(|row| field::text(row, 0)).unwrap_or_default();
    }
    Ok(state)
}

async fn login(connection: &Connection) -> Result<LoginRights> {
    let reads_all =
        if connection.major() >= 14 { "pg_catalog.pg_has_role(r.oid, 'pg_read_all_data', 'USAGE')" } else { "false" };
    let sql = format!(
        "select r.rolname, r.rolsuper, r.rolcreatedb, r.rolcreaterole, r.rolsuper or {reads_all}, r.rolsuper or r.rolbypassrls
         from pg_catalog.pg_roles r where r.rolname = session_user"
    );
    let rows = connection.rows(&sql, "reading what the login may do").await?;
    let row = rows.first().ok_or_else(|| Error::bug("the login is not in pg_roles"))?;
    Ok(LoginRights {
        name: field::text(row, 0),
        superuser: field::flag(row, 1),
        create_db: field::flag(row, 2),
        create_role: field::flag(row, 3),
        read_all_data: field::flag(row, 4),
        bypass_rls: field::flag(row, 5),
    })
}

async fn databases(connection: &Connection) -> Result<Vec<DatabaseState>> {
    // pg_database_size refuses a login without CONNECT, unless it may read all statistics
    let sql = "select d.datname, pg_catalog.pg_get_userbyid(d.datdba), pg_catalog.pg_encoding_to_char(d.encoding),
           case when pg_catalog.has_database_privilege(d.oid, 'CONNECT')
                  or pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') then pg_catalog.pg_database_size(d.oid) end,
           d.datallowconn and pg_catalog.has_database_privilege(d.oid, 'CONNECT'), d.datistemplate,
           (select pg_catalog.count(*) from pg_catalog.pg_stat_activity a
            where a.datid = d.oid and a.pid <> pg_catalog.pg_backend_pid() and a.backend_type = 'client backend')
         from pg_catalog.pg_database d order by d.datname";
    let rows = connection.rows(sql, "listing the databases").await?;
    rows.iter()
        .map(|row| {
            let bytes = match row.get(3) {
                Some(_) => Some(field::number(row, 3)?),
                None => None,
            };
            Ok(DatabaseState {
                name: field::text(row, 0),
                owner: field::text(row, 1),
                encoding: field::text(row, 2),
                bytes,
                can_connect: field::flag(row, 4),
                is_template: field::flag(row, 5),
                connections: field::number(row, 6)?,
            })
        })
        .collect()
}

async fn roles(connection: &Connection) -> Result<Vec<Role>> {
    let sql =
        "select r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication,
           r.rolbypassrls, r.rolconnlimit, r.rolvaliduntil, pg_catalog.shobj_description(r.oid, 'pg_authid'),
           pg_catalog.array_to_json(r.rolconfig)
         from pg_catalog.pg_roles r order by r.rolname";
    let rows = connection.rows(sql, "listing the roles").await?;
    rows.iter()
        .map(|row| {
            let settings: Vec<String> = field::json(row, 11)?;
            Ok(Role {
                name: field::text(row, 0),
                superuser: field::flag(row, 1),
                inherit: field::flag(row, 2),
                create_role: field::flag(row, 3),
                create_db: field::flag(row, 4),
                login: field::flag(row, 5),
                replication: field::flag(row, 6),
                bypass_rls: field::flag(row, 7),
                connection_limit: field::number(row, 8)?,
                valid_until: field::optional(row, 9),
                comment: field::optional(row, 10),
                settings: settings
                    .iter()
                    .filter_map(|entry| entry.split_once('='))
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect(),
                ..Role::default()
            })
        })
        .collect()
}

async fn names(connection: &Connection, sql: &str) -> Result<Vec<String>> {
    let rows = connection.rows(sql, "looking at the server").await?;
    Ok(rows.iter().map(|row| field::text(row, 0)).collect())
}

async fn available(connection: &Connection) -> Result<Vec<Extension>> {
    let sql =
        "select name, version, coalesce(schema, '') from pg_catalog.pg_available_extension_versions order by 1, 2";
    let rows = connection.rows(sql, "listing the extensions").await?;
    let one = |row| Extension { name: field::text(row, 0), version: field::text(row, 1), schema: field::text(row, 2) };
    Ok(rows.iter().map(one).collect())
}

/// What the server, the reserve for superusers and the role's own limit leave.
async fn connections_free(connection: &Connection) -> Result<u32> {
    let sql = "with me as (select oid, rolsuper, rolconnlimit from pg_catalog.pg_roles where rolname = session_user),
           used as (select pg_catalog.count(*) as all_roles,
                      pg_catalog.count(*) filter (where usesysid = (select oid from me)) as mine
                    from pg_catalog.pg_stat_activity where backend_type = 'client backend')
         select greatest(0, least(
           pg_catalog.current_setting('max_connections')::int8 - all_roles
             - case when rolsuper then 0 else pg_catalog.current_setting('superuser_reserved_connections')::int8 end,
           case when rolconnlimit < 0 or rolsuper then 1000000 else rolconnlimit - mine end))
         from me, used";
    let rows = connection.rows(sql, "counting the connections").await?;
    rows.first().map_or(Ok(0), |row| field::number(row, 0))
}

/// What a capture with this login cannot see.
fn blind_spots(login: &LoginRights, major: u32, hashes: bool) -> Vec<String> {
    let mut spots = Vec::new();
    if login.superuser {
        return spots;
    }
    let name = &login.name;
    if !hashes {
        spots.push(format!("\"{name}\" may not read pg_authid: password hashes of roles are not captured"));
    }
    spots.push(format!(
        "\"{name}\" is not a superuser: subscriptions and options of other roles' user mappings are not captured"
    ));
    if !login.read_all_data {
        let remedy = if major >= 14 { ": GRANT pg_read_all_data would cover all" } else { "" };
        spots.push(format!("\"{name}\" reads only tables that were granted to it{remedy}"));
    }
    if !login.bypass_rls {
        spots.push(format!("\"{name}\" has no BYPASSRLS: tables with row-level security cannot be captured"));
    }
    spots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limited_login_is_told_what_it_misses() {
        let mut login = LoginRights { name: "dbb".into(), ..LoginRights::default() };
        assert!(blind_spots(&login, 15, false).iter().any(|spot| spot.contains("pg_read_all_data")));
        assert!(!blind_spots(&login, 13, false).iter().any(|spot| spot.contains("pg_read_all_data")));
        login.superuser = true;
        assert!(blind_spots(&login, 15, false).is_empty());
    }
}

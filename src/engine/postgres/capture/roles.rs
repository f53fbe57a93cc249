//! The roles that a database needs.

use crate::engine::postgres::capture::field;
use crate::engine::postgres::capture::relations::Relation;
use crate::engine::postgres::connect::Connection;
use crate::engine::postgres::quote;
use crate::error::Result;
use crate::model::catalog::{Grant, Membership, Role};
use crate::model::desired::RoleScope;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Oid of the role that initdb made: grants without another grantor are its.
const BOOTSTRAP: u32 = 10;
/// Oids of types whose text holds names of roles; fixed in all versions.
const REGROLE: u32 = 4096;
const REGROLE_ARRAY: u32 = 4097;
const ACLITEM: u32 = 1033;

/// Roles, memberships, and what could not be seen.
#[derive(Clone, Debug, Default)]
pub struct Roles {
    /// Sorted by name.
    pub roles: Vec<Role>,
    /// Grantors before those who depend on them.
    pub memberships: Vec<Membership>,
    /// `ALTER ROLE ALL SET`.
    pub server_settings: Vec<(String, String)>,
    /// Privileges on configuration parameters of the roles, and of PUBLIC.
    pub parameter_grants: Vec<(String, Grant)>,
    /// What could not be seen, in sentences.
    pub blind_spots: Vec<String>,
}

/// A membership by oids.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Edge {
    role: u32,
    member: u32,
    grantor: u32,
    admin: bool,
    inherit: Option<bool>,
    set: Option<bool>,
}

/// Reads the roles: all of them, or what the database, the owners named in `owners` and the rows of
/// `tables` need.
///
/// # Errors
/// As the server says.
pub async fn read(
    holder: &Connection,
    scope: RoleScope,
    owners: &HashSet<String>,
    tables: &[&Relation],
) -> Result<Roles> {
    let mut out = Roles::default();
    let mut all = list(holder).await?;
    let edges = edges(holder).await?;
    let wanted: HashSet<u32> = match scope {
        RoleScope::All => all.keys().copied().collect(),
        RoleScope::Closure => {
            let mut seeds = seeds(holder).await?;
            seeds.extend(named_by_rows(holder, tables).await?);
            seeds.extend(all.iter().filter(|(_, role)| owners.contains(&role.name)).map(|(oid, _)| *oid));
            closure(&seeds, &edges)
        }
    };
    let names: HashMap<u32, String> = all.iter().map(|(oid, role)| (*oid, role.name.clone())).collect();
    describe(holder, &mut all).await?;
    // for every role, so also for those of this database
    out.server_settings = settings(holder, "setdatabase = 0 and setrole = 0").await?.remove(&0).unwrap_or_default();
    out.parameter_grants = parameter_grants(holder, &wanted, &names).await?;
    if !passwords(holder, &mut all).await? {
        out.blind_spots.push(
            "password hashes of roles are not in the snapshot: only a superuser can read them; restored roles have no password".into(),
        );
    }
    out.memberships = memberships(&edges, &wanted, &names);
    out.roles = all
        .into_iter()
        .filter(|(oid, role)| wanted.contains(oid) && !predefined(&role.name))
        .map(|(_, role)| role)
        .collect();
    out.roles.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(out)
}

/// Roles that every server has by itself; the prefix is reserved.
fn predefined(name: &str) -> bool {
    name.starts_with("pg_")
}

async fn list(holder: &Connection) -> Result<BTreeMap<u32, Role>> {
    let sql = "select oid, rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication,
                 rolbypassrls, rolconnlimit, rolvaliduntil from pg_catalog.pg_roles";
    let mut roles = BTreeMap::new();
    for row in holder.rows(sql, "reading the roles").await? {
        let role = Role {
            name: field::text(&row, 1),
            superuser: field::flag(&row, 2),
            inherit: field::flag(&row, 3),
            create_role: field::flag(&row, 4),
            create_db: field::flag(&row, 5),
            login: field::flag(&row, 6),
            replication: field::flag(&row, 7),
            bypass_rls: field::flag(&row, 8),
            connection_limit: field::number(&row, 9)?,
            valid_until: field::optional(&row, 10),
            ..Role::default()
        };
        roles.insert(field::number(&row, 0)?, role);
    }
    Ok(roles)
}

async fn edges(holder: &Connection) -> Result<Vec<Edge>> {
    let options = if holder.major() >= 16 { "inherit_option, set_option" } else { "null, null" };
    let sql = format!(
        "select roleid, member, grantor, admin_option, {options} from pg_catalog.pg_auth_members order by roleid, member, grantor"
    );
    let rows = holder.rows(&sql, "reading the memberships").await?;
    rows.iter()
        .map(|row| {
            Ok(Edge {
                role: field::number(row, 0)?,
                member: field::number(row, 1)?,
                grantor: field::number(row, 2)?,
                admin: field::flag(row, 3),
                inherit: row.get(4).map(|_| field::flag(row, 4)),
                set: row.get(5).map(|_| field::flag(row, 5)),
            })
        })
        .collect()
}

/// Roles that the database itself names. `pg_shdepend` has owners, grantees, grantors, roles of policies,
/// of default privileges and of user mappings; only the bootstrap superuser is never in it.
async fn seeds(holder: &Connection) -> Result<HashSet<u32>> {
    let sql = "with db as (select oid, datdba, datacl from pg_catalog.pg_database where datname = pg_catalog.current_database())
         select s.refobjid from pg_catalog.pg_shdepend s, db
         where s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
           and (s.dbid = db.oid or s.dbid = 0 and s.classid = 'pg_catalog.pg_database'::pg_catalog.regclass and s.objid = db.oid)
         union select datdba from db
         union select a.grantee from db, pg_catalog.aclexplode(db.datacl) a where a.grantee <> 0
         union select setrole from pg_catalog.pg_db_role_setting, db where setdatabase = db.oid and setrole <> 0";
    let rows = holder.rows(sql, "reading which roles the database names").await?;
    rows.iter().map(|row| field::number(row, 0)).collect()
}

/// Roles that values name: types whose text is a role's name cannot be loaded where the role is not.
/// Only tables with columns of such types are read, each such column once.
async fn named_by_rows(holder: &Connection, tables: &[&Relation]) -> Result<HashSet<u32>> {
    let sql = format!(
        "with recursive named(type, base) as (
           select t, t from pg_catalog.unnest('{{regrole,regrole[],aclitem,aclitem[]}}'::pg_catalog.regtype[]) t
           union all
           select d.oid, named.base from pg_catalog.pg_type d join named on d.typbasetype = named.type where d.typtype = 'd')
         select n.nspname, c.relname, a.attname, named.base::pg_catalog.oid
         from named
         join pg_catalog.pg_attribute a on a.atttypid = named.type
         join pg_catalog.pg_class c on c.oid = a.attrelid
         join pg_catalog.pg_namespace n on n.oid = c.relnamespace
         where a.attnum > 0 and not a.attisdropped and a.attgenerated = '' and c.oid in {}",
        field::oids(tables.iter().map(|table| table.oid))
    );
    let mut found = HashSet::new();
    for row in holder.rows(&sql, "finding columns that name roles").await? {
        let table = quote::qualified(&field::text(&row, 0), &field::text(&row, 1));
        let column = quote::identifier(&field::text(&row, 2));
        let base: u32 = field::number(&row, 3)?;
        let value = match base {
            REGROLE | ACLITEM => column.clone(),
            _ => format!("pg_catalog.unnest({column})"),
        };
        let sql = if matches!(base, REGROLE | REGROLE_ARRAY) {
            format!("select distinct value::pg_catalog.oid from (select {value} as value from only {table}) v")
        } else {
            // a grantee's name as an aclitem writes it is half of such an item; aclexplode says nothing of
            // an item without privileges
            format!(
                "with item as (
                   select distinct value::text as text from (select {value} as value from only {table}) v),
                 name as (
                   select oid, pg_catalog.substr(said, 1, (pg_catalog.length(said) - 3) / 2) as text
                   from (select oid, pg_catalog.makeaclitem(oid, oid, 'SELECT', false)::text as said
                         from pg_catalog.pg_roles) r)
                 select distinct name.oid from item join name
                   on pg_catalog.starts_with(item.text, name.text || '=')
                   or pg_catalog.right(item.text, pg_catalog.length(name.text) + 1) = '/' || name.text"
            )
        };
        for row in holder.rows(&sql, format!("finding the roles that {table} names")).await? {
            found.insert(field::number(&row, 0)?);
        }
    }
    Ok(found)
}

/// The seeds, their members, and what all those are members of. Not the other members of that:
/// one tenant's snapshot does not carry another's roles because both belong to one group.
fn closure(seeds: &HashSet<u32>, edges: &[Edge]) -> HashSet<u32> {
    let mut wanted = seeds.clone();
    spread(&mut wanted, edges, |edge| (edge.role, edge.member));
    spread(&mut wanted, edges, |edge| (edge.member, edge.role));
    // a grantor must exist and hold the ADMIN option by somebody's grant
    loop {
        let grantors: Vec<u32> = edges
            .iter()
            .filter(|edge| wanted.contains(&edge.role) && wanted.contains(&edge.member))
            .map(|edge| edge.grantor)
            .filter(|grantor| *grantor != BOOTSTRAP && !wanted.contains(grantor))
            .collect();
        if grantors.is_empty() {
            return wanted;
        }
        wanted.extend(grantors);
        spread(&mut wanted, edges, |edge| (edge.member, edge.role));
    }
}

fn spread(wanted: &mut HashSet<u32>, edges: &[Edge], step: impl Fn(&Edge) -> (u32, u32)) {
    let mut open: Vec<u32> = wanted.iter().copied().collect();
    while let Some(at) = open.pop() {
        for (from, to) in edges.iter().map(&step) {
            if from == at && wanted.insert(to) {
                open.push(to);
            }
        }
    }
}

/// Memberships among the wanted roles, in an order in which they can be granted.
fn memberships(edges: &[Edge], wanted: &HashSet<u32>, names: &HashMap<u32, String>) -> Vec<Membership> {
    let inside = |oid: &u32| wanted.contains(oid) || names.get(oid).is_some_and(|name| predefined(name));
    let mut open: Vec<&Edge> =
        edges.iter().filter(|edge| inside(&edge.role) && wanted.contains(&edge.member)).collect();
    let mut holds_admin: BTreeSet<(u32, u32)> = BTreeSet::new();
    let mut ordered = Vec::new();
    while !open.is_empty() {
        let before = open.len();
        open.retain(|edge| {
            let ready = edge.grantor == BOOTSTRAP || holds_admin.contains(&(edge.role, edge.grantor));
            if ready {
                if edge.admin {
                    holds_admin.insert((edge.role, edge.member));
                }
                // the bootstrap superuser has another name on other servers: it is who restores
                let grantor = Some(edge.grantor).filter(|grantor| *grantor != BOOTSTRAP);
                ordered.push((*edge, grantor));
            }
            !ready
        });
        if open.len() == before {
            // before 16 a grantor was only a note, and may be long gone
            let edge = open.remove(0);
            if edge.admin {
                holds_admin.insert((edge.role, edge.member));
            }
            ordered.push((edge, None));
        }
    }
    let name = |oid: &u32| names.get(oid).cloned();
    ordered
        .into_iter()
        .filter_map(|(edge, grantor)| {
            Some(Membership {
                role: name(&edge.role)?,
                member: name(&edge.member)?,
                grantor: grantor.as_ref().and_then(name),
                admin: edge.admin,
                inherit: edge.inherit,
                set: edge.set,
            })
        })
        .collect()
}

/// Privileges on configuration parameters (15 and up) that the wanted roles or PUBLIC hold.
async fn parameter_grants(
    holder: &Connection,
    wanted: &HashSet<u32>,
    names: &HashMap<u32, String>,
) -> Result<Vec<(String, Grant)>> {
    if holder.major() < 15 {
        return Ok(Vec::new());
    }
    let sql = "select p.parname, a.grantor, a.grantee, a.privilege_type, a.is_grantable
               from pg_catalog.pg_parameter_acl p, pg_catalog.aclexplode(p.paracl) a
               order by p.parname collate \"C\", a.grantee, a.privilege_type, a.grantor";
    let mut grants = Vec::new();
    for row in holder.rows(sql, "reading the privileges on configuration parameters").await? {
        let (grantor, grantee): (u32, u32) = (field::number(&row, 1)?, field::number(&row, 2)?);
        // the bootstrap superuser may do all of it by itself
        if grantee == BOOTSTRAP || grantee != 0 && !wanted.contains(&grantee) {
            continue;
        }
        let grantor = Some(grantor).filter(|oid| *oid != BOOTSTRAP && wanted.contains(oid));
        let name = |oid: u32| names.get(&oid).cloned().unwrap_or_default();
        let grant = Grant {
            grantor: grantor.map(name).unwrap_or_default(),
            grantee: name(grantee),
            privilege: field::text(&row, 3),
            grantable: field::flag(&row, 4),
        };
        grants.push((field::text(&row, 0), grant));
    }
    Ok(grants)
}

/// Settings, comments and labels.
async fn describe(holder: &Connection, roles: &mut BTreeMap<u32, Role>) -> Result<()> {
    for (oid, settings) in settings(holder, "setdatabase = 0 and setrole <> 0").await? {
        if let Some(role) = roles.get_mut(&oid) {
            role.settings = settings;
        }
    }
    let sql = "select objoid, description from pg_catalog.pg_shdescription
               where classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass";
    for row in holder.rows(sql, "reading the comments of roles").await? {
        if let Some(role) = roles.get_mut(&field::number(&row, 0)?) {
            role.comment = field::optional(&row, 1);
        }
    }
    let sql = "select objoid, provider, label from pg_catalog.pg_shseclabel
               where classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass order by provider";
    for row in holder.rows(sql, "reading the security labels of roles").await? {
        if let Some(role) = roles.get_mut(&field::number(&row, 0)?) {
            role.security_labels.push((field::text(&row, 1), field::text(&row, 2)));
        }
    }
    Ok(())
}

/// Settings by role, of the rows of `pg_db_role_setting` that meet `condition`.
pub(super) async fn settings(holder: &Connection, condition: &str) -> Result<BTreeMap<u32, Vec<(String, String)>>> {
    let sql = format!(
        "select s.setrole, u.entry from pg_catalog.pg_db_role_setting s,
           pg_catalog.unnest(s.setconfig) with ordinality as u(entry, position)
         where {condition} order by s.setrole, u.position"
    );
    let mut settings: BTreeMap<u32, Vec<(String, String)>> = BTreeMap::new();
    for row in holder.rows(&sql, "reading settings of roles and databases").await? {
        let entry = field::text(&row, 1);
        if let Some((name, value)) = entry.split_once('=') {
            settings.entry(field::number(&row, 0)?).or_default().push((name.to_owned(), value.to_owned()));
        }
    }
    Ok(settings)
}

/// Adds password hashes; false when the login may not read them.
async fn passwords(holder: &Connection, roles: &mut BTreeMap<u32, Role>) -> Result<bool> {
    let sql = "select pg_catalog.has_column_privilege('pg_catalog.pg_authid', 'rolpassword', 'SELECT')
                 and pg_catalog.has_column_privilege('pg_catalog.pg_authid', 'oid', 'SELECT')";
    let rows = holder.rows(sql, "finding out whether password hashes are readable").await?;
    if !rows.first().is_some_and(|row| field::flag(row, 0)) {
        return Ok(false);
    }
    let sql = "select oid, rolpassword from pg_catalog.pg_authid where rolpassword is not null";
    for row in holder.rows(sql, "reading the password hashes").await? {
        if let Some(role) = roles.get_mut(&field::number(&row, 0)?) {
            role.password_hash = field::optional(&row, 1);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(role: u32, member: u32, grantor: u32, admin: bool) -> Edge {
        Edge { role, member, grantor, admin, inherit: None, set: None }
    }

    #[test]
    fn the_closure_goes_down_from_the_seeds_and_up_from_all() {
        // group 1 holds tenants 2 and 3; 4 is a login of tenant 2; 5 granted it
        let edges = [edge(1, 2, 10, false), edge(1, 3, 10, false), edge(2, 4, 5, false), edge(2, 5, 10, true)];
        let wanted = closure(&[2].into(), &edges);
        assert_eq!(wanted, [1, 2, 4, 5].into());
    }

    #[test]
    fn who_grants_holds_the_option_first() {
        let names: HashMap<u32, String> =
            [(1, "g"), (2, "a"), (3, "b"), (10, "postgres")].map(|(o, n)| (o, n.into())).into();
        let edges = [edge(1, 3, 2, false), edge(1, 2, 10, true)];
        let ordered = memberships(&edges, &[1, 2, 3].into(), &names);
        let short: Vec<_> = ordered.iter().map(|m| (m.member.as_str(), m.grantor.as_deref())).collect();
        assert_eq!(short, [("a", None), ("b", Some("a"))]);
    }

    #[test]
    fn a_grantor_without_the_option_is_not_named() {
        let names: HashMap<u32, String> = [(1, "g"), (2, "a"), (3, "b")].map(|(o, n)| (o, n.into())).into();
        let ordered = memberships(&[edge(1, 3, 2, false), edge(1, 2, 99, false)], &[1, 2, 3].into(), &names);
        assert_eq!(ordered.len(), 2);
        assert!(ordered.iter().all(|membership| membership.grantor.is_none()));
    }
}

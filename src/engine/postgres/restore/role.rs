//! Roles and memberships. Every step can be done again without harm.

use crate::engine::postgres::connect::Connection;
use crate::engine::postgres::quote;
use crate::engine::postgres::restore::setting;
use crate::engine::postgres::restore::target::Target;
use crate::error::{Error, Result};
use crate::model::catalog::{Membership, Role};
use crate::model::desired::RoleMode;
use crate::model::journal::Facts;

/// Creates a role, or makes it equal to the snapshot's where the policy says so.
///
/// # Errors
/// As the server says.
pub async fn role(target: &Target, name: &str) -> Result<Facts> {
    let catalog = target.source.catalog();
    let role = catalog.roles.iter().find(|role| role.name == name);
    let role = role.ok_or_else(|| Error::bug(format!("the snapshot has no role \"{name}\"")))?;
    let as_name = target.role(name);
    let mut facts = Facts::default();
    if as_name.starts_with("pg_") || target.spec.roles.mode == RoleMode::None {
        return Ok(facts);
    }
    let mut session = target.pool.admin_session().await?;
    let result = make(target, session.connection()?, role, &as_name, &mut facts.warnings).await;
    if result.is_err() {
        session.recover().await;
    }
    result.map(|()| facts)
}

async fn make(
    target: &Target,
    connection: &Connection,
    role: &Role,
    name: &str,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let doing = format!("making role \"{name}\"");
    let there = connection
        .rows(
            &format!(
                "select rolvaliduntil is not null, rolname = session_user from pg_catalog.pg_roles where rolname = {}",
                quote::literal(name)
            ),
            &doing,
        )
        .await?;
    let there = there.first().map(|row| (row.get(0) == Some("t"), row.get(1) == Some("t")));
    if there.is_some() && target.spec.roles.mode == RoleMode::CreateMissing {
        return Ok(());
    }
    let expires = there.is_some_and(|(expires, _)| expires);
    let own = there.is_some_and(|(_, own)| own);
    if own {
        warnings.push(format!(
            "role \"{name}\" is the login of this restore: its login, rights and password stay as they are"
        ));
    }
    let quoted = quote::identifier(name);
    connection.batch("BEGIN", &doing).await?;
    let verb = if there.is_some() { "ALTER" } else { "CREATE" };
    let attributes = attributes(role, name, connection.superuser, there.is_some(), own, expires, warnings);
    connection.batch(&format!("{verb} ROLE {quoted} WITH {attributes}"), &doing).await?;
    if there.is_some() {
        connection.batch(&format!("ALTER ROLE {quoted} RESET ALL"), &doing).await?;
    }
    let mut optional: Vec<(String, String)> = Vec::new();
    for (parameter, value) in &role.settings {
        let sql = format!("ALTER ROLE {quoted} {}", setting::set_clause(parameter, value, |role| target.role(role)));
        optional.push((sql, format!("setting {parameter} of role \"{name}\"")));
    }
    if role.comment.is_some() || there.is_some() {
        let comment = role.comment.as_deref().map_or("NULL".to_owned(), quote::literal);
        optional.push((format!("COMMENT ON ROLE {quoted} IS {comment}"), format!("comment of role \"{name}\"")));
    }
    for (provider, label) in &role.security_labels {
        let sql =
            format!("SECURITY LABEL FOR {} ON ROLE {quoted} IS {}", quote::identifier(provider), quote::literal(label));
        optional.push((sql, format!("security label of role \"{name}\"")));
    }
    warnings.extend(setting::each(connection, &optional).await?);
    connection.batch("COMMIT", &doing).await
}

/// Attributes in SQL. What only a superuser may give is left out for others, with a warning.
fn attributes(
    role: &Role,
    name: &str,
    superuser: bool,
    exists: bool,
    own: bool,
    expires: bool,
    warnings: &mut Vec<String>,
) -> String {
    let word = |on: bool, word: &str| if on { word.to_owned() } else { format!("NO{word}") };
    let mut words = vec![
        word(role.inherit, "INHERIT"),
        word(role.create_role, "CREATEROLE"),
        word(role.create_db, "CREATEDB"),
        format!("CONNECTION LIMIT {}", role.connection_limit),
    ];
    if !own {
        words.push(word(role.login, "LOGIN"));
        for (on, attribute) in
            [(role.superuser, "SUPERUSER"), (role.replication, "REPLICATION"), (role.bypass_rls, "BYPASSRLS")]
        {
            if superuser {
                words.push(word(on, attribute));
            } else if on {
                warnings.push(format!("role \"{name}\" is made without {attribute}: only a superuser may give it"));
            }
        }
        if let Some(hash) = &role.password_hash {
            if hash.starts_with("md5") && name != role.name {
                warnings.push(format!(
                    "the password of \"{}\" does not work for \"{name}\": an md5 hash holds the role's name; set it anew",
                    role.name
                ));
            }
            words.push(format!("PASSWORD {}", quote::literal(hash)));
        }
        match &role.valid_until {
            Some(until) => words.push(format!("VALID UNTIL {}", quote::literal(until))),
            None if exists && expires => words.push("VALID UNTIL 'infinity'".to_owned()),
            None => {}
        }
    }
    words.join(" ")
}

/// Grants a membership.
///
/// # Errors
/// As the server says.
pub async fn membership(target: &Target, index: u32) -> Result<Facts> {
    let membership = target.source.catalog().memberships.get(index as usize);
    let membership = membership.ok_or_else(|| Error::bug(format!("the snapshot has no membership {index}")))?;
    let mut facts = Facts::default();
    if target.spec.roles.mode == RoleMode::None {
        return Ok(facts);
    }
    let (role, member) = (target.role(&membership.role), target.role(&membership.member));
    let doing = format!("granting \"{role}\" to \"{member}\"");
    let mut session = target.pool.admin_session().await?;
    let connection = session.connection()?;
    let sql = grant(membership, &role, &member, connection.major());
    let grantor = membership
        .grantor
        .as_ref()
        .map(|grantor| target.role(grantor))
        .filter(|_| connection.major() >= 16 || connection.superuser);
    let result = match grantor {
        Some(grantor) => {
            let by = format!("{sql} GRANTED BY {}", quote::identifier(&grantor));
            match connection.batch(&by, &doing).await {
                // the grantor may be missing here, or be a superuser of another name
                Err(_) if !connection.client.is_closed() => {
                    let plain = connection.batch(&sql, &doing).await;
                    if plain.is_ok() && !is_superuser(connection, &grantor).await? {
                        facts.warnings.push(format!("{doing}: granted by the login, not by \"{grantor}\""));
                    }
                    plain
                }
                other => other,
            }
        }
        None => connection.batch(&sql, &doing).await,
    };
    if result.is_err() {
        session.recover().await;
    }
    result.map(|()| facts)
}

async fn is_superuser(connection: &Connection, role: &str) -> Result<bool> {
    let sql = format!("select rolsuper from pg_catalog.pg_roles where rolname = {}", quote::literal(role));
    let rows = connection.rows(&sql, "reading roles").await?;
    // a grantor that is not there was a superuser at the source that has another name here
    Ok(rows.first().is_none_or(|row| row.get(0) == Some("t")))
}

fn grant(membership: &Membership, role: &str, member: &str, major: u32) -> String {
    let mut sql = format!("GRANT {} TO {}", quote::identifier(role), quote::identifier(member));
    if major >= 16 {
        let mut options = vec![format!("ADMIN {}", membership.admin)];
        options.extend(membership.inherit.map(|inherit| format!("INHERIT {inherit}")));
        options.extend(membership.set.map(|set| format!("SET {set}")));
        sql.push_str(&format!(" WITH {}", options.join(", ")));
    } else if membership.admin {
        sql.push_str(" WITH ADMIN OPTION");
    }
    sql
}

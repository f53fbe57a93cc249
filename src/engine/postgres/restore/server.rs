//! What holds for the whole server. The step can be done again without harm.

use crate::engine::postgres::connect::Connection;
use crate::engine::postgres::quote;
use crate::engine::postgres::restore::database;
use crate::engine::postgres::restore::setting;
use crate::engine::postgres::restore::target::Target;
use crate::error::Result;
use crate::model::catalog::Grant;
use crate::model::desired::RoleMode;
use crate::model::journal::Facts;
use std::collections::BTreeMap;

/// Settings for every role, when they are asked for, and the privileges of `roles` on configuration parameters.
/// What the server refuses (nearly all of it needs a superuser; a parameter may be gone in its version) is a warning.
///
/// # Errors
/// As the server says.
pub async fn settings(target: &Target, settings: bool, roles: &[String]) -> Result<Facts> {
    let mut facts = Facts::default();
    if target.spec.roles.mode == RoleMode::None {
        return Ok(facts);
    }
    let statements = statements(target, settings, roles);
    let mut session = target.pool.admin_session().await?;
    let result = set(session.connection()?, &statements).await;
    if result.is_err() {
        session.recover().await;
    }
    facts.warnings = result?;
    Ok(facts)
}

async fn set(connection: &Connection, statements: &[(String, String)]) -> Result<Vec<String>> {
    let doing = "setting what holds for the whole server";
    connection.batch("BEGIN", doing).await?;
    let warnings = setting::each(connection, statements).await?;
    connection.batch("COMMIT", doing).await?;
    Ok(warnings)
}

/// Each statement with what it is.
fn statements(target: &Target, settings: bool, roles: &[String]) -> Vec<(String, String)> {
    let catalog = target.source.catalog();
    let mut statements = Vec::new();
    for (name, value) in catalog.server_settings.iter().filter(|_| settings) {
        let clause = setting::set_clause(name, value, |role| target.role(role));
        statements.push((format!("ALTER ROLE ALL {clause}"), format!("setting {name} of all roles")));
    }
    let mut by_parameter: BTreeMap<&str, Vec<Grant>> = BTreeMap::new();
    for (parameter, grant) in &catalog.parameter_grants {
        let wanted = match grant.grantee.as_str() {
            "" => settings,
            grantee => roles.iter().any(|role| role == grantee),
        };
        if wanted {
            by_parameter.entry(parameter).or_default().push(grant.clone());
        }
    }
    for (parameter, grants) in by_parameter {
        let what = format!("a privilege on the parameter {parameter}");
        let object = format!("PARAMETER {}", quote::identifier(parameter));
        // an empty grantor is who restores
        let grants = database::grants(target, &grants, "", &object);
        statements.extend(grants.into_iter().map(|sql| (sql, what.clone())));
    }
    statements
}

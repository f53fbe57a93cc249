//! Whether the login can read all that is to be captured: found out before anything is.

use crate::engine::postgres::capture::locks::shown;
use crate::engine::postgres::capture::relations::Relation;
use crate::engine::postgres::quote;
use crate::error::{Error, Result, code};

/// Checks rights on what will be locked or read, and row-level security of what will be read.
///
/// # Errors
/// `DBB-PG-PRIVILEGE`, `DBB-PG-RLS`, naming the tables
pub fn check(login: &str, major: u32, locked: &[&Relation], read: &[&Relation]) -> Result<()> {
    let unreadable: Vec<String> = locked.iter().filter(|r| !r.readable).map(|r| r.display()).collect();
    if !unreadable.is_empty() {
        let mut error = Error::new(
            code::PG_PRIVILEGE,
            format!("the role \"{login}\" may not read {} tables or sequences", unreadable.len()),
        )
        .cause(format!("no SELECT, or no USAGE on the schema: {}", shown(&unreadable)));
        if major >= 14 {
            error = error.fix(format!("As a superuser: GRANT pg_read_all_data TO {}", quote::identifier(login)));
        } else {
            let mut schemas: Vec<&str> = locked.iter().filter(|r| !r.readable).map(|r| r.schema.as_str()).collect();
            schemas.sort_unstable();
            schemas.dedup();
            for schema in schemas.iter().take(5) {
                let schema = quote::identifier(schema);
                let login = quote::identifier(login);
                error = error.fix(format!(
                    "As a superuser: GRANT USAGE ON SCHEMA {schema} TO {login}; GRANT SELECT ON ALL TABLES IN SCHEMA \
                     {schema} TO {login}; GRANT SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {login}"
                ));
            }
        }
        return Err(error.fix("Or leave the tables out with exclude.tables of the database"));
    }
    let filtered: Vec<String> = read.iter().filter(|r| r.row_security).map(|r| r.display()).collect();
    if !filtered.is_empty() {
        return Err(Error::new(
            code::PG_RLS,
            format!("row-level security would hide rows of {} tables from the role \"{login}\"", filtered.len()),
        )
        .cause(format!("policies apply to it on {}", shown(&filtered)))
        .fix(format!("As a superuser: ALTER ROLE {} BYPASSRLS", quote::identifier(login)))
        .fix("Or leave out their rows with exclude.data of the database"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, readable: bool, row_security: bool) -> Relation {
        Relation { schema: "app".into(), name: name.into(), kind: 'r', readable, row_security, ..Relation::default() }
    }

    #[test]
    fn what_cannot_be_read_is_named_with_the_grant_that_helps() {
        let (good, closed, hidden) = (table("a", true, false), table("b", false, false), table("c", true, true));
        assert!(check("dbb", 15, &[&good], &[&good]).is_ok());
        let error = check("dbb", 15, &[&good, &closed], &[&good]).unwrap_err();
        assert_eq!(error.code(), code::PG_PRIVILEGE);
        assert!(error.causes()[0].contains("app.b") && error.fixes()[0].contains("pg_read_all_data"));
        assert!(check("dbb", 13, &[&closed], &[]).unwrap_err().fixes()[0].contains("GRANT USAGE ON SCHEMA \"app\""));
        assert!(check("dbb", 15, &[&hidden], &[]).is_ok());
        assert_eq!(check("dbb", 15, &[&hidden], &[&hidden]).unwrap_err().code(), code::PG_RLS);
    }
}

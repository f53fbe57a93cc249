//! `ALTER DATABASE/ROLE ... SET`, and statements that may fail with a warning.

use crate::engine::postgres::connect::Connection;
use crate::engine::postgres::quote;
use crate::error::{Result, code};

/// Parameters whose value is a list of names, each quoted by itself (`GUC_LIST_QUOTE`; pg_dump's
/// `variable_is_guc_list_quote`, dumputils.c).
const LISTS: [&str; 6] = [
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// `SET name = value`, from the value as the server keeps it; a value that is a role's name is mapped.
pub fn set_clause(name: &str, value: &str, role: impl Fn(&str) -> String) -> String {
    let lower = name.to_ascii_lowercase();
    let value = if LISTS.contains(&lower.as_str()) {
        split_names(value).iter().map(|part| quote::literal(part)).collect::<Vec<_>>().join(", ")
    } else if lower == "role" {
        quote::literal(&role(value))
    } else {
        quote::literal(value)
    };
    let value = if value.is_empty() { "''".to_owned() } else { value };
    // a parameter of an extension has two parts
    let name: Vec<String> = name.split('.').map(quote::identifier).collect();
    format!("SET {} TO {value}", name.join("."))
}

/// A list of names as the server keeps it: `"$user", public`.
pub fn split_names(value: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = value.trim_start();
    while !rest.is_empty() {
        let mut name = String::new();
        if let Some(inner) = rest.strip_prefix('"') {
            let mut characters = inner.char_indices().peekable();
            let mut end = inner.len();
            while let Some((at, character)) = characters.next() {
                if character != '"' {
                    name.push(character);
                } else if characters.next_if(|(_, next)| *next == '"').is_some() {
                    name.push('"');
                } else {
                    end = at + 1;
                    break;
                }
            }
            rest = &inner[end..];
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            name = rest[..end].trim_end().to_owned();
            rest = &rest[end..];
        }
        names.push(name);
        rest = rest.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    names
}

/// Runs statements inside of an open transaction; one that the server refuses becomes a warning.
///
/// # Errors
/// `DBB-PG-LOST`, and whatever concerns the session as a whole.
pub async fn each(connection: &Connection, statements: &[(String, String)]) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    if statements.is_empty() {
        return Ok(warnings);
    }
    // all at once, which nearly always goes well
    let all: String = statements.iter().map(|(sql, _)| format!("{sql};\n")).collect();
    connection.batch("SAVEPOINT each_statement", "setting properties").await?;
    if connection.batch(&all, "setting properties").await.is_ok() {
        connection.batch("RELEASE SAVEPOINT each_statement", "setting properties").await?;
        return Ok(warnings);
    }
    connection.batch("ROLLBACK TO SAVEPOINT each_statement", "setting properties").await?;
    for (sql, what) in statements {
        connection.batch("SAVEPOINT one_statement", what).await?;
        match connection.batch(sql, what).await {
            Ok(()) => connection.batch("RELEASE SAVEPOINT one_statement", what).await?,
            Err(error) if error.code() == code::PG_LOST => return Err(error),
            Err(error) => {
                connection.batch("ROLLBACK TO SAVEPOINT one_statement", what).await?;
                warnings.push(format!("{what} could not be set: {}", error.causes().join("; ")));
            }
        }
    }
    Ok(warnings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_written_as_the_server_kept_them() {
        let clause = |name, value| set_clause(name, value, |role| format!("new_{role}"));
        assert_eq!(
            clause("search_path", "\"$user\", public, \"a\"\"b\""),
            "SET \"search_path\" TO '$user', 'public', 'a\"b'"
        );
        assert_eq!(clause("search_path", "\"\""), "SET \"search_path\" TO ''");
        assert_eq!(clause("role", "app"), "SET \"role\" TO 'new_app'");
        assert_eq!(clause("my.thing", "it's, fine"), "SET \"my\".\"thing\" TO 'it''s, fine'");
    }
}

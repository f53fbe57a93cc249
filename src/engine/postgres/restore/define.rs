//! Schema entries, and everything else that is plain statements in the target
//! database: sequences, refreshes, statistics.

use crate::engine::postgres::bytes;
use crate::engine::postgres::quote;
use crate::engine::postgres::restore::target::Target;
use crate::engine::postgres::restore::{constraint, owner, tokens};
use crate::error::{Error, Result};
use crate::model::catalog::{EntryKind, SchemaEntry};
use crate::model::step::{DefineForm, RestoreAction};

/// The statements of one step.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// What is being done, for messages: `making table public.items`.
    pub doing: String,
    /// Settings for this step alone, the rest of its transaction included.
    pub settings: String,
    /// The statements.
    pub sql: String,
    /// The statement that gives what was made to its owner.
    pub owner: Option<String>,
    /// What the new owner needs for being given it by somebody who is no superuser: before and after.
    pub lent: (String, String),
    /// The schema whose functions may rely on a search path.
    pub schema: String,
    /// The entry whose dependencies may be needed in it.
    pub entry: Option<u32>,
    /// When it does not work, a warning is enough.
    pub optional: bool,
    /// When the login may not do it, a warning is enough.
    pub optional_when_limited: bool,
    /// Warnings, in sentences.
    pub warnings: Vec<String>,
}

/// The statements of a step; `None` for a step that is not plain statements.
///
/// # Errors
/// `DBB-BUG` for a step that names nothing in the catalog; the server's codes.
pub async fn script(target: &Target, action: &RestoreAction) -> Result<Option<Script>> {
    let script = plain(target, action).await?;
    Ok(if target.encoding() == "SQL_ASCII" { script.map(as_bytes) } else { script })
}

/// Definitions of `SQL_ASCII` databases are escaped.
fn as_bytes(script: Script) -> Script {
    let (before, after) = script.lent;
    Script {
        sql: bytes::statements(script.sql),
        owner: script.owner.map(bytes::statements),
        lent: (bytes::statements(before), bytes::statements(after)),
        ..script
    }
}

async fn plain(target: &Target, action: &RestoreAction) -> Result<Option<Script>> {
    Ok(Some(match action {
        RestoreAction::Define { entry, form } => define(target, target.entry(*entry)?, *form).await?,
        RestoreAction::Sequences => sequences(target),
        RestoreAction::Refresh { entry } => {
            let entry = target.entry(*entry)?;
            let name = quote::qualified(&entry.schema, &entry.name);
            Script {
                doing: format!("refreshing materialized view {}", entry.display()),
                // as its owner refreshes it: what a policy hides from the owner is not in it
                settings: "SET LOCAL row_security = on;".to_owned(),
                entry: Some(entry.id),
                sql: format!("REFRESH MATERIALIZED VIEW {name};"),
                schema: entry.schema.clone(),
                ..Script::default()
            }
        }
        RestoreAction::Analyze { table } => {
            let table = target.table(*table)?;
            analyze(&table.schema, &table.name)
        }
        RestoreAction::AnalyzeEntry { entry } => {
            let root = target.entry(*entry)?;
            analyze(&root.schema, &root.name)
        }
        _ => return Ok(None),
    }))
}

fn analyze(schema: &str, name: &str) -> Script {
    Script {
        doing: format!("analyzing {schema}.{name}"),
        sql: format!("ANALYZE {};", quote::qualified(schema, name)),
        schema: schema.to_owned(),
        optional: true,
        ..Script::default()
    }
}

async fn define(target: &Target, entry: &SchemaEntry, form: DefineForm) -> Result<Script> {
    let what = entry.what.to_lowercase();
    let mut script = Script {
        doing: match form {
            DefineForm::Validate => format!("checking {what} {}", entry.display()),
            DefineForm::UniqueIndex => format!("building the index of {what} {}", entry.display()),
            _ => format!("making {what} {}", entry.display()),
        },
        schema: entry.schema.clone(),
        entry: Some(entry.id),
        optional_when_limited: matches!(
            entry.kind,
            EntryKind::Acl | EntryKind::DefaultAcl | EntryKind::Comment | EntryKind::SecurityLabel
        ),
        ..Script::default()
    };
    script.sql = match form {
        DefineForm::Whole => whole(target, entry, &mut script).await?,
        DefineForm::NotValid => constraint::not_valid(&entry.definition)?,
        DefineForm::Validate => constraint::validate(&entry.definition)?.unwrap_or_default(),
        DefineForm::UniqueIndex => {
            let index = entry.index_definition.as_deref();
            let index = index.ok_or_else(|| Error::bug(format!("{} has no index of its own", entry.display())))?;
            format!("{};", index.trim_end().trim_end_matches(';'))
        }
        DefineForm::UsingIndex => constraint::using_index(&entry.definition)?,
    };
    if !script.sql.trim_end().is_empty() && !script.sql.trim_end().ends_with(';') {
        script.sql.push(';');
    }
    // a comment at the end must not swallow what follows
    script.sql.push('\n');
    settings(target, entry, &mut script).await?;
    Ok(script)
}

/// An entry as the source defines it, with roles mapped, and who owns it.
async fn whole(target: &Target, entry: &SchemaEntry, script: &mut Script) -> Result<String> {
    if let Some(owner) = &entry.owner {
        let owner = target.role(owner);
        if target.may_give(&owner).await? {
            script.owner = owner::statement(entry, &owner);
            script.lent = lent(target, entry, &owner);
        }
    }
    let names_roles = matches!(entry.kind, EntryKind::Acl | EntryKind::DefaultAcl | EntryKind::Policy)
        || entry.what == "USER MAPPING";
    if names_roles {
        return Ok(tokens::map_roles(&entry.definition, |name| target.mapped_role(name)));
    }
    if entry.kind == EntryKind::Extension {
        return extension(target, entry, script).await;
    }
    if entry.what == "SCHEMA" && entry.name == "public" {
        // a new database has it already
        return Ok(entry.definition.replacen("CREATE SCHEMA public", "CREATE SCHEMA IF NOT EXISTS public", 1));
    }
    Ok(without_internal_options(&entry.definition))
}

/// An owner must be able to create in the schema (or the database) when it is not a superuser who gives.
fn lent(target: &Target, entry: &SchemaEntry, owner: &str) -> (String, String) {
    let (place, owner) = match entry.schema.as_str() {
        "" => (format!("DATABASE {}", quote::identifier(target.pool.database())), quote::identifier(owner)),
        schema => (format!("SCHEMA {}", quote::identifier(schema)), quote::identifier(owner)),
    };
    (format!("GRANT CREATE ON {place} TO {owner};"), format!("REVOKE CREATE ON {place} FROM {owner};"))
}

/// Without `pg_attver`, which PostgreSQL 15.20 keeps for itself among a column's options and no other version
/// knows (trap 51).
fn without_internal_options(definition: &str) -> String {
    const OPTION: &str = "pg_attver";
    if !definition.contains(OPTION) {
        return definition.to_owned();
    }
    let all = tokens::significant(definition);
    let mut cuts: Vec<std::ops::Range<usize>> = Vec::new();
    for at in 1..all.len().saturating_sub(3) {
        let is = |offset: usize, word: &str| all[at + offset].is(definition, word);
        if !is(0, OPTION) || !is(1, "=") {
            continue;
        }
        let (before, after) = (&all[at - 1], &all[at + 3]);
        if before.is(definition, ",") {
            cuts.push(before.at.start..all[at + 2].at.end);
        } else if after.is(definition, ",") {
            cuts.push(all[at].at.start..after.at.end);
        } else {
            // the only one: the whole statement
            let start = all[..at].iter().rposition(|token| token.is(definition, ";")).map_or(0, |end| all[end].at.end);
            let end =
                all[at..].iter().find(|token| token.is(definition, ";")).map_or(definition.len(), |end| end.at.end);
            cuts.push(start..end);
        }
    }
    let mut kept = String::with_capacity(definition.len());
    let mut done = 0;
    for cut in cuts {
        kept.push_str(&definition[done..cut.start]);
        done = cut.end;
    }
    kept.push_str(&definition[done..]);
    kept
}

/// An extension in the version of the source, where the target has it.
async fn extension(target: &Target, entry: &SchemaEntry, script: &mut Script) -> Result<String> {
    let definition = entry.definition.trim_end().trim_end_matches(';');
    let Some(wanted) = target.source.catalog().extensions.iter().find(|extension| extension.name == entry.name) else {
        return Ok(entry.definition.clone());
    };
    let rows = target
        .pool
        .admin_rows(
            &format!(
                "select 1 from pg_catalog.pg_available_extension_versions where name = {} and version = {}",
                quote::literal(&wanted.name),
                quote::literal(&wanted.version)
            ),
            "looking for extensions",
        )
        .await?;
    if rows.is_empty() {
        script.warnings.push(format!(
            "extension {} is not available in version {}: the target's default version is taken",
            wanted.name, wanted.version
        ));
        return Ok(entry.definition.clone());
    }
    Ok(format!("{definition} VERSION {};", quote::literal(&wanted.version)))
}

/// Tablespace and access method, set for each entry that has one, as pg_restore does.
async fn settings(target: &Target, entry: &SchemaEntry, script: &mut Script) -> Result<()> {
    let tablespace = match entry.tablespace.as_str() {
        "" => "",
        name if target.has_tablespace(name).await? => name,
        name => {
            script.warnings.push(format!(
                "{} is put into the default tablespace: the target has no tablespace \"{name}\"",
                entry.display()
            ));
            ""
        }
    };
    let access_method = if entry.access_method.is_empty() { "heap" } else { &entry.access_method };
    script.settings = format!(
        "SET LOCAL default_tablespace = {}; SET LOCAL default_table_access_method = {};",
        quote::literal(tablespace),
        quote::identifier(access_method)
    );
    Ok(())
}

/// All sequences that are there; those of entries left out are not.
fn sequences(target: &Target) -> Script {
    let mut sql = String::new();
    for sequence in &target.source.catalog().sequences {
        let name = quote::literal(&quote::qualified(&sequence.schema, &sequence.name));
        sql.push_str(&format!(
            "SELECT pg_catalog.setval(pg_catalog.to_regclass({name}), {}, {});\n",
            sequence.last_value, sequence.is_called
        ));
    }
    Script { doing: "setting the sequences".to_owned(), sql, ..Script::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_options_go_and_nothing_else() {
        let statement = |options: &str| {
            format!(
                "CREATE TABLE t (v text DEFAULT 'pg_attver=3');\nALTER TABLE ONLY t ALTER COLUMN v SET ({options});\n"
            )
        };
        let bare = "CREATE TABLE t (v text DEFAULT 'pg_attver=3');\n";
        assert_eq!(without_internal_options(&statement("pg_attver=3")), bare);
        assert_eq!(without_internal_options(&statement("n_distinct=-0.5, pg_attver=3")), statement("n_distinct=-0.5"));
        assert_eq!(without_internal_options(&statement("pg_attver=3, n_distinct=5")), statement(" n_distinct=5"));
        assert_eq!(without_internal_options(bare), bare);
    }
}

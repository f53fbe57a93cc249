//! The forms of a constraint: a foreign key not yet checked and its check,
//! a constraint that takes an index built before.

use crate::engine::postgres::quote;
use crate::engine::postgres::restore::tokens::{Token, significant};
use crate::error::{Error, Result};

/// `ALTER TABLE [ONLY] t ADD CONSTRAINT n <body>; <rest>`, as pg_dump writes it, taken apart.
#[derive(Debug)]
struct Parts<'a> {
    sql: &'a str,
    /// `ALTER TABLE [ONLY] t`
    table: &'a str,
    /// True when the table is not partitioned: pg_dump then writes ONLY.
    only: bool,
    name: String,
    /// Tokens of the constraint behind its name, up to the semicolon.
    body: Vec<Token>,
    /// Statements behind the semicolon.
    rest: &'a str,
}

fn parts(sql: &str) -> Result<Parts<'_>> {
    let odd = || Error::bug("a constraint's definition does not look as pg_dump writes it");
    let all = significant(sql);
    let add = all
        .windows(3)
        .position(|three| three[0].is(sql, "ADD") && three[1].is(sql, "CONSTRAINT") && three[2].name(sql).is_some())
        .ok_or_else(odd)?;
    let first = all.first().ok_or_else(odd)?;
    if !first.is(sql, "ALTER") {
        return Err(odd());
    }
    let name = all[add + 2].name(sql).ok_or_else(odd)?;
    let behind = &all[add + 3..];
    let end = behind.iter().position(|token| token.is(sql, ";")).unwrap_or(behind.len());
    let rest = behind.get(end).map_or("", |semicolon| &sql[semicolon.at.end..]);
    Ok(Parts {
        sql,
        table: sql[first.at.start..all[add].at.start].trim_end(),
        only: all.get(2).is_some_and(|token| token.is(sql, "ONLY")),
        name,
        body: behind[..end].to_vec(),
        rest,
    })
}

impl Parts<'_> {
    fn has(&self, words: &[&str]) -> bool {
        let mut depth = 0usize;
        let flat: Vec<&Token> = self
            .body
            .iter()
            .filter(|token| {
                if token.is(self.sql, "(") {
                    depth += 1;
                }
                let outside = depth == 0;
                if token.is(self.sql, ")") {
                    depth = depth.saturating_sub(1);
                }
                outside
            })
            .collect();
        flat.windows(words.len()).any(|run| run.iter().zip(words).all(|(token, word)| token.is(self.sql, word)))
    }
}

/// A foreign key without its check. As it is where the source's own is unchecked, or where the table is
/// partitioned (PostgreSQL before 18 refuses NOT VALID there).
///
/// # Errors
/// `DBB-BUG` for a definition that is none.
pub fn not_valid(definition: &str) -> Result<String> {
    let parts = parts(definition)?;
    if !parts.only || parts.has(&["NOT", "VALID"]) || parts.has(&["NOT", "ENFORCED"]) {
        return Ok(definition.to_owned());
    }
    let Some(last) = parts.body.last() else {
        return Err(Error::bug("a foreign key's definition is empty"));
    };
    Ok(format!("{} NOT VALID;{}", &definition[..last.at.end], parts.rest))
}

/// The check of such a foreign key; `None` where there is nothing to check.
///
/// # Errors
/// `DBB-BUG` for a definition that is none.
pub fn validate(definition: &str) -> Result<Option<String>> {
    let parts = parts(definition)?;
    if !parts.only || parts.has(&["NOT", "VALID"]) || parts.has(&["NOT", "ENFORCED"]) {
        return Ok(None);
    }
    Ok(Some(format!("{} VALIDATE CONSTRAINT {};", parts.table, quote::identifier(&parts.name))))
}

/// The constraint, taking the index of its name that was built before; statements behind it (CLUSTER, REPLICA
/// IDENTITY ...) stay.
///
/// # Errors
/// `DBB-BUG` for a definition that is none.
pub fn using_index(definition: &str) -> Result<String> {
    let parts = parts(definition)?;
    let kind = match parts.body.first() {
        Some(first) if first.is(definition, "PRIMARY") => "PRIMARY KEY",
        Some(first) if first.is(definition, "UNIQUE") => "UNIQUE",
        _ => return Err(Error::bug("a constraint that is neither primary key nor unique cannot take an index")),
    };
    let name = quote::identifier(&parts.name);
    let mut sql = format!("{} ADD CONSTRAINT {name} {kind} USING INDEX {name}", parts.table);
    if parts.has(&["DEFERRABLE"]) && !parts.has(&["NOT", "DEFERRABLE"]) {
        sql.push_str(" DEFERRABLE");
        if parts.has(&["INITIALLY", "DEFERRED"]) {
            sql.push_str(" INITIALLY DEFERRED");
        }
    }
    Ok(format!("{sql};{}", parts.rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_keys_come_in_two_parts() {
        let fk = "ALTER TABLE ONLY public.a\n    ADD CONSTRAINT \"a;b\" FOREIGN KEY (x) REFERENCES public.b(id) DEFERRABLE;\n";
        assert_eq!(
            not_valid(fk).unwrap(),
            "ALTER TABLE ONLY public.a\n    ADD CONSTRAINT \"a;b\" FOREIGN KEY (x) REFERENCES public.b(id) DEFERRABLE NOT VALID;\n"
        );
        assert_eq!(validate(fk).unwrap().unwrap(), "ALTER TABLE ONLY public.a VALIDATE CONSTRAINT \"a;b\";");
    }

    #[test]
    fn an_unchecked_or_partitioned_foreign_key_stays_as_it_is() {
        for fk in [
            "ALTER TABLE ONLY a ADD CONSTRAINT c FOREIGN KEY (x) REFERENCES b(id) NOT VALID;",
            "ALTER TABLE ONLY a ADD CONSTRAINT c FOREIGN KEY (x) REFERENCES b(id) NOT ENFORCED;",
            "ALTER TABLE a ADD CONSTRAINT c FOREIGN KEY (x) REFERENCES b(id);",
        ] {
            assert_eq!(not_valid(fk).unwrap(), fk);
            assert_eq!(validate(fk).unwrap(), None);
        }
    }

    #[test]
    fn a_constraint_takes_its_index() {
        let unique = "ALTER TABLE ONLY s.t\n    ADD CONSTRAINT u UNIQUE NULLS NOT DISTINCT (a, b) INCLUDE (c) WITH (fillfactor='50') DEFERRABLE INITIALLY DEFERRED;\n\nALTER TABLE s.t CLUSTER ON u;\n";
        assert_eq!(
            using_index(unique).unwrap(),
            "ALTER TABLE ONLY s.t ADD CONSTRAINT \"u\" UNIQUE USING INDEX \"u\" DEFERRABLE INITIALLY DEFERRED;\n\nALTER TABLE s.t CLUSTER ON u;\n"
        );
        assert!(using_index("ALTER TABLE ONLY t ADD CONSTRAINT x EXCLUDE USING gist (a WITH =);").is_err());
    }
}

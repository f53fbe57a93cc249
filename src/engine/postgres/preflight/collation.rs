//! Encodings, locales and collations: whether the target knows them, and whether they order rows alike.

use crate::engine::postgres::preflight::Checks;
use crate::engine::postgres::quote;
use crate::error::{Error, Result, code};
use std::collections::BTreeSet;

/// Locales that order by bytes, everywhere alike.
fn is_plain(locale: &str) -> bool {
    matches!(locale, "" | "C" | "POSIX" | "C.UTF-8" | "C.utf8" | "PG_C_UTF8")
}

/// Fails where a database with these properties cannot be made; warns where text may sort differently.
pub(super) async fn check(checks: &mut Checks<'_>) -> Result<()> {
    let properties = &checks.catalog.database;
    let major = checks.connection.major();
    let since = match properties.locale_provider.as_str() {
        "icu" => 15,
        "builtin" => 17,
        _ => 0,
    };
    if major < since {
        let error = Error::new(
            code::RESTORE_LOCALE,
            format!("{} has no locale provider {}", checks.server.name, properties.locale_provider),
        )
        .cause(format!("PostgreSQL {major} is too old: databases have it since {since}"))
        .fix(format!("Restore to PostgreSQL {since} or newer"));
        checks.fail(error);
    }
    locales(checks).await?;
    icu(checks).await?;
    versions(checks).await
}

/// Locales of the operating system: the server says of `lc_monetary` whether it knows one.
async fn locales(checks: &mut Checks<'_>) -> Result<()> {
    let properties = &checks.catalog.database;
    let named = checks.catalog.collations.iter().filter(|collation| is_libc(&collation.provider));
    let mut wanted: BTreeSet<&str> = named.map(|collation| collation.locale.as_str()).collect();
    wanted.extend([properties.collate.as_str(), properties.ctype.as_str()]);
    for locale in wanted.into_iter().filter(|locale| !matches!(*locale, "" | "C" | "POSIX")) {
        let sql = format!("select pg_catalog.set_config('lc_monetary', {}, false)", quote::literal(locale));
        if let Err(cause) = checks.connection.rows(&sql, "looking at locales").await {
            let error = Error::new(code::RESTORE_LOCALE, format!("{} does not know the locale \"{locale}\"", checks.server.name))
                .cause(cause.causes().join("; "))
                .fix(format!("Generate it on the target server (locale-gen {locale}, or the locales-all package), then restart PostgreSQL"));
            checks.found.failures.push(error.failure());
        }
    }
    Ok(())
}

fn is_libc(provider: &str) -> bool {
    matches!(provider, "c" | "libc")
}

async fn icu(checks: &mut Checks<'_>) -> Result<()> {
    let wanted = checks.catalog.database.locale_provider == "icu"
        || checks.catalog.collations.iter().any(|collation| matches!(collation.provider.as_str(), "i" | "icu"));
    if wanted
        && checks.column("select 1 from pg_catalog.pg_collation where collprovider = 'i' limit 1").await?.is_empty()
    {
        let error = Error::new(code::RESTORE_LOCALE, format!("{} was built without ICU", checks.server.name))
            .cause("the snapshot uses ICU collations")
            .fix("Restore to a server that was built with ICU");
        checks.fail(error);
    }
    Ok(())
}

/// Versions of the libraries that order text: one of the operating system, one of ICU.
async fn versions(checks: &mut Checks<'_>) -> Result<()> {
    let properties = &checks.catalog.database;
    let mut used: BTreeSet<(bool, String)> = BTreeSet::new();
    let mut unknown = false;
    let of_database = match properties.locale_provider.as_str() {
        "icu" => Some((true, properties.locale.clone().unwrap_or_default())),
        "builtin" => None,
        _ => Some((false, properties.collate.clone())),
    };
    let mut add = |icu: bool, locale: &str, version: &Option<String>| match version {
        _ if !icu && is_plain(locale) => {}
        Some(version) => {
            used.insert((icu, version.clone()));
        }
        None => unknown = true,
    };
    if let Some((icu, locale)) = of_database {
        add(icu, &locale, &properties.collation_version);
    }
    for collation in &checks.catalog.collations {
        let icu = matches!(collation.provider.as_str(), "i" | "icu");
        if icu || is_libc(&collation.provider) {
            add(icu, &collation.locale, &collation.version);
        }
    }
    let mut same = !unknown;
    for (icu, version) in used {
        let provider = if icu { 'i' } else { 'c' };
        let here = checks
            .column(&format!(
                "select distinct pg_catalog.pg_collation_actual_version(oid) from pg_catalog.pg_collation \
                 where collprovider = '{provider}' and pg_catalog.pg_collation_actual_version(oid) is not null"
            ))
            .await?;
        if !here.contains(&version) {
            same = false;
            let library = if icu { "ICU" } else { "the operating system" };
            let here = if here.is_empty() { "an unknown version".to_owned() } else { here.join(", ") };
            checks.warn(
                code::RESTORE_LOCALE,
                format!("text may sort differently: collations of {library} have version {version} at the source and {here} on {}", checks.server.name),
                "Check range partitions, exclusion constraints and checks that compare text; indexes are built anew and are right",
            );
        }
    }
    checks.found.same_ordering = same;
    Ok(())
}

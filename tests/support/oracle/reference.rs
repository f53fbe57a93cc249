//! What a server of another major makes of a schema, by PostgreSQL's own tools.

use super::{Oracle, Portrait, Side, portrait};
use crate::support::process;
use crate::support::psql::quoted;

/// Puts the schema into the words of the server that `side` is on.
#[track_caller]
pub(super) fn on_server_of(oracle: &Oracle, side: Side<'_>, mut portrait: Portrait) -> Portrait {
    let (cluster, database) = side;
    let scratch = cluster.unused_name("oracle");
    let locale = "SELECT format('ENCODING %L LC_COLLATE %L LC_CTYPE %L', pg_encoding_to_char(encoding), datcollate, \
                  datctype) FROM pg_database WHERE datname = current_database()";
    let locale = cluster.query(database, locale);
    cluster.psql("postgres", &format!("CREATE DATABASE {} TEMPLATE template0 {locale};", quoted(&scratch)));
    let script = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(script.path(), &portrait.schema).expect("a temporary file is writable");
    let mut psql = cluster.client(super::CLIENT_MAJOR, "psql");
    psql.env("PGDATABASE", &scratch).args(["-X", "-q"]).arg("-f").arg(script.path());
    let said = process::must(&mut psql, portrait::LOOK_LIMIT).stderr;
    let all = Oracle { without_tablespaces: oracle.without_tablespaces, ..Oracle::new() };
    portrait.schema = portrait::schema(&all, (cluster, &scratch));
    // What this server refuses is missing from the reference; the reason belongs in the report.
    // Every dump of the newer client begins with a setting that older servers do not know.
    let told = |line: &&str| line.contains("ERROR:") && !line.ends_with("parameter \"transaction_timeout\"");
    for error in said.lines().filter(told) {
        portrait.schema += &format!("-- not in the reference: {error}\n");
    }
    cluster.drop_database(&scratch);
    portrait
}

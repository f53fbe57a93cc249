use dbb::error::{Error, Spot, code};

pub const YAML: &str = "version: 1
project: acme
servers:
  pg-main:
    engine: postgres
    host: pg-main.internal\u{9b}2J
    user: dbb
    password: hunter2
databases:
  orders: {server: pg-mian}
";

fn spot(part: &str, label: &str) -> Spot {
    let start = YAML.find(part).unwrap();
    let before = &YAML[..start];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    Spot {
        file: "dbb.yaml".into(),
        line: before.matches('\n').count() as u32 + 1,
        column: YAML[line_start..start].chars().count() as u32 + 1,
        bytes: start..start + part.len(),
        label: label.into(),
    }
}

pub fn reference() -> Error {
    Error::new(code::CONFIG_REFERENCE, "there is no server \"pg-mian\"")
        .spot(spot("pg-mian", "no server has this name"))
        .spot(spot("pg-main", "this one is near"))
        .fix("did you mean \"pg-main\"?")
}

pub fn secret() -> Error {
    Error::new(code::CONFIG_SECRET, "the password of server \"pg-main\" is written in the file")
        .spot(spot("hunter2", "a secret has no place here"))
        .fix("put it into a file or the environment: password: {env: PG_MAIN_PW}")
}

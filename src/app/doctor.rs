//! Looks at everything that a backup or restore will need, before it is needed.

use crate::app::{App, observe, registry};
use crate::base::units;
use crate::error::{Error, Result, code};
use crate::model::desired::Desired;
use crate::port::engine::Check;
use serde::Serialize;

/// The checks of one server or repository.
#[derive(Clone, Debug, Serialize)]
pub struct Section {
    /// `server.pg-main`, `repository.main`
    pub address: String,
    /// Where that is.
    pub place: String,
    /// What was found.
    pub checks: Vec<Check>,
}

/// Checks all servers and repositories, or one server.
///
/// # Errors
/// `DBB-CONFIG-REFERENCE` for a server that the config does not have.
pub async fn doctor(app: &App, desired: &Desired, server: Option<&str>) -> Result<Vec<Section>> {
    let mut sections = Vec::new();
    if let Some(name) = server
        && !desired.servers.contains_key(name)
    {
        return Err(Error::new(code::CONFIG_REFERENCE, format!("there is no server \"{name}\" in the config")));
    }
    for (name, spec) in &desired.servers {
        if server.is_some_and(|wanted| wanted != name) {
            continue;
        }
        sections.push(Section {
            address: format!("server.{name}"),
            place: format!("{}:{}", spec.at.host, spec.at.port),
            checks: registry::engine(app, spec.engine)?.doctor(spec).await,
        });
    }
    if server.is_none() {
        for (name, spec) in &desired.repositories {
            sections.push(Section {
                address: format!("repository.{name}"),
                place: registry::display(spec),
                checks: repository(spec).await,
            });
        }
    }
    Ok(sections)
}

async fn repository(spec: &crate::model::desired::RepositorySpec) -> Vec<Check> {
    let good = |topic: &str, finding: String| Check { topic: topic.into(), finding, failure: None, warning: false };
    let state = match observe::repository(spec).await {
        Ok(state) => state,
        Err(error) => {
            let finding = error.message().to_owned();
            return vec![Check { topic: "reachable".into(), finding, failure: Some(error.failure()), warning: false }];
        }
    };
    let mut checks = vec![match state.exists {
        true => good("format", units::counted(state.snapshots.len() as u64, "snapshot", "snapshots")),
        false => good("format", "not there yet; the first backup makes it".into()),
    }];
    for failure in state.damaged {
        let finding = failure.message.clone();
        checks.push(Check { topic: "manifests".into(), finding, failure: Some(failure), warning: false });
    }
    if let Some(free) = state.free_bytes {
        checks.push(good("space", format!("{} free", units::bytes(free))));
    }
    if !state.encrypted {
        let error = Error::new(code::UNENCRYPTED, "whoever reads the repository reads the data")
            .fix("put the repository where only its owner can read");
        checks.push(Check {
            topic: "encryption".into(),
            finding: "none".into(),
            failure: Some(error.failure()),
            warning: true,
        });
    }
    checks
}

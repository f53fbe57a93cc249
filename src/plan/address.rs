//! `--target` and `--exclude`: which of the config's things a plan is about.

use crate::error::{Error, Result, code};
use crate::model::address::Address;

/// What the options name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter<'a> {
    targets: &'a [Address],
    excludes: &'a [Address],
}

impl<'a> Filter<'a> {
    /// Checks that every address is one of `known`.
    ///
    /// # Errors
    /// `DBB-PLAN-ADDRESS` with the nearest known one.
    pub fn new(targets: &'a [Address], excludes: &'a [Address], known: &[Address]) -> Result<Self> {
        for address in targets.iter().chain(excludes) {
            if !known.contains(address) {
                return Err(unknown(address, known));
            }
        }
        Ok(Filter { targets, excludes })
    }

    /// True when something with these addresses (its own and those of what it belongs to) is asked for.
    pub fn takes(&self, addresses: &[Address]) -> bool {
        let named = |list: &[Address]| list.iter().any(|address| addresses.contains(address));
        (self.targets.is_empty() || named(self.targets)) && !named(self.excludes)
    }
}

fn unknown(address: &Address, known: &[Address]) -> Error {
    let error = Error::new(code::PLAN_ADDRESS, format!("\"{address}\" names nothing in the config"));
    match nearest(&address.0, known.iter().map(|known| known.0.as_str())) {
        Some(near) => error.fix(format!("did you mean \"{near}\"?")),
        None => error
            .fix("write an address as <kind>.<name>, for example database.orders or server.pg-main")
            .fix("run dbb validate --resolved to see every name of the config"),
    }
}

/// The candidate that is most like `word`, when one is like it at all.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::normalized_damerau_levenshtein(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_address_is_refused_with_the_nearest() {
        let known = [Address::database("orders"), Address::server("pg-main")];
        let error = Filter::new(&[Address::database("order")], &[], &known).unwrap_err();
        assert_eq!(error.code().name, "DBB-PLAN-ADDRESS");
        assert_eq!(error.fixes(), ["did you mean \"database.orders\"?"]);
    }

    #[test]
    fn a_server_stands_for_its_databases_and_excludes_win() {
        let known = [Address::database("a"), Address::database("b"), Address::server("s")];
        let targets = [Address::server("s")];
        let excludes = [Address::database("b")];
        let filter = Filter::new(&targets, &excludes, &known).unwrap();
        assert!(filter.takes(&[Address::database("a"), Address::server("s")]));
        assert!(!filter.takes(&[Address::database("b"), Address::server("s")]));
        assert!(!filter.takes(&[Address::database("c"), Address::server("t")]));
    }
}

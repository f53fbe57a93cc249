//! "Did you mean": the name that someone probably wanted.

/// The candidate closest to `name`, when it is close enough to be meant.
pub fn closest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let lower = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count().max(lower.chars().count()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Names as a sentence lists them: `a, b, c`; at most twenty.
pub fn listed<'c>(names: impl IntoIterator<Item = &'c str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match names.len() {
        0..=20 => names.join(", "),
        all => format!("{} and {} more", names[..20].join(", "), all - 20),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        let keys = ["port", "host", "password", "connect_timeout"];
        assert_eq!(closest("prot", keys), Some("port"));
        assert_eq!(closest("Password", keys), Some("password"));
        assert_eq!(closest("connection_timeout", keys), Some("connect_timeout"));
        assert_eq!(closest("colour", keys), None);
        assert_eq!(closest("", keys), None);
    }
}

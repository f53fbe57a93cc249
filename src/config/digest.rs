//! The digest of a config: equal for configs that mean the same, wherever their lines stand.

use crate::base::digest::Digest;
use crate::model::desired::Desired;
use serde_json::Value;

/// What does not change the meaning: where things are written, and the digest itself.
const PLACES: [&str; 5] = ["file", "place", "places", "digest", "state_dir"];

/// BLAKE3 over the canonical JSON (sorted keys, no blanks) of the resolved config.
pub fn digest(desired: &Desired) -> String {
    let mut json = serde_json::to_value(desired).unwrap_or_default();
    canonical(&mut json);
    Digest::of(json.to_string().as_bytes()).to_string()
}

fn canonical(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for key in PLACES {
                // a server may be named "file": only scalars and the map of places are meant
                if object.get(key).is_some_and(|value| value.is_string() || key == "places") {
                    object.shift_remove(key);
                }
            }
            object.sort_keys();
            object.values_mut().for_each(canonical);
        }
        Value::Array(items) => items.iter_mut().for_each(canonical),
        _ => {}
    }
}

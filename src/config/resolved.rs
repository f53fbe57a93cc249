//! The effective config with where each value came from, for `dbb validate --resolved`.

use crate::base::units;
use crate::config::node::join;
use crate::model::desired::Desired;
use serde_json::{Value, json};
use std::time::Duration;

/// Every value as `{"value": .., "from": ..}`, nested as in [`Desired`]; `from` is a line of a file,
/// `defaults (file:line)` or `default`. Secrets are references here as everywhere.
pub fn resolved(desired: &Desired) -> Value {
    let mut json = serde_json::to_value(desired).unwrap_or_default();
    if let Some(object) = json.as_object_mut() {
        for key in ["file", "digest", "places"] {
            object.shift_remove(key);
        }
    }
    annotate(desired, "", "default", &json)
}

fn annotate(desired: &Desired, pointer: &str, above: &str, value: &Value) -> Value {
    let from = desired.origins.get(pointer).map_or(above, String::as_str);
    if let Some(duration) = as_duration(value) {
        return json!({"value": units::duration(duration), "from": from});
    }
    match value {
        Value::Object(object) if !object.is_empty() => {
            let entries =
                object.iter().filter(|(key, value)| !(value.is_string() && ["place", "name"].contains(&key.as_str())));
            entries
                .map(|(key, value)| {
                    let deeper = join(pointer, key);
                    (key.clone(), annotate(desired, &deeper, from, value))
                })
                .collect()
        }
        _ => json!({"value": value, "from": from}),
    }
}

fn as_duration(value: &Value) -> Option<Duration> {
    let object = value.as_object().filter(|object| object.len() == 2)?;
    Some(Duration::new(object.get("secs")?.as_u64()?, u32::try_from(object.get("nanos")?.as_u64()?).ok()?))
}

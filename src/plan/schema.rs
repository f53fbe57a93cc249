//! JSON Schemas (draft-07) of what dbb writes for machines.

use crate::model::plan::Plan;
use crate::model::report::Report;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// The schema of a plan (`dbb plan --format json`; in a saved plan, of its `plan`).
pub fn plan() -> Value {
    of::<Plan>("dbb plan")
}

/// The schema of a report (`dbb apply --format json`).
pub fn report() -> Value {
    of::<Report>("dbb report")
}

fn of<T: JsonSchema>(title: &str) -> Value {
    let schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<T>();
    let mut value = schema.to_value();
    if let Some(map) = value.as_object_mut() {
        map.insert("title".into(), Value::String(title.into()));
    }
    value
}

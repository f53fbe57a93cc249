//! The JSON Schemas (draft-07) of the config and the runbook, made from the Rust types, for
//! editors and for the second pass.

use crate::config::raw::config::RawConfig;
use crate::config::raw::runbook::RawRunbook;
use crate::error::{Error, Result};
use jsonschema::Validator;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// The schema of `dbb.yaml` and the files it includes.
pub fn config() -> Value {
    of::<RawConfig>()
}

/// The schema of a runbook.
pub fn runbook() -> Value {
    of::<RawRunbook>()
}

fn of<T: JsonSchema>() -> Value {
    let mut schema: Value = SchemaSettings::draft07().into_generator().into_root_schema_for::<T>().into();
    tidy(&mut schema);
    schema
}

/// An absent key is written by leaving it out, never as `null`: takes the nulls that `Option`
/// brings out of the schema, so that an empty `password:` is an error instead of "none".
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    object.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(choices)) = object.get_mut("anyOf")
                && choices.len() == 2
                && choices.iter().any(|choice| choice["type"] == "null")
            {
                choices.retain(|choice| choice["type"] != "null");
                if let Some(choices) = object.shift_remove("anyOf") {
                    object.insert("allOf".to_owned(), choices);
                }
            }
            object.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// The validator of a schema.
///
/// # Errors
/// `DBB-BUG`: the schema is made by this file.
pub fn validator(schema: &Value) -> Result<Validator> {
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft7)
        .build(schema)
        .map_err(|error| Error::bug("the config's own schema is wrong").cause(error.to_string()))
}

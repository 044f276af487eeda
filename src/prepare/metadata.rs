//! What the user sets on the object itself: name, labels, entrypoint and the like.

use serde_json::{Map, Value, json};

use super::{Options, PrepareError, object_field};

/// Sets what was asked for. A name takes the place of a `generateName`: the object is created under it or not at all.
pub(super) fn apply(document: &mut Value, options: &Options) -> Result<(), PrepareError> {
    let Some(document) = document.as_object_mut() else {
        return Err(PrepareError::Form { field: "the document".to_owned(), expected: "an object" });
    };
    let asked = options.name.is_some() || options.namespace.is_some();
    let said = options.memoize.annotation();
    if asked || said.is_some() || !options.labels.is_empty() || !options.annotations.is_empty() {
        let metadata = object_field(document, "metadata", "metadata")?;
        apply_metadata(metadata, options)?;
        if let Some((name, value)) = said {
            object_field(metadata, "annotations", "metadata.annotations")?.insert(name.to_owned(), json!(value));
        }
    }
    let Some(spec) = document.get_mut("spec").and_then(Value::as_object_mut) else { return Ok(()) };
    let fields = [
        ("entrypoint", options.entrypoint.as_ref().map(|name| json!(name))),
        ("serviceAccountName", options.service_account.as_ref().map(|name| json!(name))),
        ("priority", options.priority.map(|priority| json!(priority))),
        ("parallelism", options.parallelism.map(|limit| json!(limit))),
    ];
    for (field, value) in fields {
        if let Some(value) = value {
            spec.insert(field.to_owned(), value);
        }
    }
    Ok(())
}

/// Gives the document an annotation.
pub(super) fn annotate(document: &mut Value, (name, value): (&str, &str)) -> Result<(), PrepareError> {
    let Some(document) = document.as_object_mut() else { return Ok(()) };
    let metadata = object_field(document, "metadata", "metadata")?;
    object_field(metadata, "annotations", "metadata.annotations")?.insert(name.to_owned(), json!(value));
    Ok(())
}

fn apply_metadata(metadata: &mut Map<String, Value>, options: &Options) -> Result<(), PrepareError> {
    if let Some(name) = &options.name {
        metadata.shift_remove("generateName");
        metadata.insert("name".to_owned(), json!(name.as_str()));
    }
    if let Some(namespace) = &options.namespace {
        metadata.insert("namespace".to_owned(), json!(namespace));
    }
    for (field, path, given) in
        [("labels", "metadata.labels", &options.labels), ("annotations", "metadata.annotations", &options.annotations)]
    {
        if !given.is_empty() {
            let entries = given.iter().map(|(name, value)| (name.clone(), json!(value)));
            object_field(metadata, field, path)?.extend(entries);
        }
    }
    Ok(())
}

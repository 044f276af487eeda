//! The volumes that a container mounts: directories that its pod or the run shares, and files that ConfigMaps, Secrets
//! and the pod itself give, which nobody can write to. Pure.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::{Pod, safe_relative};
use crate::argo::Metadata;
use crate::argo::expression::{Scope, Unresolved, render_value};
use crate::argo::model::{Template, VolumeMount, any_string};
use crate::local::resolved::{Data, Resolved};
use crate::local::task::{Mount, VOLUME_FILES, VolumeFile};

/// The mode of a file whose volume asks for none.
const FILE_MODE: u32 = 0o644;

/// The volumes of a template and of the workflow, whose tags are replaced: the template's were with it.
pub(super) fn of(plan: &Resolved, template: &Template, globals: &Scope) -> Result<Vec<Value>, String> {
    let of_spec = plan.spec["volumes"].as_array().into_iter().flatten();
    let of_spec = of_spec.map(|volume| render_value(volume, globals, Unresolved::Keep));
    let of_template = template.volumes.iter().cloned().map(Ok);
    of_template.chain(of_spec).collect::<Result<_, _>>().map_err(|error| error.to_string())
}

/// A file of a volume.
struct File {
    path: String,
    content: String,
    mode: u32,
}

impl Pod<'_> {
    pub(super) fn mount(
        &self,
        mount: &VolumeMount,
        mounts: &mut Vec<Mount>,
        files: &mut Vec<VolumeFile>,
    ) -> Result<(), String> {
        let target = PathBuf::from(&mount.mount_path);
        if mounts.iter().any(|known| known.target == target) {
            return Ok(());
        }

        let (below, name) = (safe_relative(&mount.sub_path)?, safe_relative(&mount.name)?);
        let of_node = self.plan.run_directory.join("nodes").join(self.node);
        let shared = self.plan.spec["volumeClaimTemplates"].as_array().into_iter().flatten();
        let is_shared = shared.map(|claim| Metadata::of(claim).name()).any(|name| name == mount.name);
        let (directory, read_only) = if is_shared {
            (self.plan.run_directory.join("volumes").join(name), mount.read_only)
        } else {
            let volume = self.volume(&mount.name)?;
            if volume.get("emptyDir").is_some() {
                (of_node.join("volumes").join(name), mount.read_only)
            } else {
                if !files.iter().any(|file| file.volume == mount.name) {
                    files.extend(self.volume_files(&mount.name, volume)?);
                }
                (of_node.join(VOLUME_FILES).join(name), true)
            }
        };
        mounts.push(Mount { source: directory, sub_path: below.to_owned(), target, read_only });
        Ok(())
    }

    fn volume(&self, name: &str) -> Result<&Value, String> {
        let volume = self.volumes.iter().find(|volume| volume["name"].as_str() == Some(name));
        volume.ok_or_else(|| format!("volume {name:?} is mounted but not declared"))
    }

    fn volume_files(&self, name: &str, volume: &Value) -> Result<Vec<VolumeFile>, String> {
        let sources = volume.pointer("/projected/sources").and_then(Value::as_array);
        let sources: Vec<&Value> = sources.map_or_else(|| vec![volume], |sources| sources.iter().collect());
        let kind =
            volume.get("projected").or_else(|| sources.first()?.as_object()?.values().find(|kind| kind.is_object()));
        let mode = kind.and_then(|kind| mode(&kind["defaultMode"])).unwrap_or(FILE_MODE);
        let mut files = Vec::new();
        for source in sources {
            let of_source = self.files_of(source, mode).map_err(|why| format!("volume {name:?}: {why}"))?;
            for File { path, content, mode } in of_source {
                let path = safe_relative(&path)?.to_owned();
                files.push(VolumeFile { volume: name.to_owned(), path, content, mode });
            }
        }
        // A volume without files is mounted all the same.
        if files.is_empty() {
            files.push(VolumeFile { volume: name.to_owned(), path: PathBuf::new(), content: String::new(), mode });
        }
        Ok(files)
    }

    fn files_of(&self, source: &Value, mode: u32) -> Result<Vec<File>, String> {
        if let Some(config_map) = source.get("configMap") {
            return files_of_data(config_map, &config_map["name"], &self.plan.config_maps, "configmap", mode);
        }
        if let Some(secret) = source.get("secret") {
            let name = secret.get("secretName").unwrap_or(&secret["name"]);
            return files_of_data(secret, name, &self.plan.secrets, "secret", mode);
        }
        let items = source.pointer("/downwardAPI/items").and_then(Value::as_array);
        let items = items.ok_or("it is of a kind that needs a cluster")?.iter();
        let file = |item: &Value| {
            let mode = self::mode(&item["mode"]).unwrap_or(mode);
            Ok(File { path: any_string(&item["path"]), content: self.downward(item)?, mode })
        };
        items.map(file).collect()
    }
}

/// The keys of a ConfigMap or Secret as files: all, or those that `items` name. Errors are in the words of the kubelet.
fn files_of_data(
    source: &Value,
    name: &Value,
    objects: &BTreeMap<String, Data>,
    kind: &str,
    mode: u32,
) -> Result<Vec<File>, String> {
    let (name, optional) = (name.as_str().unwrap_or_default(), source["optional"] == true);
    let Some(data) = objects.get(name) else {
        let missing = format!("{kind} {name:?} not found in the given files");
        return if optional { Ok(Vec::new()) } else { Err(missing) };
    };
    let Some(items) = source["items"].as_array() else {
        let file = |(key, content): (&String, &String)| File { path: key.clone(), content: content.clone(), mode };
        return Ok(data.iter().map(file).collect());
    };
    let mut files = Vec::new();
    for item in items {
        let key = item["key"].as_str().unwrap_or_default();
        match data.get(key) {
            Some(content) => files.push(File {
                path: any_string(&item["path"]),
                content: content.clone(),
                mode: self::mode(&item["mode"]).unwrap_or(mode),
            }),
            None if optional => {}
            None => return Err(format!("references non-existent {kind} key: {key} (of {name:?})")),
        }
    }
    Ok(files)
}

fn mode(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|mode| u32::try_from(mode).ok())
}

//! The tasks of dag templates: names, and what they depend on.

use std::collections::HashMap;

use serde_json::Value;

use super::{At, Survey, calls_of};
use crate::argo::expression::depends;

impl Survey<'_> {
    pub(super) fn dag(&mut self, at: &At, template: &Value) {
        let mut needs: HashMap<String, Vec<String>> = HashMap::new();
        let mut tasks = Vec::new();
        for site in calls_of(template).filter(|site| site.group.is_none()) {
            let at = at.field(site.pointer());
            let Some(task) = self.step(&at, site.value) else { continue };
            let named: Vec<String> = if task.depends.is_empty() {
                task.dependencies.clone()
            } else {
                match depends::parse(&task.depends) {
                    Ok(depends) => depends.tasks().into_iter().map(str::to_owned).collect(),
                    Err(error) => {
                        self.refuse(&at.field("depends"), error.to_string());
                        continue;
                    }
                }
            };
            if needs.insert(task.name.clone(), named.clone()).is_some() {
                self.refuse(&at.field("name"), format!("task {:?} is there twice", task.name));
            }
            tasks.push((at, task.name, named));
        }
        for (at, name, named) in &tasks {
            if let Some(unknown) = named.iter().find(|need| !needs.contains_key(*need)) {
                self.refuse(at, format!("task {name:?} depends on {unknown:?}, which is no task of this dag"));
            }
        }
        if let Some(cycle) = cycle(&needs) {
            self.refuse(
                &at.field("dag/tasks"),
                format!("the tasks depend on each other in a circle: {}", cycle.join(" → ")),
            );
        }
    }
}

fn cycle(needs: &HashMap<String, Vec<String>>) -> Option<Vec<String>> {
    let mut left: HashMap<&str, usize> = needs.iter().map(|(name, needs)| (name.as_str(), needs.len())).collect();
    loop {
        let free: Vec<&str> = left
            .keys()
            .copied()
            .filter(|name| needs[*name].iter().all(|need| !left.contains_key(need.as_str())))
            .collect();
        if free.is_empty() {
            break;
        }
        for name in free {
            left.remove(name);
        }
    }
    let mut name = left.keys().min()?.to_owned();
    let mut path = vec![name.to_owned()];
    loop {
        name = needs[name].iter().map(String::as_str).filter(|need| left.contains_key(need)).min()?;
        if let Some(start) = path.iter().position(|seen| seen == name) {
            path.push(name.to_owned());
            return Some(path.split_off(start));
        }
        path.push(name.to_owned());
    }
}

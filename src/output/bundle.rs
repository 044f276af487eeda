//! Components and their settings, and what became of their objects.

use std::fmt::Write as _;

use crate::bundle::Component;

/// The components, each with its settings below it.
pub(crate) fn table(components: &[Component]) -> String {
    let mut text = String::new();
    for component in components {
        let image = if component.needs_image() { " (needs --image)" } else { "" };
        let _ = writeln!(text, "{component}: {}{image}", component.purpose());
        let width = component.settings().iter().map(|setting| setting.name.len()).max().unwrap_or_default();
        for setting in component.settings() {
            let default = match setting.default {
                None => " (required)".to_owned(),
                Some("") => String::new(),
                Some(default) => format!(" [{default}]"),
            };
            let _ = writeln!(text, "  {:width$}  {}{default}", setting.name, setting.help);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_shown_with_its_default_or_as_required() {
        let shown = table(&[Component::Semaphores, Component::Cleanup]);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[0], "semaphores: the ConfigMap with the limits of semaphores");
        assert!(lines[1].starts_with("cleanup: ") && lines[1].ends_with("(needs --image)"), "{shown}");
        assert!(shown.contains("  claim           the claim with the worktrees (required)\n"), "{shown}");
        assert!(shown.contains("the age of worktrees that are removed [168h]\n"), "{shown}");
    }
}

//! Annotations of a workflow run of GitHub Actions:
//! <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>

/// An annotation, as a line of output.
pub(super) fn annotation(level: &str, properties: &[(&str, String)], message: &str) -> String {
    let properties: Vec<String> =
        properties.iter().map(|(name, value)| format!("{name}={}", property(value))).collect();
    format!("::{level} {}::{}", properties.join(","), data(message))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_its_field() {
        let line = annotation("error", &[("title", "a:b,c\n::error::x".to_owned())], "50 %\r\n::set-output name=a::b");
        assert_eq!(line, "::error title=a%3Ab%2Cc%0A%3A%3Aerror%3A%3Ax::50 %25%0D%0A::set-output name=a::b");
    }
}

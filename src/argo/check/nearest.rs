//! The known name that an unknown one is probably a misspelling of.

/// The nearest of the known names, if one is near enough.
pub(super) fn nearest<'known>(name: &str, known: impl Iterator<Item = &'known str>) -> Option<&'known str> {
    let allowed = match name.len() {
        0..=3 => 0,
        4..=7 => 1,
        8..=64 => 2,
        _ => return None,
    };
    let lower = name.to_ascii_lowercase();
    known
        .filter(|known| known.len().abs_diff(name.len()) <= allowed)
        .map(|known| (strsim::osa_distance(&known.to_ascii_lowercase(), &lower), known))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, known)| known)
}

/// The same for names that are few: also a short name is compared with a short one.
pub(crate) fn nearest_of_few<'known>(name: &str, known: impl Iterator<Item = &'known str>) -> Option<&'known str> {
    let allowed = (name.len() / 3).clamp(1, 3);
    known
        .filter(|known| *known != name)
        .map(|known| (strsim::osa_distance(known, name), known))
        .filter(|(distance, known)| *distance <= allowed && *distance < known.len())
        .min()
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelling_is_near_and_another_word_is_not() {
        let known = || ["template", "templateRef", "name", "withItems"].into_iter();
        assert_eq!(nearest("tempalte", known()), Some("template"));
        assert_eq!(nearest("withitems", known()), Some("withItems"));
        assert_eq!(nearest("quite", known()), None);
        assert_eq!(nearest("nam", known()), None);
        assert_eq!(nearest_of_few("nam", known()), Some("name"));
        assert_eq!(nearest_of_few("x", ["y"].into_iter()), None);
    }
}

//! Names of time zones, as Go finds them. (time.LoadLocation; the names of Go's lib/time/zoneinfo.zip, version 2025)

const TABLE: &str = include_str!("zones.txt");
/// What Go takes without looking at the table.
const OTHERS: [&str; 3] = ["", "UTC", "Local"];

/// Whether Go knows a zone of that name, letter by letter.
pub(super) fn is_known(name: &str) -> bool {
    OTHERS.contains(&name) || names().any(|known| known == name)
}

/// All names.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.lines()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_known_by_its_exact_name() {
        for known in ["", "UTC", "Local", "Europe/Berlin", "America/Argentina/Buenos_Aires", "EST5EDT", "Etc/GMT+5"] {
            assert!(is_known(known), "{known}");
        }
        for unknown in ["europe/berlin", "Europe/Berln", "CEST", "../UTC", "Europe"] {
            assert!(!is_known(unknown), "{unknown}");
        }
    }
}

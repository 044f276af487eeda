//! sprig's functions, those of them that yield the same for the same arguments.

mod collections;
mod dates;
mod encoding;
mod lists;
mod numbers;
mod paths;
mod patterns;
pub(super) mod semver;
mod text;
mod urls;
mod values;
mod words;

use std::collections::HashMap;
use std::sync::LazyLock;

use super::arguments::Arguments;
use super::operators::Outcome;

type Family = (&'static [&'static str], fn(&str, Arguments) -> Outcome);

static FAMILIES: [Family; 12] = [
    (text::NAMES, text::call),
    (words::NAMES, words::call),
    (numbers::NAMES, numbers::call),
    (lists::NAMES, lists::call),
    (collections::NAMES, collections::call),
    (values::NAMES, values::call),
    (encoding::NAMES, encoding::call),
    (patterns::NAMES, patterns::call),
    (paths::NAMES, paths::call),
    (urls::NAMES, urls::call),
    (semver::NAMES, semver::call),
    (dates::NAMES, dates::call),
];

/// Functions that ask a clock, chance or the network, or whose results differ each time for another reason.
const REFUSED: [&str; 22] = [
    "ago",
    "now",
    "randAlphaNum",
    "randAlpha",
    "randAscii",
    "randNumeric",
    "randInt",
    "randBytes",
    "shuffle",
    "uuidv4",
    "getHostByName",
    "bcrypt",
    "htpasswd",
    "genPrivateKey",
    "derivePassword",
    "buildCustomCert",
    "genCA",
    "genCAWithKey",
    "genSelfSignedCert",
    "genSelfSignedCertWithKey",
    "genSignedCert",
    "genSignedCertWithKey",
];

const ENCRYPTION: [&str; 2] = ["encryptAES", "decryptAES"];

/// The families by the names of their functions: an expression is looked through several times for each of its values.
static BY_NAME: LazyLock<HashMap<&'static str, &'static Family>> = LazyLock::new(|| {
    // Of a name that stands in two families the first one counts.
    FAMILIES.iter().rev().flat_map(|family| family.0.iter().map(move |name| (*name, family))).collect()
});

fn family(name: &str) -> Option<&'static Family> {
    BY_NAME.get(name).copied()
}

/// Whether sprig has such a function and Argo offers it; Argo takes `env` and `expandenv` away.
pub(super) fn is_function(name: &str) -> bool {
    family(name).is_some() || REFUSED.contains(&name) || ENCRYPTION.contains(&name)
}

/// Calls sprig's function of this name.
pub(super) fn call(name: &str, arguments: Arguments) -> Outcome {
    match family(name) {
        Some((_, call)) => call(name, arguments),
        None => Err("not available outside the cluster".to_owned()),
    }
}

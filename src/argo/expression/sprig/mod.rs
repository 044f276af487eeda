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
use std::fmt;
use std::sync::LazyLock;

use super::arguments::Arguments;
use super::operators::Outcome;

type Family = (&'static [&'static str], Call);

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

/// The families by the names of their functions.
static BY_NAME: LazyLock<HashMap<&'static str, Function>> = LazyLock::new(|| {
    let refused = REFUSED.iter().chain(&ENCRYPTION).map(|name| (*name, Function { name, call: refuse as Call }));
    // Of a name that stands in two families the first one counts.
    let known = FAMILIES
        .iter()
        .rev()
        .flat_map(|(names, call)| names.iter().map(|name| (*name, Function { name, call: *call })));
    refused.chain(known).collect()
});

type Call = fn(&str, Arguments) -> Outcome;

/// A function of sprig's that Argo offers; Argo takes `env` and `expandenv` away.
#[derive(Clone, Copy)]
pub(super) struct Function {
    name: &'static str,
    call: Call,
}

impl fmt::Debug for Function {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

impl Function {
    /// Sprig's function of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        BY_NAME.get(name).copied()
    }

    pub(super) fn call(self, arguments: Arguments) -> Outcome {
        (self.call)(self.name, arguments)
    }
}

fn refuse(_: &str, _: Arguments) -> Outcome {
    Err("not available outside the cluster".to_owned())
}

//! What a store of objects answers when it refuses, without what could be a credential.

use object_store::Error;

use crate::exit::chain;

/// A request that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}")]
pub struct Fault {
    what: String,
    /// The store refused the credentials, or what they may do.
    pub(crate) denied: bool,
    /// The store does not know conditions.
    pub(crate) unconditional: bool,
}

impl Fault {
    /// A fault with its own text.
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), denied: false, unconditional: false }
    }

    /// The store does not do what conditions ask for.
    pub(super) fn unconditional(what: impl Into<String>) -> Self {
        Self { unconditional: true, ..Self::new(what) }
    }

    /// Of an error of the client.
    pub(super) fn of(error: &Error) -> Self {
        let text = chain(error);
        let status = status(&text);
        let denied = matches!(error, Error::PermissionDenied { .. } | Error::Unauthenticated { .. })
            || status.is_some_and(|status| status == 401 || status == 403);
        let unconditional = matches!(error, Error::NotSupported { .. } | Error::NotImplemented { .. })
            || status == Some(501)
            || code(&text) == Some("NotImplemented");
        Self { what: described(&text, status), denied, unconditional }
    }
}

/// The status that the server answered with.
fn status(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once("status code: ")?;
    rest.get(..3)?.parse().ok()
}

/// The text of an XML element.
pub(super) fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    Some(rest.split_once('<')?.0)
}

fn code(text: &str) -> Option<&str> {
    element(text, "Code")
}

/// The status with the code and the message of the service, or the last cause. The whole answer could hold a key's id, and a
/// URL a signature.
fn described(text: &str, status: Option<u16>) -> String {
    let Some(status) = status else { return last_cause(text) };
    match (code(text), element(text, "Message")) {
        (Some(code), Some(message)) => format!("the server answered {status} {code}: {message}"),
        (Some(code), None) => format!("the server answered {status} {code}"),
        _ => format!("the server answered {status}"),
    }
}

fn last_cause(text: &str) -> String {
    let without_urls = text.split(' ').map(|word| match word.find("://") {
        Some(_) => word.split('?').next().unwrap_or_default(),
        None => word,
    });
    let text = without_urls.collect::<Vec<_>>().join(" ");
    // Before it stand the request and how often it was repeated.
    text.rsplit_once(" - ").map_or(text.as_str(), |(_, cause)| cause).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(text: &str) -> Fault {
        Fault::of(&Error::Generic { store: "S3", source: text.to_owned().into() })
    }

    #[test]
    fn an_answer_is_told_without_what_it_repeats_of_the_request() {
        let text = "Error performing PUT http://h/b/k?X-Signature=s3cret in 5ms - Server returned non-2xx status code: 403 \
            Forbidden: <Error><Code>SignatureDoesNotMatch</Code><Message>no match</Message><AWSAccessKeyId>AKIA1</AWSAccessKeyId></Error>";
        let fault = generic(text);
        assert_eq!(fault.to_string(), "the server answered 403 SignatureDoesNotMatch: no match");
        assert!(fault.denied);
        let fault =
            generic("Error performing GET http://h/b?sig=s3cret in 1ms - HTTP error: http://h/b?sig=s3cret refused");
        assert_eq!(fault.to_string(), "HTTP error: http://h/b refused");
        assert!(generic("x - Server returned non-2xx status code: 501 Not Implemented: ").unconditional);
    }
}

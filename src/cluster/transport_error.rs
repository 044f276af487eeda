//! Network errors, read from the chain of errors below a failed request.

use std::error::Error;
use std::io;
use std::time::Duration;

/// Why there was no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TransportError {
    /// The cause for the user.
    pub(crate) cause: String,
    /// Whether the server may have received the request.
    pub(crate) sent: bool,
    /// Whether the request timed out.
    pub(crate) timed_out: bool,
}

impl TransportError {
    /// Reads the cause below an error of the HTTP client.
    pub(crate) fn from_error(error: &(dyn Error + 'static)) -> Self {
        let chain: Vec<_> = Chain(Some(error)).collect();
        let connecting = chain
            .iter()
            .filter_map(|error| error.downcast_ref::<hyper_util::client::legacy::Error>())
            .any(hyper_util::client::legacy::Error::is_connect);
        let cause = chain.iter().find_map(|error| cause(*error, connecting));
        let last = || chain.last().map(ToString::to_string).unwrap_or_default();
        Self { cause: cause.unwrap_or_else(last), sent: !connecting, timed_out: false }
    }

    /// A timeout.
    pub(crate) fn timeout(limit: Duration) -> Self {
        Self { cause: format!("no answer within {limit:?}"), sent: true, timed_out: true }
    }
}

/// An error and its causes. `io::Error` does not return its content as its source.
struct Chain<'a>(Option<&'a (dyn Error + 'static)>);

impl<'a> Iterator for Chain<'a> {
    type Item = &'a (dyn Error + 'static);

    fn next(&mut self) -> Option<Self::Item> {
        let error = self.0?;
        let content = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        self.0 = match content {
            Some(content) => Some(content as &(dyn Error + 'static)),
            None => error.source(),
        };
        Some(error)
    }
}

fn cause(error: &(dyn Error + 'static), connecting: bool) -> Option<String> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(tls(error));
    }
    if error.to_string().starts_with("dns error") {
        return Some("no such host".to_owned());
    }
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind)?;
    let text = match kind {
        io::ErrorKind::ConnectionRefused => "connection refused",
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
            "the connection was reset"
        }
        io::ErrorKind::TimedOut if connecting => "no connection in time",
        io::ErrorKind::TimedOut => "no answer in time",
        io::ErrorKind::HostUnreachable => "no route to host",
        io::ErrorKind::NetworkUnreachable => "no network",
        _ => return None,
    };
    Some(text.to_owned())
}

fn tls(error: &rustls::Error) -> String {
    use rustls::CertificateError as Bad;
    let rustls::Error::InvalidCertificate(reason) = error else {
        return format!("TLS: {error}");
    };
    match reason {
        // Many clusters give their authority the same name, so a wrong one is noticed only by its signature.
        Bad::UnknownIssuer | Bad::BadSignature => "its certificate is signed by an unknown authority".to_owned(),
        Bad::Expired | Bad::ExpiredContext { .. } => "its certificate has expired".to_owned(),
        Bad::NotValidYet | Bad::NotValidYetContext { .. } => "its certificate is not valid yet".to_owned(),
        Bad::NotValidForName | Bad::NotValidForNameContext { .. } => "its certificate is for another host".to_owned(),
        _ => format!("its certificate is not valid: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_of_an_io_error_is_part_of_the_chain() {
        let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let error = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, tls));
        assert_eq!(TransportError::from_error(&error).cause, "its certificate is signed by an unknown authority");
    }

    #[test]
    fn an_unknown_error_has_the_text_of_its_last_cause() {
        let fault = TransportError::from_error(&io::Error::other("the tide is out"));
        assert_eq!(fault, TransportError { cause: "the tide is out".into(), sent: true, timed_out: false });
    }
}

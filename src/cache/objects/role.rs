//! Credentials of a role that a profile's user takes on: STS is asked for them, and again before their end.

use std::pin::Pin;
use std::sync::Arc;

use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request};
use jiff::{SignedDuration, Timestamp};
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::{HttpClient, HttpConnector, HttpRequestBody, ReqwestConnector};
use object_store::{ClientOptions, CredentialProvider, Error};
use tokio::sync::Mutex;

use super::fault::element;
use super::profile::invalid;

/// So long before their end new credentials are asked for.
pub(super) const EARLY: SignedDuration = SignedDuration::from_mins(5);

/// Where credentials come from.
pub(super) type Source = Arc<dyn CredentialProvider<Credential = AwsCredential>>;

/// Who asks for roles, and where.
#[derive(Debug, Clone)]
pub(super) struct Sts {
    http: HttpClient,
    url: reqwest::Url,
    region: String,
}

/// A role, and whose credentials may take it on.
#[derive(Debug)]
pub(super) struct Role {
    sts: Sts,
    arn: String,
    session: String,
    external_id: Option<String>,
    source: Source,
    last: Mutex<Option<(Arc<AwsCredential>, Timestamp)>>,
}

impl Sts {
    /// The service of a region, or the one at this URL.
    pub(super) fn new(options: &ClientOptions, region: &str, url: Option<String>) -> Result<Self, Error> {
        let url = url.unwrap_or_else(|| format!("https://sts.{region}.amazonaws.com"));
        // The answer holds a secret.
        let http = ReqwestConnector::default().connect(&options.clone().with_allow_http(false))?;
        let url = url.parse().map_err(|_| invalid("AWS_ENDPOINT_URL_STS is no URL".to_owned()))?;
        Ok(Self { http, url, region: region.to_owned() })
    }
}

impl Role {
    pub(super) fn new(sts: Sts, arn: &str, session: &str, external_id: Option<&str>, source: Source) -> Self {
        let external_id = external_id.map(str::to_owned);
        Self { sts, arn: arn.to_owned(), session: session.to_owned(), external_id, source, last: Mutex::default() }
    }

    async fn credential(&self) -> Result<Arc<AwsCredential>, Error> {
        let mut last = self.last.lock().await;
        if let Some((credential, end)) = &*last
            && end.duration_since(Timestamp::now()) > EARLY
        {
            return Ok(Arc::clone(credential));
        }
        let (credential, end) = self.ask().await?;
        *last = Some((Arc::clone(&credential), end));
        Ok(credential)
    }

    async fn ask(&self) -> Result<(Arc<AwsCredential>, Timestamp), Error> {
        let failed = |why: &str| invalid(format!("cannot take on role {}: {why}", self.arn));
        let mut request = self.request().map_err(|error| failed(&error))?;
        let own = self.source.get_credential().await?;
        AwsAuthorizer::new(&own, "sts", &self.sts.region).try_authorize(&mut request, None)?;
        let answer = self.sts.http.execute(request).await.map_err(|error| failed(&error.to_string()))?;
        let status = answer.status();
        let body = answer.into_body().bytes().await.map_err(|error| failed(&error.to_string()))?;
        let text = String::from_utf8_lossy(&body);
        if !status.is_success() {
            let code = element(&text, "Code").unwrap_or_default();
            return Err(failed(format!("the server answered {} {code}", status.as_u16()).trim_end()));
        }
        let field =
            |name| element(&text, name).map(str::to_owned).ok_or_else(|| failed("the answer has no credentials"));
        let end = field("Expiration")?.parse().map_err(|_| failed("the answer has no time of their end"))?;
        let credential = AwsCredential {
            key_id: field("AccessKeyId")?,
            secret_key: field("SecretAccessKey")?,
            token: Some(field("SessionToken")?).filter(|token| !token.is_empty()),
        };
        Ok((Arc::new(credential), end))
    }

    /// The request without a signature.
    fn request(&self) -> Result<Request<HttpRequestBody>, String> {
        let mut form = self.sts.url.clone();
        form.query_pairs_mut()
            .clear()
            .append_pair("Action", "AssumeRole")
            .append_pair("Version", "2011-06-15")
            .append_pair("RoleArn", &self.arn)
            .append_pair("RoleSessionName", &self.session)
            .extend_pairs(self.external_id.iter().map(|id| ("ExternalId", id)));
        let host = self.sts.url.host_str().unwrap_or_default();
        let host = self.sts.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.sts.url.as_str())
            .header(HOST, host)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(HttpRequestBody::from(form.query().unwrap_or_default().to_owned()));
        request.map_err(|error| error.to_string())
    }
}

impl CredentialProvider for Role {
    type Credential = AwsCredential;

    fn get_credential<'life, 'future>(
        &'life self,
    ) -> Pin<Box<dyn Future<Output = Result<Arc<AwsCredential>, Error>> + Send + 'future>>
    where
        'life: 'future,
        Self: 'future,
    {
        Box::pin(self.credential())
    }
}

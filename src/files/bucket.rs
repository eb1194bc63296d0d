//! An S3-compatible bucket: Amazon's, MinIO's, Aliyun OSS and others.
//!
//! Every request is a URL that is signed for a short time (signature version 4) with the payload left unsigned, so that
//! bytes are streamed and never held whole. Which URL is right for a service is configuration.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use reqwest::header::{CONTENT_LENGTH, RANGE};
use reqwest::{Client, Response, StatusCode};
use rusty_s3::actions::{DeleteObject, GetObject, HeadObject, PutObject};
use rusty_s3::{Credentials, S3Action, UrlStyle};

use super::backend::{Backend, Bytes, Fault, Said, Span};
use super::peers::client;
use crate::config::S3;
use crate::model::file::Blob;

/// How long a URL of ours is good for our own request, which begins at once.
const OWN_LINK: Duration = Duration::from_secs(60);
/// How long one is good that a client is sent to: a slow device begins within that, and keeps what it began.
const CLIENT_LINK: Duration = Duration::from_secs(60);
/// For a request without a body to be answered.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// For an upload to be taken: 25 MiB at 100 KiB/s, and larger ones as configured by patience.
const PUT_WAIT: Duration = Duration::from_secs(300);
/// What services sign for that have no regions.
const NO_REGION: &str = "us-east-1";

/// See the module.
pub struct Bucket {
    client: Client,
    bucket: rusty_s3::Bucket,
    credentials: Credentials,
    redirect: bool,
}

/// Why a bucket cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum InvalidBucket {
    #[error("files.s3.endpoint is no URL: {0}")]
    Endpoint(String),
    #[error("the HTTP client cannot be made: {0}")]
    Client(#[from] reqwest::Error),
}

impl Bucket {
    /// Asks nothing of the service yet.
    ///
    /// # Errors
    /// What the configuration says is no bucket.
    pub fn open(config: &S3) -> Result<Bucket, InvalidBucket> {
        let invalid = |error: String| InvalidBucket::Endpoint(error);
        let endpoint: reqwest::Url = config
            .endpoint
            .parse()
            .map_err(|error| invalid(format!("{error}")))?;
        let style = if config.path_style {
            UrlStyle::Path
        } else {
            UrlStyle::VirtualHost
        };
        let region = match config.region.as_str() {
            "" => NO_REGION.to_owned(),
            region => region.to_owned(),
        };
        let bucket = rusty_s3::Bucket::new(endpoint, style, config.bucket.clone(), region);
        Ok(Bucket {
            client: client()?,
            bucket: bucket.map_err(|error| invalid(error.to_string()))?,
            credentials: Credentials::new(config.access_key.as_str(), config.secret_key.expose()),
            redirect: config.redirect,
        })
    }
}

/// The object's name: spread over prefixes, which is how services shard.
fn key(blob: &Blob) -> String {
    let digest = blob.digest.to_string();
    let (first, _) = digest.split_at(2);
    format!("{first}/{digest}.{}", blob.place)
}

fn unavailable(error: &reqwest::Error) -> Fault {
    // The URL in it carries a signature.
    let kind = if error.is_timeout() {
        "the bucket did not answer in time"
    } else if error.is_connect() {
        "the bucket cannot be reached"
    } else {
        "the connection to the bucket broke off"
    };
    Fault::Unavailable(kind.to_owned())
}

fn judged(answer: Response) -> Result<Response, Fault> {
    match answer.status() {
        status if status.is_success() => Ok(answer),
        StatusCode::NOT_FOUND => Err(Fault::Missing),
        status => Err(Fault::Unavailable(format!("the bucket answered {status}"))),
    }
}

#[async_trait]
impl Backend for Bucket {
    fn folder(&self) -> &str {
        ""
    }

    async fn put(&self, blob: &Blob, from: &Path) -> Result<(), Fault> {
        let file = tokio::fs::File::open(from).await?;
        let key = key(blob);
        let url = PutObject::new(&self.bucket, Some(&self.credentials), &key).sign(OWN_LINK);
        let request = self
            .client
            .put(url)
            .timeout(PUT_WAIT)
            .header(CONTENT_LENGTH, blob.size)
            .body(file);
        let answer = request.send().await.map_err(|error| unavailable(&error))?;
        match judged(answer) {
            Ok(_) => Ok(()),
            // Of the bucket itself.
            Err(Fault::Missing) => Err(Fault::Unavailable("there is no such bucket".to_owned())),
            Err(fault @ Fault::Unavailable(_)) => Err(fault),
        }
    }

    async fn read(&self, blob: &Blob, span: Option<Span>) -> Result<Bytes, Fault> {
        let key = key(blob);
        let url = GetObject::new(&self.bucket, Some(&self.credentials), &key).sign(OWN_LINK);
        let mut request = self.client.get(url);
        let partial = span.is_some();
        if let Some(span) = span {
            request = request.header(RANGE, format!("bytes={}-{}", span.start(), span.end()));
        }
        let answer = tokio::time::timeout(ANSWER_WAIT, request.send()).await;
        let answer = match answer {
            Ok(answer) => judged(answer.map_err(|error| unavailable(&error))?)?,
            Err(_) => {
                return Err(Fault::Unavailable(
                    "the bucket did not answer in time".to_owned(),
                ));
            }
        };
        if partial && answer.status() != StatusCode::PARTIAL_CONTENT {
            return Err(Fault::Unavailable(
                "the bucket does not answer ranges".to_owned(),
            ));
        }
        let pieces = answer.bytes_stream();
        Ok(Box::pin(pieces.map_err(|error| unavailable(&error))))
    }

    async fn has(&self, blob: &Blob) -> Result<bool, Fault> {
        let key = key(blob);
        let url = HeadObject::new(&self.bucket, Some(&self.credentials), &key).sign(OWN_LINK);
        let request = self.client.head(url).timeout(ANSWER_WAIT);
        let answer = request.send().await.map_err(|error| unavailable(&error))?;
        match judged(answer) {
            Ok(_) => Ok(true),
            Err(Fault::Missing) => Ok(false),
            Err(fault @ Fault::Unavailable(_)) => Err(fault),
        }
    }

    async fn remove(&self, blob: &Blob) -> Result<(), Fault> {
        let key = key(blob);
        let url = DeleteObject::new(&self.bucket, Some(&self.credentials), &key).sign(OWN_LINK);
        let request = self.client.delete(url).timeout(ANSWER_WAIT);
        let answer = request.send().await.map_err(|error| unavailable(&error))?;
        match judged(answer) {
            Ok(_) | Err(Fault::Missing) => Ok(()),
            Err(fault @ Fault::Unavailable(_)) => Err(fault),
        }
    }

    fn link(&self, blob: &Blob, said: &Said) -> Option<String> {
        if !self.redirect {
            return None;
        }
        let key = key(blob);
        let mut action = GetObject::new(&self.bucket, Some(&self.credentials), &key);
        let query = action.query_mut();
        query.insert("response-content-type", said.content_type.as_str());
        query.insert("response-content-disposition", said.disposition.as_str());
        query.insert("response-cache-control", "private, no-store");
        Some(action.sign(CLIENT_LINK).into())
    }
}

//! TLS: which authorities are trusted, who we are, and what its failures mean.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};
use tokio_rustls::rustls;

use super::{ConnError, Endpoint, Kind};

/// Builds the settings; reads the files of certificates, so call it anew to see new ones.
pub(super) fn config(
    ca: Option<&Path>,
    client: Option<(&Path, &Path)>,
) -> Result<Arc<ClientConfig>, ConnError> {
    let roots = match ca {
        Some(path) => own_roots(path)?,
        None => system_roots()?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failure(&format!("TLS cannot be set up: {error}"), ""))?
        .with_root_certificates(roots);
    let config = match client {
        None => builder.with_no_client_auth(),
        Some((cert, key)) => {
            let chain = certificates(cert)?;
            let pem = file(key)?;
            let secret = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
                failure(
                    &format!("{} holds no private key in PEM form", key.display()),
                    "is it encrypted? Decrypt it first",
                )
            })?;
            builder.with_client_auth_cert(chain, secret).map_err(|error| {
                failure(
                    &format!("the client certificate and its key cannot be used: {error}"),
                    "do they belong together?",
                )
            })?
        }
    };
    Ok(Arc::new(config))
}

/// The name that the certificate must hold.
pub(super) fn server_name(host: &str) -> Result<ServerName<'static>, ConnError> {
    ServerName::try_from(host.to_owned()).map_err(|_| {
        failure("the host is not a name that a certificate can hold", "give a DNS name or an address")
    })
}

fn own_roots(path: &Path) -> Result<RootCertStore, ConnError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| {
            failure(&format!("{} cannot be used as an authority: {error}", path.display()), "")
        })?;
    }
    Ok(roots)
}

/// The system's authorities. One unreadable file among them does not matter as long as there are
/// others.
fn system_roots() -> Result<RootCertStore, ConnError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map_or_else(|| "none are installed".to_owned(), ToString::to_string);
        return Err(failure(
            &format!("the system's certificate authorities cannot be read: {why}"),
            "install ca-certificates, or give the authority of the server: --tls-ca",
        ));
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConnError> {
    let pem = file(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(failure(&format!("{} holds no certificate in PEM form", path.display()), "")),
    }
}

fn file(path: &Path) -> Result<Vec<u8>, ConnError> {
    std::fs::read(path).map_err(|error| failure(&format!("cannot read {}: {error}", path.display()), ""))
}

fn failure(message: &str, hint: &'static str) -> ConnError {
    ConnError::new(Kind::Tls, message, hint)
}

/// Why TLS failed, if an error of the stream holds that.
pub(super) fn classify(place: &Endpoint, error: &std::io::Error) -> Option<ConnError> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    let (text, hint) = match error {
        rustls::Error::InvalidMessage(_) => {
            (format!("{place} does not answer in TLS"), "does this port speak TLS? Without it use redis://")
        }
        rustls::Error::InvalidCertificate(why) => match why {
            CertificateError::UnknownIssuer => (
                format!("the certificate of {place} comes from an authority that is not trusted"),
                "give the authority's certificate: --tls-ca",
            ),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
                format!("the certificate of {place} is for another host name"),
                "connect by the name that the certificate holds",
            ),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                (format!("the certificate of {place} has expired"), "renew it, or check this host's clock")
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                (format!("the certificate of {place} is not valid yet"), "check this host's clock")
            }
            other => (format!("the certificate of {place} is not accepted: {other}"), ""),
        },
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            (format!("{place} wants a certificate of the client"), "give one: --tls-cert and --tls-key")
        }
        rustls::Error::AlertReceived(
            AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked,
        ) => (format!("{place} does not accept the client's certificate: {error}"), "see --tls-cert"),
        other => (format!("TLS with {place} failed: {other}"), "does this port speak TLS?"),
    };
    Some(ConnError::new(Kind::Tls, text, hint))
}

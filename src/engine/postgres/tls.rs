//! TLS with libpq's meanings of the modes, on rustls.

use crate::base::limits;
use crate::engine::postgres::sniff::{AnnouncedPid, Sniff};
use crate::error::{Error, Result, code};
use crate::model::desired::{TlsMode, TlsSpec};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The settings of a TLS client for `spec`; `None` when the mode is `disable`.
///
/// # Errors
/// `DBB-PG-TLS` for files that cannot be read, `DBB-SECRET-PERMISSIONS` for a key others may read.
pub fn client_config(spec: &TlsSpec) -> Result<Option<ClientConfig>> {
    if spec.mode == TlsMode::Disable {
        return Ok(None);
    }
    let provider = Arc::new(ring::default_provider());
    // libpq: `require` with an authority at hand checks it, as `verify-ca` does
    let check = match spec.mode {
        TlsMode::VerifyFull => Check::ChainAndName,
        TlsMode::VerifyCa => Check::Chain,
        TlsMode::Require if spec.ca.is_some() => Check::Chain,
        _ => Check::Nothing,
    };
    let verifier = Arc::new(Verifier {
        schemes: provider.signature_verification_algorithms.supported_schemes(),
        chain: match check {
            Check::Nothing => None,
            _ => Some(authorities(spec.ca.as_deref(), provider.clone())?),
        },
        provider: provider.clone(),
        check,
    });
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(code::PG_TLS, "TLS could not be set up").cause(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config =
        match (&spec.cert, &spec.key) {
            (Some(cert), Some(key)) => {
                let chain = certificates(cert, "the client certificate")?;
                builder.with_client_auth_cert(chain, private_key(key)?).map_err(|error| {
                    Error::new(code::PG_TLS, "the client certificate cannot be used").cause(error.to_string()).fix(
                        format!("Check that {} holds the key of the certificate in {}", key.display(), cert.display()),
                    )
                })?
            }
            (None, None) => builder.with_no_client_auth(),
            _ => {
                return Err(Error::new(code::PG_TLS, "a client certificate needs both its files")
                    .fix("Set tls.cert and tls.key together, or neither"));
            }
        };
    Ok(Some(config))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    Nothing,
    Chain,
    ChainAndName,
}

#[derive(Debug)]
struct Authorities {
    webpki: Arc<WebPkiServerVerifier>,
    /// The authorities as given: a server's own self-signed certificate may be one of them.
    given: Vec<CertificateDer<'static>>,
}

fn authorities(ca: Option<&Path>, provider: Arc<CryptoProvider>) -> Result<Authorities> {
    let (given, place) = match ca {
        Some(path) => (certificates(path, "the certificate authority")?, path.display().to_string()),
        None => (rustls_native_certs::load_native_certs().certs, "the system's certificate store".to_owned()),
    };
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(given.iter().cloned());
    if usable == 0 {
        return Err(Error::new(code::PG_TLS, format!("{place} holds no usable certificate authority"))
            .fix("Set tls.ca to a PEM file with the authority that signed the server's certificate"));
    }
    let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| Error::new(code::PG_TLS, format!("{place} cannot be used")).cause(error.to_string()))?;
    Ok(Authorities { webpki, given: if ca.is_some() { given } else { Vec::new() } })
}

fn read(path: &Path, what: &str) -> Result<Vec<u8>> {
    crate::base::files::read(path, limits::CONFIG_BYTES_MAX).map_err(|error| {
        Error::new(code::PG_TLS, format!("{what} in {} cannot be read", path.display()))
            .cause(error.to_string())
            .fix("Check the path under tls: in the config and the file's permissions")
    })
}

fn certificates(path: &Path, what: &str) -> Result<Vec<CertificateDer<'static>>> {
    let pem = read(path, what)?;
    let found: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        other => {
            let error = Error::new(code::PG_TLS, format!("{} is not a PEM file with certificates", path.display()))
                .fix("Give a file that begins with -----BEGIN CERTIFICATE-----");
            Err(match other {
                Err(cause) => error.cause(cause.to_string()),
                Ok(_) => error,
            })
        }
    }
}

/// Reads a key; like libpq refuses one that others may read (root's own may be readable by its group).
fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    use std::os::unix::fs::MetadataExt;
    let pem = zeroize::Zeroizing::new(read(path, "the private key")?);
    let open = std::fs::metadata(path)
        .map(|meta| meta.mode() & if meta.uid() == 0 { 0o037 } else { 0o077 } != 0)
        .unwrap_or(true);
    if open {
        return Err(Error::new(
            code::SECRET_PERMISSIONS,
            format!("the private key {} is open to others", path.display()),
        )
        .fix(format!("Run: chmod 600 {}", path.display())));
    }
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        // the parser's words may hold parts of the key: they are not quoted
        Error::new(code::PG_TLS, format!("{} is not a PEM file with an unencrypted private key", path.display()))
            .fix("Give a PKCS#8, PKCS#1 or SEC1 key without a passphrase: openssl pkey -in OLD -out NEW")
    })
}

#[derive(Debug)]
struct Verifier {
    schemes: Vec<SignatureScheme>,
    provider: Arc<CryptoProvider>,
    chain: Option<Authorities>,
    check: Check,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.webpki.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Ok(verified) => Ok(verified),
            // webpki checks the chain first and the name last: a wrong name means a right chain
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.check == Check::Chain => Ok(ServerCertVerified::assertion()),
            // a self-signed server certificate marked as an authority (what `openssl req -x509` makes) that was
            // itself given as tls.ca: OpenSSL accepts it; webpki has checked its dates before it says this
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(other)))
                if is_self_signed(&other) && chain.given.iter().any(|ca| ca == end_entity) =>
            {
                if self.check == Check::ChainAndName {
                    let parsed = rustls::server::ParsedCertificate::try_from(end_entity)?;
                    rustls::client::verify_server_name(&parsed, server_name)?;
                }
                Ok(ServerCertVerified::assertion())
            }
            Err(error) => Err(error),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}

/// Makes the TLS session on a watched stream and goes on watching inside it.
pub struct Connect<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    inner: <MakeRustlsConnect as MakeTlsConnect<Sniff<S>>>::TlsConnect,
    done: Arc<AtomicBool>,
}

type Encrypted<S> = <MakeRustlsConnect as MakeTlsConnect<Sniff<S>>>::Stream;

impl<S> Connect<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    /// For the host that is asked for and, by `config`, checked; `done` is set once the session is encrypted.
    pub fn new(config: ClientConfig, host: &str, done: Arc<AtomicBool>) -> Self {
        let made = MakeTlsConnect::<Sniff<S>>::make_tls_connect(&mut MakeRustlsConnect::new(config), host);
        let inner = match made {
            Ok(inner) => inner,
            Err(never) => match never {},
        };
        Connect { inner, done }
    }
}

impl<S> TlsConnect<Sniff<S>> for Connect<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    <<MakeRustlsConnect as MakeTlsConnect<Sniff<S>>>::TlsConnect as TlsConnect<Sniff<S>>>::Future: Send + 'static,
{
    type Stream = Sniff<Encrypted<S>>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Self::Stream, Self::Error>> + Send>>;

    fn connect(self, stream: Sniff<S>) -> Self::Future {
        let pid: AnnouncedPid = stream.pid();
        let session = self.inner.connect(stream.off());
        let done = self.done;
        Box::pin(async move {
            match session.await {
                Ok(session) => {
                    done.store(true, Ordering::Relaxed);
                    Ok(Sniff::new(session, pid, false))
                }
                Err(error) => {
                    let error: Self::Error = error.into();
                    Err(error)
                }
            }
        })
    }
}

/// webpki's word for a server certificate that is itself marked as an authority.
fn is_self_signed(error: &rustls::OtherError) -> bool {
    error.to_string().contains("CaUsedAsEndEntity")
}

/// What a failed handshake means, for people.
pub fn explain(error: &io::Error) -> Option<&'static str> {
    let inner = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    match inner {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            Some("Set tls.ca to the authority that signed the server's certificate")
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => Some("Use the host name that the certificate's subjectAltName holds, or tls.mode: verify-ca"),
        rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            Some("Renew the server's certificate and reload the server")
        }
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) if is_self_signed(other) => {
            Some("The server's certificate is self-signed: set tls.ca to that very certificate if you trust it")
        }
        rustls::Error::AlertReceived(_) => {
            Some("The server refused: set tls.cert and tls.key if it asks for a client certificate")
        }
        _ => None,
    }
}

//! Certificates, and servers that use them.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use super::cluster::Cluster;
use super::install;
use super::process;

/// A certificate authority of one test.
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
    dir: tempfile::TempDir,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let pem = params.self_signed(&key).expect("an authority signs itself").pem();
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        std::fs::write(dir.path().join("ca.pem"), &pem).expect("a temporary folder is writable");
        Self { pem, issuer: Issuer::new(params, key), dir }
    }

    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A file with the authority's certificate, there as long as the authority is.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// Certificate and key, both PEM, for host names and addresses.
    pub fn issue(&self, names: &[&str]) -> (String, String) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names.clone()).expect("the names are valid");
        params.distinguished_name.push(DnType::CommonName, names.first().map_or("server", String::as_str));
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.signed_by(&key, &self.issuer).expect("the authority signs");
        (certificate.pem(), key.serialize_pem())
    }
}

impl Cluster {
    /// Turns SSL on with a certificate for `names`, as `["127.0.0.1", "localhost"]`. PostgreSQL 15
    /// only. Plain connections stay possible until `set_hba(["hostssl all all 127.0.0.1/32 trust"])`.
    pub fn enable_tls(&self, authority: &Authority, names: &[&str]) {
        assert_eq!(self.major, 15, "the PostgreSQL 16 and 18 of the tests are built without SSL");
        let (certificate, key) = authority.issue(names);
        self.private_file(&self.data().join("server.crt"), &certificate);
        self.private_file(&self.data().join("server.key"), &key);
        self.private_file(&self.data().join("ca.crt"), authority.pem());
        self.append_conf("ssl = on\nssl_ca_file = 'ca.crt'\n");
        self.reload();
        process::until("SSL to be on", Duration::from_secs(30), || self.query("postgres", "SHOW ssl") == "on");
    }

    fn private_file(&self, path: &Path, text: &str) {
        std::fs::write(path, text).expect("the data folder is writable");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("chmod works");
        install::give_to_server(path);
    }
}

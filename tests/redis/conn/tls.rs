//! TLS with certificates made for the test: what works, and what each failure is called.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use toril::conn::{Access, Conn, ConnError, Endpoint, Kind, LinkState};

use super::{SOON, operator, options, ping, set, until};
use crate::support::Server;

/// Two authorities, and certificates that the first one signed.
struct Certificates {
    dir: TempDir,
}

impl Certificates {
    fn make() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let made = Self { dir };
        for name in ["ca", "other"] {
            made.openssl(&format!(
                "req -x509 -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.pem -days 2 -subj /CN={name}"
            ));
        }
        for (name, names) in [
            ("server", "DNS:localhost,IP:127.0.0.1"),
            ("stranger", "DNS:elsewhere.test"),
            ("client", "DNS:client"),
        ] {
            made.sign(name, names, "ca", 2);
        }
        made.sign("expired", "IP:127.0.0.1", "ca", 0);
        made.sign("foreign", "DNS:client", "other", 2);
        made
    }

    fn sign(&self, name: &str, names: &str, ca: &str, days: u32) {
        std::fs::write(self.path("ext"), format!("subjectAltName={names}\n")).unwrap();
        self.openssl(&format!(
            "req -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}"
        ));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA {ca}.pem -CAkey {ca}.key -CAcreateserial -out {name}.pem -days {days} -extfile ext"
        ));
    }

    fn openssl(&self, line: &str) {
        let output = Command::new("openssl")
            .args(line.split(' '))
            .current_dir(self.dir.path())
            .output()
            .expect("openssl; scripts/setup sees to it");
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn server(&self, name: &str, clients: &str) -> Tls {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let text = |name: &str| self.path(name).to_str().unwrap().to_owned();
        let server = Server::builder()
            .tcp()
            .conf("tls-port", &port.to_string())
            .conf("tls-cert-file", &text(&format!("{name}.pem")))
            .conf("tls-key-file", &text(&format!("{name}.key")))
            .conf("tls-ca-cert-file", &text("ca.pem"))
            .conf("tls-auth-clients", clients)
            .start();
        Tls { server, port }
    }
}

struct Tls {
    server: Server,
    port: u16,
}

async fn connect(port: u16, ca: Option<&Path>, client: Option<(&Path, &Path)>) -> Result<Conn, ConnError> {
    let endpoint = Endpoint::parse(&format!("rediss://:s3cret@127.0.0.1:{port}"))?;
    let endpoint = Endpoint { password: None, ..endpoint };
    let (cert, key) = client.unzip();
    let own = |path: Option<&Path>| path.map(Path::to_path_buf);
    Conn::open(endpoint.with_tls(own(ca), own(cert), own(key))?, options(Access::ReadWrite)).await
}

#[tokio::test]
async fn own_authority_and_client_certificate() {
    let made = Certificates::make();
    let ca = made.path("ca.pem");
    let (cert, key) = (made.path("client.pem"), made.path("client.key"));

    let Tls { mut server, port } = made.server("server", "no");
    let conn = connect(port, Some(&ca), None).await.unwrap();
    conn.call(set("k", &"x".repeat(1_000_000))).await.unwrap();
    let value = conn.call(super::get("k")).await.unwrap();
    assert_eq!(toril::conn::bytes(&value).unwrap().len(), 1_000_000);
    conn.dedicated().await.unwrap();
    server.start_again();
    until(&conn, SOON, |link| link.generation == 2 && link.state == LinkState::Up).await;
    drop(server);

    let mutual = made.server("server", "yes");
    let conn = connect(mutual.port, Some(&ca), Some((&cert, &key))).await.unwrap();
    ping(&conn).await.unwrap();
    let error = connect(mutual.port, Some(&ca), None).await.unwrap_err();
    assert_eq!(error.kind, Kind::Tls);
    assert!(error.message.as_str().contains("wants a certificate of the client"), "{error}");
    let (cert, key) = (made.path("foreign.pem"), made.path("foreign.key"));
    let error = connect(mutual.port, Some(&ca), Some((&cert, &key))).await.unwrap_err();
    assert_eq!(error.kind, Kind::Tls);
    assert!(error.message.as_str().contains("does not accept the client's certificate"), "{error}");
}

#[tokio::test]
async fn certificates_that_do_not_hold() {
    let made = Certificates::make();
    let ca = made.path("ca.pem");
    let good = made.server("server", "no");
    for (authority, said) in [
        (None, "an authority that is not trusted"),
        (Some(made.path("other.pem")), "an authority that is not trusted"),
        (Some(made.path("none.pem")), "cannot read"),
        (Some(made.path("server.key")), "holds no certificate"),
    ] {
        let error = connect(good.port, authority.as_deref(), None).await.unwrap_err();
        assert_eq!(error.kind, Kind::Tls, "{error}");
        // Without an authority of its own a bare machine may have none at all.
        let bare = error.message.as_str().contains("system's certificate authorities");
        assert!(error.message.as_str().contains(said) || (authority.is_none() && bare), "{error}");
    }
    let stranger = made.server("stranger", "no");
    let error = connect(stranger.port, Some(&ca), None).await.unwrap_err();
    assert!(error.message.as_str().contains("for another host name"), "{error}");
    let expired = made.server("expired", "no");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let error = connect(expired.port, Some(&ca), None).await.unwrap_err();
    assert!(error.message.as_str().contains("has expired"), "{error}");
    let (client, wrong) = (made.path("client.pem"), made.path("server.key"));
    let error = connect(good.port, Some(&ca), Some((&client, &wrong))).await.unwrap_err();
    assert!(error.message.as_str().contains("client certificate and its key"), "{error}");
}

#[tokio::test]
async fn the_wrong_kind_of_port() {
    let made = Certificates::make();
    let tls = made.server("server", "no");
    let started = Instant::now();
    let error = super::open(&format!("redis://127.0.0.1:{}", tls.port), Access::ReadOnly).await.unwrap_err();
    assert!(error.hint.contains("does this port speak TLS?") || error.kind == Kind::Tls, "{error:?}");
    let ca = made.path("ca.pem");
    let plain = tls.server.port().unwrap();
    let error = connect(plain, Some(&ca), None).await.unwrap_err();
    assert_eq!(error.kind, Kind::Tls, "{error}");
    assert!(error.hint.contains("does this port speak TLS?"), "{error:?}");
    assert!(started.elapsed() < Duration::from_millis(3500), "{:?}", started.elapsed());
    ping(&operator(&tls.server).await).await.unwrap();
}

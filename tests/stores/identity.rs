//! Who asks an S3 server: web identity and the kinds of AWS profiles, against a small STS over TLS.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::rig::{Kind, Rig};
use crate::server::{ACCESS, SECRET};

/// A service that gives the credentials of the S3 server to whoever asks, and notes what it was asked.
struct Sts {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Sts {
    fn start(rig: &Rig) -> Self {
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-keyout", "key.pem", "-out", "ca.pem"])
            .current_dir(rig.environment.directory())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let _ = rustls::crypto::ring::default_provider().install_default();
        let certificates = vec![CertificateDer::from_pem_file(rig.path("ca.pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(rig.path("key.pem")).unwrap();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(certificates, key).unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                // A client that goes away is no error.
                let _ = answer(StreamOwned::new(connection, stream), &noted);
            }
        });
        Self { port, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(
    stream: StreamOwned<ServerConnection, std::net::TcpStream>,
    asked: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let request = format!("{head}{}", String::from_utf8_lossy(&body));
    let kind = if request.contains("AssumeRoleWithWebIdentity") { "AssumeRoleWithWebIdentity" } else { "AssumeRole" };
    // The S3 server knows no credentials for a time; only STS itself is shown a token.
    let token = if request.contains("middle") { "for-a-time" } else { "" };
    asked.lock().unwrap().push(request);
    let text = format!(
        "<{kind}Response><{kind}Result><Credentials><AccessKeyId>{ACCESS}</AccessKeyId>\
         <SecretAccessKey>{SECRET}</SecretAccessKey><SessionToken>{token}</SessionToken>\
         <Expiration>2100-01-01T00:00:00Z</Expiration></Credentials></{kind}Result></{kind}Response>"
    );
    let stream = reader.get_mut();
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}", text.len())?;
    stream.conn.send_close_notify();
    stream.flush()
}

/// `exec`, which hits from the second time, with no credentials but what these variables say.
fn hits_with(rig: &Rig, key: &str, variables: &[(&str, &str)]) {
    for said in ["", "cached"] {
        let mut command = rig.command(&["--key", key], "echo done");
        command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
        command.env("RUNNABLE_STORE_CA", rig.path("ca.pem")).envs(variables.iter().copied());
        let done = rig.environment.finish(&mut command);
        assert!(done.code == Some(0) && done.stderr.contains(said) && !done.stderr.contains(SECRET), "{key}: {done}");
    }
}

#[test]
fn a_token_is_exchanged_for_the_credentials_of_a_role() {
    let rig = Rig::new(Kind::S3);
    let sts = Sts::start(&rig);
    rig.write("token", "token of the job");
    let url = format!("https://localhost:{}", sts.port);
    let token = rig.path("token");
    let of_role = [
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/ci"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
        ("AWS_ENDPOINT_URL_STS", url.as_str()),
    ];
    hits_with(&rig, "web", &of_role);
    let asked = sts.asked();
    assert!(asked.len() == 2 && asked[0].contains("WebIdentityToken=token+of+the+job"), "{asked:?}");
    assert!(asked[0].contains("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fci"), "{asked:?}");
}

/// The S3 server of the tests knows no credentials for a time, so what is sent is looked at.
#[test]
fn the_token_of_credentials_for_a_time_is_sent_and_never_shown() {
    let rig = Rig::new(Kind::S3);
    for prefix in ["AWS", "RUNNABLE_STORE"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let request = std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                assert_ne!(reader.read_line(&mut head).unwrap(), 0, "{head}");
            }
            stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
            head
        });
        let mut command = rig.command(&["--key", "k"], "true");
        command
            .env_remove("AWS_ACCESS_KEY_ID")
            .env_remove("AWS_SECRET_ACCESS_KEY")
            .env("RUNNABLE_STORE_ENDPOINT", endpoint);
        for (name, value) in [("ACCESS_KEY_ID", ACCESS), ("SECRET_ACCESS_KEY", SECRET), ("SESSION_TOKEN", "for-a-time")]
        {
            command.env(format!("{prefix}_{name}"), value);
        }
        let refused = rig.environment.finish(&mut command).exits(125);
        let request = request.join().unwrap().to_lowercase();
        assert!(request.contains("\r\nx-amz-security-token: for-a-time\r\n"), "{request}");
        assert!(
            request.contains("x-amz-security-token,") || request.contains(";x-amz-security-token"),
            "signed: {request}"
        );
        assert!(!refused.stderr.contains("for-a-time"), "{refused:?}");
    }
}

fn write_profiles(rig: &Rig) {
    let profiles = format!(
        "[profile program]\nregion = us-east-1\ncredential_process = echo '{{\"Version\":1,\"AccessKeyId\":\"{ACCESS}\",\"SecretAccessKey\":\"{SECRET}\"}}'\n\
         [profile role]\nrole_arn = arn:aws:iam::1:role/ci\nsource_profile = user\nexternal_id = x y\n\
         [profile web]\nrole_arn = arn:aws:iam::1:role/web\nweb_identity_token_file = {}\n\
         [profile middle]\nrole_arn = arn:aws:iam::1:role/middle\nsource_profile = user\n\
         [profile chain]\nrole_arn = arn:aws:iam::1:role/last\nsource_profile = middle\n",
        rig.path("token").display()
    );
    let user = format!(
        "[user]\naws_access_key_id = AKIDUSER\naws_secret_access_key = user-secret\n[keys]\naws_access_key_id = {ACCESS}\naws_secret_access_key = {SECRET}\n"
    );
    rig.write("token", "t");
    rig.write(".aws/config", &profiles);
    rig.write(".aws/credentials", &user);
    assert!(Path::new(&rig.path(".aws/config")).exists());
}

#[test]
fn profiles_of_each_kind_give_credentials() {
    let rig = Rig::new(Kind::S3);
    let sts = Sts::start(&rig);
    write_profiles(&rig);
    let url = format!("https://localhost:{}", sts.port);
    for (profile, requests) in [("keys", 0), ("program", 0), ("role", 2), ("web", 2), ("chain", 4)] {
        sts.asked.lock().unwrap().clear();
        hits_with(&rig, profile, &[("AWS_PROFILE", profile), ("AWS_ENDPOINT_URL_STS", &url)]);
        let asked = sts.asked();
        assert_eq!(asked.len(), requests, "{profile}: {asked:?}");
        if profile == "role" {
            let signed = asked[0].contains("AWS4-HMAC-SHA256 Credential=AKIDUSER/")
                && asked[0].contains("/us-east-1/sts/aws4_request");
            assert!(signed && asked[0].contains("ExternalId=x+y"), "{asked:?}");
            assert!(!asked[0].contains("user-secret"));
        }
        if profile == "chain" {
            assert!(asked[1].contains("x-amz-security-token: for-a-time"), "{asked:?}");
        }
    }
    let refused = rig.exec(&["--key", "none"], "true");
    let _ = refused.exits(0);
    let mut unknown = rig.command(&["--key", "u"], "true");
    unknown.env_remove("AWS_ACCESS_KEY_ID").env("AWS_PROFILE", "unknown");
    rig.environment.finish(&mut unknown).fails(125, &["profile \"unknown\" is in neither of the files"]);
    fs::remove_dir_all(rig.path(".aws")).unwrap();
}

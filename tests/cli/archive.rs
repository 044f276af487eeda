//! The verbs of the archive where nothing can be asked: what is wrong is said, and with which exit code.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::support::environment::Environment;

#[test]
fn what_cannot_be_asked_is_refused_with_its_remedy() {
    let environment = Environment::new();
    let server = ["--argo-server", "127.0.0.1:1", "--secure=false"];
    let template = "spec.workflowTemplateRef.name=etl";
    for (arguments, code, said) in [
        (&["archive", "list"][..], 2, "name it with --argo-server HOST:PORT or ARGO_SERVER"),
        (&["archive", "get", "etl", "--argo-server", "ftp://me:secret@argo"], 2, "expected HOST:PORT"),
        (&["archive", "get", "etl", "--name", "--uid"], 2, "'--name' cannot be used with '--uid'"),
        (&["archive", "list", server[0], server[1], server[2]], 1, "cannot reach argo-server at http://127.0.0.1:1"),
        (&["archive", "list", server[0], server[1], "--as", "ann"], 2, "leave --as out"),
        (&["archive", "list", server[0], server[1], "--field-selector", template], 2, "does not tell"),
        (&["archive", "retry", server[0], server[1], "--field-selector", template], 2, "select by the label"),
        (&["archive", "retry", "etl", "--local"], 2, "--local is for runs of this machine"),
        (&["archive", "resubmit", "--from", "wftmpl/etl"], 2, "no workflow of the archive is named"),
    ] {
        let refused = environment.run(arguments);
        assert!(refused.code == Some(code) && refused.stderr.contains(said), "{arguments:?}: {refused:?}");
        assert!(refused.stdout.is_empty() && !refused.stderr.contains("secret"), "{arguments:?}: {refused:?}");
    }
}

#[test]
fn the_page_of_another_server_is_not_taken_for_an_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = listener.local_addr().unwrap().to_string();
    let asked = std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut head = [0; 4096];
        let length = stream.read(&mut head).unwrap();
        let page = "<html>log in</html>";
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}", page.len()).unwrap();
        String::from_utf8_lossy(&head[..length]).into_owned()
    });
    let environment = Environment::new();
    let list = ["archive", "list", "-n", "ci", "--prefix", "a&b=c", "--argo-server", &server, "--secure=false"];
    let mut command = environment.command(list);
    let refused = environment.finish(command.env("ARGO_TOKEN", "for-nobody-else")).exits(1);
    assert!(refused.stderr.contains("does not answer as argo-server does"), "{refused:?}");
    assert!(!refused.stderr.contains("for-nobody-else"), "{refused:?}");
    let asked = asked.join().unwrap();
    assert!(asked.starts_with("GET /api/v1/archived-workflows?namespace=ci&namePrefix=a%26b%3Dc&"), "{asked}");
    assert!(asked.to_lowercase().contains("authorization: bearer for-nobody-else"), "{asked}");
}

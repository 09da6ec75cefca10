//! Whole requests to a server in this process: line, query, two headers and a body. Nothing
//! panics, and the server finds fault with the request, never with itself.
#![no_main]

#[allow(dead_code, reason = "shared with the tests of the API")]
#[path = "../../api/world.rs"]
mod world;

use std::cell::RefCell;

use futures::StreamExt;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;
use world::{Said, World};

/// Requests to one server before it is made anew, so that an input alone explains what it does.
const LIFE: u32 = 200;

thread_local! {
    static SERVER: RefCell<Option<(Runtime, World, u32)>> = const { RefCell::new(None) };
}

// `METHOD PATH\nContent-Type\nAccept\nBODY`
fuzz_target!(|text: &str| {
    let mut lines = text.splitn(4, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (line, content_type, accept, body) = (next(), next(), next(), next());
    let Some((method, uri)) = line.split_once(' ') else {
        return;
    };
    let said = Said {
        user: String::new(),
        headers: vec![
            ("Content-Type".to_owned(), content_type.to_owned()),
            ("Accept".to_owned(), accept.to_owned()),
        ],
        body: body.to_owned().into(),
    };
    if !is_request(method, uri, &said) {
        return;
    }
    SERVER.with_borrow_mut(|server| {
        if server.as_ref().is_none_or(|(.., turn)| *turn > LIFE) {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            let world = runtime.block_on(World::new());
            *server = Some((runtime, world, 0));
        }
        let (runtime, world, turn) = server.as_mut().expect("made above");
        *turn += 1;
        runtime.block_on(async {
            let answer = world.send(method, uri, &said).await;
            let code = answer.status().as_u16();
            // 501 and 503 are answers, 500 is a confession, 504 needs a clock that moves.
            assert_ne!(code, 500, "{text}");
            // A watch does not end: its first frame is enough.
            let watches = uri.contains("watch");
            let mut body = answer.into_body();
            if watches {
                futures::future::poll_immediate(body.next()).await;
            } else {
                while let Some(chunk) = body.next().await {
                    chunk.expect("a whole answer");
                }
            }
        });
    });
});

/// What hyper would hand on.
fn is_request(method: &str, uri: &str, said: &Said) -> bool {
    let mut request = http::Request::builder().method(method).uri(uri);
    for (name, value) in &said.headers {
        request = request.header(name, value);
    }
    // A target without a path is a proxy's, not this server's.
    uri.starts_with('/') && request.body(()).is_ok()
}

//! Hello for `wasmtime serve`: prints the request's path, through wasi:http.

use wasi::exports::http::incoming_handler::Guest;
use wasi::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

struct Hello;

impl Guest for Hello {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let words = format!("hello from {}\n", request.path_with_query().unwrap_or_default());
        let fields = Fields::new();
        fields.set("content-type", &[b"text/plain".to_vec()]).unwrap();
        fields.set("content-length", &[words.len().to_string().into_bytes()]).unwrap();
        let answer = OutgoingResponse::new(fields);
        let body = answer.body().unwrap();
        ResponseOutparam::set(out, Ok(answer));
        let stream = body.write().unwrap();
        stream.blocking_write_and_flush(words.as_bytes()).unwrap();
        drop(stream);
        OutgoingBody::finish(body, None).unwrap();
    }
}

wasi::http::proxy::export!(Hello);

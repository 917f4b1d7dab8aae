//! A client of the endpoint.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use rivetos_model_rehearsal::Rehearsal;
use rivetos_types::secret::SecretResolver;
use tokio::net::TcpStream;

/// A connection that is kept.
pub(crate) struct Client {
    address: String,
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    pub(crate) async fn of(endpoint: &Rehearsal) -> Self {
        let rest = endpoint.base_url().strip_prefix("http://").unwrap();
        let address = rest.split('/').next().unwrap().to_owned();
        let socket = TokioIo::new(TcpStream::connect(&address).await.unwrap());
        let (sender, connection) = handshake(socket).await.unwrap();
        tokio::spawn(connection);
        Self { address, sender }
    }

    pub(crate) async fn post(&mut self, bearer: &str, body: &[u8]) -> (StatusCode, String) {
        let request = Request::post("/v1/chat/completions")
            .header(header::HOST, &self.address)
            .header(header::AUTHORIZATION, format!("Bearer {bearer}"))
            .body(Full::new(Bytes::copy_from_slice(body)))
            .unwrap();
        self.sender.ready().await.unwrap();
        let response = self.sender.send_request(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }
}

pub(crate) fn bearer(endpoint: &Rehearsal) -> String {
    let secret = endpoint.settings().api_key.unwrap();
    endpoint.resolve(&secret).unwrap().expose().clone()
}

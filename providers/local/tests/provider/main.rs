//! The provider on real folders and processes.

#[cfg(test)]
mod claims;
#[cfg(test)]
mod converge;
#[cfg(test)]
mod objects;
#[cfg(test)]
mod world;

/// Not a test by itself: the others run it as their supervisor.
#[tokio::test]
async fn supervisor() {
    if let Some(folder) = std::env::var_os(world::SUPERVISED) {
        rivetos_provider_local::supervise(folder.as_ref())
            .await
            .unwrap();
    }
}

/// Not a test by itself: [`world::World::that_listens`] runs it in the agent's place.
#[test]
fn listener() {
    if let Some(address) = std::env::var_os(world::LISTENS_AT) {
        let listener = std::net::TcpListener::bind(address.to_str().unwrap()).unwrap();
        for connection in listener.incoming() {
            connection.unwrap();
        }
    }
}

//! Where an enclosed run's gateway finds the far ends of a test.

use std::{fs, net::SocketAddr};

use crate::enclosed::Enclosed;

/// A far end: its names, where it listens, its authority in PEM.
pub type FarEnd<'a> = (&'a [&'a str], SocketAddr, &'a str);

/// Has these names dialled there, and these authorities trusted, by the next gateway of `place`.
pub fn lead(place: &Enclosed, ends: &[FarEnd<'_>]) {
    let (mut resolve, mut trust) = (String::new(), String::new());
    for (number, (names, addr, pem)) in ends.iter().enumerate() {
        resolve.extend(names.iter().map(|name| format!("\"{name}:443:{addr}\", ")));
        let path = place.path(&format!("far-{number}.pem"));
        fs::write(&path, pem).unwrap();
        trust += &format!("\"{}\", ", path.display());
    }
    let path = place.path("state/holdpoint.toml");
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace("resolve = [", &format!("resolve = [{resolve}"));
    fs::write(path, text.replace("upstream_ca = [", &format!("upstream_ca = [{trust}"))).unwrap();
}

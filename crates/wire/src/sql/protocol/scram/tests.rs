//! Logins on both sides: the exchange of the RFC, wrong passwords, channels, and what is no login.

use super::{Binding, Challenge, Channel, Login, Verifier};

/// The exchange that RFC 7677 §3 prints.
#[test]
fn the_proof_is_the_one_of_the_rfc() {
    let mut login = Login {
        binding: Binding::None,
        bare: "n=user,r=rOprNGfwEbeRWgbNEkqO".into(),
        nonce: "rOprNGfwEbeRWgbNEkqO".into(),
        server_signature: None,
    };
    let first = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                  s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    let proof = login.prove(first, "pencil", &mut None).unwrap();
    assert!(proof.ends_with(",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="), "{proof}");
    assert!(login.is_server(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
    assert!(!login.is_server(b"v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
}

#[test]
fn only_who_knows_the_password_gets_in() {
    for (knows, says, expect) in
        [("right", "right", true), ("right", "wrong", false), ("", "", true)]
    {
        let verifier = Verifier::of(knows, b"0123456789abcdef");
        let (mut login, first) = Login::start(b"abc", Binding::None);
        let (challenge, answer) =
            Challenge::answer(verifier, &Channel::default(), first.as_bytes(), b"def").unwrap();
        let proof = login.prove(answer.as_bytes(), says, &mut None).unwrap();
        let last = challenge.verify(proof.as_bytes()).unwrap();
        assert_eq!(last.is_some(), expect, "{knows} {says}");
        if let Some(last) = last {
            assert!(login.is_server(last.as_bytes()));
        }
    }
}

/// Whether a login comes about where both sides know the password, the server showed `shown` and
/// the client saw `binding`.
fn comes_about(shown: Option<&[u8]>, binding: Binding) -> bool {
    let bound = matches!(binding, Binding::Certificate(_));
    let channel = Channel { certificate: shown.map(<[u8]>::to_vec), bound };
    let verifier = Verifier::of("right", b"salt");
    let (mut login, first) = Login::start(b"abc", binding);
    let Ok((challenge, answer)) = Challenge::answer(verifier, &channel, first.as_bytes(), b"def")
    else {
        return false;
    };
    let proof = login.prove(answer.as_bytes(), "right", &mut None).unwrap();
    challenge.verify(proof.as_bytes()).is_ok_and(|said| said.is_some())
}

#[test]
fn a_login_is_bound_to_the_certificate_that_both_sides_see() {
    let certificate = |digest: &[u8]| Binding::Certificate(digest.to_vec());
    for (shown, binding, expect) in [
        (None, Binding::None, true),
        (None, Binding::NotOffered, true),
        (None, certificate(b"one"), false),
        (Some(&b"one"[..]), certificate(b"one"), true),
        // Somebody in between shows a certificate of their own.
        (Some(b"one"), certificate(b"other"), false),
        (Some(b"one"), certificate(b""), false),
        // A client that cannot bind is served; one that was told that it could not, is not.
        (Some(b"one"), Binding::None, true),
        (Some(b"one"), Binding::NotOffered, false),
    ] {
        assert_eq!(comes_about(shown, binding.clone()), expect, "{shown:?} {binding:?}");
    }
}

#[test]
fn what_is_no_login_is_refused() {
    let verifier = || Verifier::of("right", b"salt");
    let open = Channel::default();
    for first in ["p=tls-server-end-point,,n=,r=a", "n,a=x,n=,r=a", "n,,n=", "", "n"] {
        let answered = Challenge::answer(verifier(), &open, first.as_bytes(), b"x");
        assert!(answered.is_err(), "{first}");
    }
    let bound = Channel { certificate: Some(b"one".to_vec()), bound: true };
    for first in ["p=tls-unique,,n=,r=a", "p=,,n=,r=a", "n,,n=,r=a", "y,,n=,r=a"] {
        let answered = Challenge::answer(verifier(), &bound, first.as_bytes(), b"x");
        assert!(answered.is_err(), "{first}");
    }
    let (challenge, _) = Challenge::answer(verifier(), &open, b"n,,n=,r=a", b"x").unwrap();
    for last in ["", "c=biws,r=other,p=AAAA", "c=biws,p=AAAA", "c=eSws,r=aeA==,p=AAAA"] {
        assert!(challenge.verify(last.as_bytes()).is_err(), "{last}");
    }
    let (mut login, _) = Login::start(b"abc", Binding::None);
    for first in ["r=YWJj,s=AAAA,i=4096", "r=other,s=AAAA,i=1", "r=YWJjx,s=AAAA,i=0", "e=x"] {
        assert!(login.prove(first.as_bytes(), "right", &mut None).is_err(), "{first}");
    }
}

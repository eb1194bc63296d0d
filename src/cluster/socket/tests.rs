//! What can go wrong when the sockets are opened, and what the kernel does with them.

use std::net::UdpSocket as StdSocket;
use std::time::Duration;

use super::*;

const LOOPBACK_BROADCAST: Ipv4Addr = Ipv4Addr::new(127, 255, 255, 255);

fn free_port() -> u16 {
    let mut dice = fastrand::Rng::with_seed(uuid::Uuid::new_v4().as_u64_pair().0);
    std::iter::repeat_with(|| dice.u16(12_000..32_000))
        .find(|port| StdSocket::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok())
        .unwrap()
}

fn on_loopback(port: u16) -> BusSettings {
    BusSettings {
        listen: (Ipv4Addr::UNSPECIFIED, port).into(),
        targets: vec![(LOOPBACK_BROADCAST, port).into()],
        advertise: None,
        own_port: 0,
    }
}

#[tokio::test]
async fn nodes_on_one_machine_share_the_port_and_each_has_an_address_of_its_own() {
    let settings = on_loopback(free_port());
    let (one, other) = (
        Sockets::open(&settings).unwrap(),
        Sockets::open(&settings).unwrap(),
    );
    assert_eq!(one.advertised().ip(), IpAddr::from(Ipv4Addr::LOCALHOST));
    assert_ne!(one.advertised(), other.advertised());
    assert_eq!(one.datagram_bytes_max(), DATAGRAM_BYTES_DEFAULT);
    assert!(one.targets[0].broadcast);
    assert!(one.receive_buffer_bytes > 0);

    let mut buffer = [0; 16];
    one.own.writable().await.unwrap();
    one.own.try_send_to(b"all", settings.targets[0]).unwrap();
    for node in [&one, &other] {
        let received = tokio::time::timeout(
            Duration::from_secs(5),
            node.listening.recv_from(&mut buffer),
        );
        let (length, source) = received.await.unwrap().unwrap();
        assert_eq!(&buffer[..length], b"all");
        assert_eq!(source, one.advertised(), "answers go to the own socket");
    }
}

#[tokio::test]
async fn a_program_that_does_not_share_the_port_is_named_as_the_reason() {
    let port = free_port();
    let taken = StdSocket::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap();
    let error = Sockets::open(&on_loopback(port)).unwrap_err();
    assert!(matches!(error, BusError::ListenPortInUse { .. }), "{error}");
    drop(taken);

    let taken = StdSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let settings = BusSettings {
        own_port: taken.local_addr().unwrap().port(),
        ..on_loopback(port)
    };
    let error = Sockets::open(&settings).unwrap_err();
    assert!(matches!(error, BusError::OwnPortInUse { .. }), "{error}");

    let settings = BusSettings {
        own_port: port,
        ..on_loopback(port)
    };
    let error = Sockets::open(&settings).unwrap_err();
    assert!(matches!(error, BusError::OwnPortInUse { .. }), "{error}");
}

#[tokio::test]
async fn addresses_that_cannot_work_are_refused_with_the_reason() {
    let port = free_port();
    let cases = [
        BusSettings {
            listen: "[::]:3000".parse().unwrap(),
            ..on_loopback(port)
        },
        BusSettings {
            listen: "0.0.0.0:0".parse().unwrap(),
            ..on_loopback(port)
        },
        BusSettings {
            targets: vec!["127.255.255.255:0".parse().unwrap()],
            ..on_loopback(port)
        },
        BusSettings {
            listen: (Ipv4Addr::new(192, 0, 2, 77), port).into(),
            ..on_loopback(port)
        },
    ];
    let errors: Vec<_> = cases
        .iter()
        .map(|settings| Sockets::open(settings).unwrap_err())
        .collect();
    assert!(
        matches!(
            errors[..],
            [
                BusError::NotIpv4(_),
                BusError::NoListenPort(_),
                BusError::NoTargetPort(_),
                BusError::NotOurs { .. }
            ]
        ),
        "{errors:?}"
    );
}

#[tokio::test]
async fn without_targets_the_first_interface_that_broadcasts_is_used_if_there_is_one() {
    let port = free_port();
    let settings = BusSettings {
        targets: Vec::new(),
        ..on_loopback(port)
    };
    match Sockets::open(&settings) {
        Ok(sockets) => {
            assert!(sockets.targets[0].broadcast);
            assert_eq!(sockets.targets[0].address.port(), port);
            assert!(!sockets.advertised().ip().is_loopback());
            assert!(!sockets.advertised().ip().is_unspecified());
            assert!(sockets.datagram_bytes_max() <= DATAGRAM_BYTES_DEFAULT);
        }
        Err(error) => assert!(matches!(error, BusError::NoInterface), "{error}"),
    }
}

#[tokio::test]
async fn a_peers_own_socket_can_be_a_target_but_is_not_probed() {
    let port = free_port();
    let settings = BusSettings {
        targets: vec![(Ipv4Addr::LOCALHOST, 3_999).into()],
        advertise: Some([10, 1, 2, 3].into()),
        ..on_loopback(port)
    };
    let sockets = Sockets::open(&settings).unwrap();
    assert!(!sockets.targets[0].broadcast);
    assert_eq!(sockets.advertised().ip(), IpAddr::from([10, 1, 2, 3]));
}

#[tokio::test]
async fn what_the_kernel_drops_because_nobody_reads_is_counted() {
    let settings = on_loopback(free_port());
    let sockets = Sockets::open(&settings).unwrap();
    assert_eq!(kernel::dropped(&sockets.ids).unwrap(), 0);
    let sender = StdSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let datagram = [0; 1_400];
    for _ in 0..20_000 {
        let _ = sender.send_to(&datagram, sockets.advertised());
    }
    assert!(kernel::dropped(&sockets.ids).unwrap() > 0);
}

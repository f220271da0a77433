use super::*;

fn record() -> TimeWait {
    TimeWait {
        conn: ConnId(1),
        ends: Endpoints {
            local: "10.0.0.1:80".parse().unwrap(),
            remote: "10.0.0.2:4000".parse().unwrap(),
        }
        .into(),
        snd_nxt: SeqNum::new(1000),
        rcv_nxt: SeqNum::new(5000),
        ip: IpSettings::default(),
        window: 100,
        scale: WindowScale::NONE,
        iss: SeqNum::new(900),
        irs: SeqNum::new(4900),
        timestamps: Some((77, 1)),
    }
}

fn segment(flags: Flags, seq: u32, tsval: Option<u32>) -> Segment {
    Segment {
        seq: SeqNum::new(seq),
        flags,
        options: Options {
            timestamps: tsval.map(|tsval| Timestamps { tsval, tsecr: 0 }),
            ..Options::default()
        },
        ..record().acknowledgment(0)
    }
}

#[test]
fn judges_every_kind_of_segment() {
    let ack = Flags::ACK;
    let cases = [
        (segment(Flags::RST, 5000, None), Action::Ignore(Refusal::TimeWaitReset)),
        (segment(ack, 5000, Some(80)), Action::Ignore(Refusal::TimeWaitSegment)),
        (segment(ack, 4000, Some(80)), Action::Acknowledge { restart: false }),
        (segment(ack | Flags::FIN, 4999, Some(80)), Action::Acknowledge { restart: true }),
        (segment(Flags::SYN, 1, Some(78)), Action::Reuse),
        (segment(Flags::SYN, 9000, Some(76)), Action::Acknowledge { restart: false }),
        (segment(Flags::SYN, 5001, Some(77)), Action::Reuse),
        (segment(Flags::SYN, 4000, Some(77)), Action::Acknowledge { restart: false }),
        (segment(Flags::SYN, 5001, None), Action::Reuse),
        (segment(Flags::SYN, 4000, None), Action::Acknowledge { restart: false }),
        (segment(Flags::SYN | ack, 9000, Some(99)), Action::Acknowledge { restart: false }),
    ];
    for (segment, expected) in cases {
        assert_eq!(record().segment_arrives(&segment), expected, "{segment:?}");
    }
}

#[test]
fn it_takes_64_bytes_at_most() {
    assert!(size_of::<TimeWait>() <= 64, "{} bytes", size_of::<TimeWait>());
}

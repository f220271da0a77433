use super::*;

fn all() -> Options {
    Options {
        mss: Some(1460),
        window_scale: Some(7),
        sack_permitted: true,
        timestamps: Some(Timestamps { tsval: u32::MAX, tsecr: 0 }),
        ..Options::default()
    }
}

#[test]
fn they_come_back_as_they_were() {
    let zero = Timestamps { tsval: 0, tsecr: 0 };
    let zeros = Options { mss: Some(0), window_scale: Some(0), timestamps: Some(zero), ..all() };
    let cases = [
        Options::default(),
        all(),
        zeros,
        Options { mss: None, ..all() },
        Options { window_scale: None, ..all() },
        Options { sack_permitted: false, ..all() },
        Options { timestamps: None, ..all() },
    ];
    for options in cases {
        assert_eq!(SynOptions::from(&options).get(), options);
    }
}

#[test]
fn settings_take_away_what_they_forbid() {
    let limited = |config: Config| {
        let mut options = SynOptions::from(&all());
        options.limit(&config);
        options.get()
    };
    assert_eq!(limited(Config::default()), all());
    let config = Config { timestamps: false, ..Config::default() };
    assert_eq!(limited(config), Options { timestamps: None, ..all() });
    let config = Config { window_scaling: false, ..Config::default() };
    assert_eq!(limited(config), Options { window_scale: None, ..all() });
}

#[test]
fn they_take_eight_bytes() {
    assert_eq!(size_of::<SynOptions>(), 8);
}

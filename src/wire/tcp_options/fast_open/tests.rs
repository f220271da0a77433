use super::super::{Options, SackBlocks, Timestamps, parse};
use super::*;

const COOKIE: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

fn option(form: Form, len: usize) -> FastOpen {
    FastOpen { cookie: Cookie::new(&COOKIE[..len]).unwrap(), form }
}

fn with(option: FastOpen) -> Options {
    Options { fast_open: Some(Box::new(option)), ..Options::default() }
}

fn emitted(options: &Options) -> Vec<u8> {
    let mut out = ArrayVec::<u8, 40>::new();
    options.emit(&mut out);
    out.to_vec()
}

#[test]
fn a_cookie_has_an_even_number_of_bytes_from_4_to_16_rfc_7413_4_1_1() {
    for len in 0..=20 {
        let bytes = vec![7; len];
        let good = matches!(len, 0 | 4 | 6 | 8 | 10 | 12 | 14 | 16);
        assert_eq!(Cookie::new(&bytes).is_some(), good, "{len}");
        assert!(Cookie::new(&bytes).is_none_or(|cookie| cookie.bytes() == bytes));
    }
    assert!(Cookie::REQUEST.is_request());
    assert_eq!(Cookie::new(&[]), Some(Cookie::REQUEST));
}

#[test]
fn the_bytes_of_both_forms_are_those_of_linux() {
    let bytes = |form, len| emitted(&with(option(form, len)));
    assert_eq!(bytes(Form::Standard, 0), [34, 2, 1, 1]);
    assert_eq!(bytes(Form::Standard, 4), [34, 6, 1, 2, 3, 4, 1, 1]);
    assert_eq!(bytes(Form::Standard, 6), [34, 8, 1, 2, 3, 4, 5, 6]);
    assert_eq!(bytes(Form::Experimental, 0), [254, 4, 0xf9, 0x89]);
    assert_eq!(bytes(Form::Experimental, 4), [254, 8, 0xf9, 0x89, 1, 2, 3, 4]);
    assert_eq!(bytes(Form::Experimental, 6), [254, 10, 0xf9, 0x89, 1, 2, 3, 4, 5, 6, 1, 1]);
}

#[test]
fn every_cookie_is_read_back_beside_all_that_a_syn_can_have() {
    for form in [Form::Standard, Form::Experimental] {
        for len in [0, 4, 6, 8, 10, 12, 14, 16] {
            let alone = with(option(form, len));
            let full = Options {
                mss: Some(1460),
                window_scale: Some(14),
                sack_permitted: true,
                timestamps: Some(Timestamps { tsval: 1, tsecr: 2 }),
                sack: SackBlocks::new(),
                ..alone.clone()
            };
            for options in [alone, full] {
                assert_eq!(parse(&emitted(&options)), options);
                assert_eq!(emitted(&options).len(), options.len());
            }
        }
    }
}

#[test]
fn what_is_malformed_is_as_if_it_were_not_there() {
    let after = [2, 4, 5, 0xb4];
    let expected = Options { mss: Some(1460), ..Options::default() };
    for bad in (1..=30).filter(|len| Cookie::new(&vec![0; *len]).is_none()) {
        for head in [&[34, 2 + bad as u8][..], &[254, 4 + bad as u8, 0xf9, 0x89]] {
            let area = [head, &vec![7; bad], &after].concat();
            assert_eq!(parse(&area), expected, "{bad} bytes after {head:?}");
        }
    }
    // Other experiments.
    for area in [&[254, 2][..], &[254, 3, 0xf9], &[254, 4, 0xf9, 0x88], &[253, 4, 0xf9, 0x89]] {
        assert_eq!(parse(&[area, &after].concat()), expected, "{area:?}");
    }
}

#[test]
fn of_several_the_last_good_one_counts() {
    let area = [34, 6, 1, 1, 1, 1, 254, 8, 0xf9, 0x89, 2, 2, 2, 2, 34, 5, 3, 3, 3];
    let last = FastOpen { cookie: Cookie::new(&[2; 4]).unwrap(), form: Form::Experimental };
    assert_eq!(parse(&area), with(last));
}

#[test]
fn it_costs_the_other_segments_one_pointer() {
    assert!(size_of::<Options>() <= 72, "{}", size_of::<Options>());
}

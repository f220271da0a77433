use super::*;

#[test]
fn numbers_have_three_digits() {
    for (value, text) in [
        (0.0, "0"),
        (7.0, "7"),
        (999.4, "999"),
        (999.6, "1.00k"),
        (1234.0, "1.23k"),
        (9_995.0, "10.0k"),
        (99_949.0, "99.9k"),
        (999_499.0, "999k"),
        (999_500.0, "1.00M"),
        (12_345_678.0, "12.3M"),
        (1e18, "1.00E"),
    ] {
        assert_eq!(short(value), text, "{value}");
    }
    for power in 0..18 {
        for digit in 1..10 {
            let value = f64::from(digit) * 1.1111 * 10f64.powi(power);
            assert!(short(value).len() <= 5, "{value}");
        }
    }
}

#[test]
fn times_have_a_unit_that_fits() {
    for (us, text) in [
        (0, "0us"),
        (999, "999us"),
        (1_000, "1.00ms"),
        (10_505, "10.5ms"),
        (210_505, "211ms"),
        (1_500_000, "1.50s"),
        (15_000_000, "15.0s"),
        (299_000_000, "299s"),
    ] {
        assert_eq!(time(us), text);
    }
}

#[test]
fn curves_end_at_the_right_and_show_the_last_values() {
    assert_eq!(sparkline(&[0, 7, 14], 4), "  ▄▇");
    assert_eq!(sparkline(&[9, 9, 1, 8], 2), "▂▇");
    assert_eq!(sparkline(&[], 3), "   ");
    assert_eq!(sparkline(&[0, 0], 2), "  ");
    assert_eq!(sparkline(&[1], 0), "");
}

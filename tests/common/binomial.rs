//! How many of so many are lost, when each is with a chance that is known.

/// The smallest and the largest count between which so many of `n` lie in 99.9 % of all cases, when each
/// one does so with the probability `p`.
fn binomial_bounds(n: u32, p: f64) -> (u32, u32) {
    let mut chance = (1.0 - p).powi(n as i32);
    let (mut below, mut bounds) = (0.0, (None, n));
    for k in 0..=n {
        if bounds.0.is_none() && below + chance > 0.0005 {
            bounds.0 = Some(k);
        }
        below += chance;
        if below > 0.9995 {
            bounds.1 = k;
            break;
        }
        chance *= f64::from(n - k) / f64::from(k + 1) * p / (1.0 - p);
    }
    (bounds.0.unwrap_or(0), bounds.1)
}

/// The summary of a ping of `n` tells a loss that is one of those bounds.
#[track_caller]
pub fn assert_loss(text: &str, n: u32, p: f64) {
    let words: Vec<&str> = text.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "received,").expect("a summary");
    let received: u32 = words[at - 1].parse().expect("a number");
    let (least, most) = binomial_bounds(n, p);
    assert!((least..=most).contains(&(n - received)), "{least} to {most} of {n} in {text}");
    let named = text.matches("no answer for seq=").count();
    assert_eq!(named as u32, n - received, "each of them is named: {text}");
    let answered = text.matches(" bytes from ").count();
    assert_eq!(answered as u32, received, "{text}");
}

#[test]
fn the_bounds_are_those_of_exact_fractions() {
    assert_eq!(binomial_bounds(10, 0.5), (0, 10));
    assert_eq!(binomial_bounds(200, 0.2), (22, 59));
}

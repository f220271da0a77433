use super::*;

#[test]
fn each_is_found_by_its_name() {
    for algorithm in Algorithm::ALL {
        assert_eq!(algorithm.to_string(), algorithm.name());
        assert_eq!(algorithm.name().parse(), Ok(algorithm));
        assert_eq!(algorithm.name().to_uppercase().parse(), Ok(algorithm));
    }
    assert!(Algorithm::names().starts_with("tahoe, reno, newreno, cubic"));
    assert_eq!(Algorithm::default(), Algorithm::Cubic);
}

#[test]
fn mistakes_are_explained() {
    for word in ["vegas", "", "reno ", "new-reno"] {
        let error = word.parse::<Algorithm>().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "there is no congestion control {word:?}: choose one of {}",
                Algorithm::names()
            )
        );
    }
}

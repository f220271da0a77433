use proptest::prelude::*;

use super::*;

fn shown(text: &str) -> String {
    evaluate(text).map_or_else(|error| error.to_string(), show)
}

#[test]
fn operators_bind_as_in_mathematics() {
    for (text, result) in [
        ("2+3*4", "14"),
        ("(2+3)*4", "20"),
        ("2-3-4", "-5"),
        ("100/10/5", "2"),
        ("2^3^2", "512"),
        ("2**3**2", "512"),
        ("(2^3)^2", "64"),
        ("-2^2", "-4"),
        ("(-2)^2", "4"),
        ("2^-1", "0.5"),
        ("2^-3*4", "0.5"),
        ("2*-3", "-6"),
        ("--5", "5"),
        ("-+-5", "5"),
        ("2 * ( 3 + 4 ) ", "14"),
        ("\t1\t+\t1", "2"),
        (".5+5.", "5.5"),
        ("1.5e3+2E-1", "1500.2"),
        ("0*-1", "0"),
        ("0.1+0.2", "0.30000000000000004"),
        ("2^100", "1.2676506002282294e30"),
        ("1/3000000", "3.3333333333333335e-7"),
        ("(-8)^3", "-512"),
        ("0^0", "1"),
    ] {
        assert_eq!(shown(text), result, "{text}");
    }
}

#[test]
fn functions_and_constants_are_there() {
    for (text, result) in [
        ("sqrt(16)", "4"),
        ("sin(0)+cos(0)+tan(0)", "1"),
        ("ln(e)", "1"),
        ("log(1000)", "3"),
        ("exp(0)", "1"),
        ("abs(-7)", "7"),
        ("floor(-1.5)", "-2"),
        ("ceil(1.2)", "2"),
        ("round(2.5)", "3"),
        ("min(3, 1, 2)", "1"),
        ("max(3)", "3"),
        ("max(1,min(5,4),2)", "4"),
        ("pi", "3.141592653589793"),
        ("sqrt(sqrt(16))^2", "4"),
        ("2*e^0", "2"),
    ] {
        assert_eq!(shown(text), result, "{text}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    let deep = format!("{}1{}", "(".repeat(500), ")".repeat(500));
    let signs = format!("{}1", "-".repeat(1000));
    let powers = format!("2{}", "^1".repeat(500));
    let calls = format!("{}1", "abs(".repeat(250));
    let long = "1".repeat(LEN_MAX + 1);
    for (text, part) in [
        ("", "ends where a number, a name or a parenthesis should be"),
        ("   ", "ends where"),
        ("2+", "ends where"),
        ("(2", "ends where an operator or ')' should be"),
        ("2)", "')' cannot stand at character 2"),
        ("2 3", "'3' cannot stand at character 3: an operator, or the end"),
        ("2 $ 3", "'$' cannot stand at character 3"),
        ("ü", "'ü' cannot stand at character 1"),
        ("1ü", "'ü' cannot stand at character 2"),
        ("*2", "'*' cannot stand at character 1"),
        ("1.2.3", "'1.2.3' is not a number"),
        (".", "'.' is not a number"),
        ("foo(1)", "there is no 'foo': there are pi, e, sqrt"),
        ("system(1)", "there is no 'system'"),
        ("__import__", "'_' cannot stand at character 1"),
        ("x=1", "there is no 'x'"),
        ("sqrt", "ends where '(' after a function should be"),
        ("sqrt 4", "'4' cannot stand at character 6: '(' after a function"),
        ("sqrt()", "')' cannot stand at character 6"),
        ("sqrt(1,2)", "sqrt takes one number, not 2"),
        ("min(1", "ends where an operator, ',' or ')'"),
        ("1/0", "division by zero"),
        ("1/(2-2)", "division by zero"),
        ("0^-1", "division by zero"),
        ("sqrt(-1)", "the square root of a negative number is not a real number"),
        ("ln(0)", "a logarithm of a number that is not above 0 is not a real number"),
        ("log(-1)", "a logarithm"),
        ("(-8)^0.5", "a broken power of a negative number is not a real number"),
        ("10^400", "too large"),
        ("1e400", "too large"),
        ("1e308*10", "too large"),
        ("exp(1000)", "too large"),
        ("1e308+1e308", "too large"),
        (&deep, "too deep"),
        (&signs, "too deep"),
        (&powers, "too deep"),
        (&calls, "too deep"),
        (&long, "has 1025 bytes, and at most 1024 are read"),
    ] {
        assert!(shown(text).contains(part), "{text}: {}", shown(text));
    }
}

#[test]
fn as_deep_as_is_allowed_is_fine() {
    let deep = |depth: usize| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(evaluate(&deep(DEPTH_MAX)), Ok(1.0));
    assert_eq!(evaluate(&deep(DEPTH_MAX + 1)), Err(CalcError::TooDeep));
    // Beside each other there may be as many as fit.
    assert_eq!(evaluate(&vec!["(-1)"; 200].join("+")), Ok(-200.0));
}

proptest! {
    #[test]
    fn whatever_is_written_has_an_answer(text in "[-+*/^().,0-9a-z \u{e9}]{0,60}") {
        if let Ok(value) = evaluate(&text) {
            prop_assert!(value.is_finite());
        }
    }

    #[test]
    fn a_result_is_read_as_the_same_number(value in proptest::num::f64::NORMAL) {
        let text = format!("({})", show(value));
        prop_assert_eq!(evaluate(&text), Ok(value));
    }

    #[test]
    fn whole_numbers_are_calculated_as_rust_does(a in -99i64..99, b in -99i64..99, c in 1i64..99) {
        let text = format!("{a} + {b} * {c} - ({a} - {b}) * {c}");
        prop_assert_eq!(evaluate(&text), Ok((a + b * c - (a - b) * c) as f64));
    }
}

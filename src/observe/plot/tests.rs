use super::*;

fn curve(name: &str, points: Vec<(f64, f64)>, mark: Mark) -> Curve {
    Curve { name: name.into(), points, mark, color: 0 }
}

fn figure(curves: Vec<Curve>) -> Figure {
    Figure {
        title: "a title".into(),
        x: "time (s)".into(),
        y: "cwnd (KB)".into(),
        curves,
        ..Figure::default()
    }
}

#[test]
fn a_picture_has_its_title_axes_and_names() {
    let marks = [Mark::Steps, Mark::Thin, Mark::Dots, Mark::Crosses, Mark::Spans];
    let points = vec![(0.0, 1.0), (1.0, 5.0), (2.0, 2.0)];
    let curves = marks.map(|mark| curve(&format!("{mark:?}"), points.clone(), mark)).to_vec();
    let svg = figure(curves).svg();
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{svg}");
    for word in ["a title", "time (s)", "cwnd (KB)", "Steps", "Thin", "Dots", "Crosses", "Spans"] {
        assert!(svg.contains(word), "{word}");
    }
    assert_eq!(
        svg,
        figure(marks.map(|mark| curve(&format!("{mark:?}"), points.clone(), mark)).to_vec()).svg()
    );
}

#[test]
fn bars_stand_on_whole_numbers_and_a_curve_without_a_name_is_drawn_all_the_same() {
    let bars = curve("bars", vec![(1.0, 30.0), (2.0, 70.0)], Mark::Bars);
    let nameless = curve("", vec![(0.0, 50.0), (2.0, 50.0)], Mark::Thin);
    let with = figure(vec![bars.clone(), nameless]).svg();
    let without = figure(vec![bars]).svg();
    // The background, the mark beside the name, and two bars.
    assert_eq!(without.matches("<rect").count(), 4, "{without}");
    assert!(!without.contains("\n1.5\n") && without.contains("\n2\n"), "{without}");
    assert_eq!(with.matches("<text").count(), without.matches("<text").count());
    assert_ne!(with, without);
}

#[test]
fn a_picture_of_nothing_is_an_empty_one() {
    let svg = figure(vec![curve("nothing", Vec::new(), Mark::Steps)]).svg();
    assert!(svg.contains("a title"));
    assert!(figure(Vec::new()).svg().contains("</svg>"));
}

#[test]
fn steps_hold_until_the_next() {
    let corners = steps(&[(0.0, 1.0), (10.0, 3.0), (20.0, 2.0)], 1.0);
    assert_eq!(corners, [(0.0, 1.0), (10.0, 1.0), (10.0, 3.0), (20.0, 3.0), (20.0, 2.0)]);
}

#[test]
fn a_picture_is_no_larger_than_can_be_seen() {
    let many: Vec<(f64, f64)> =
        (0..1_000_000).map(|n| (f64::from(n), f64::from(n % 977))).collect();
    for mark in [Mark::Steps, Mark::Crosses, Mark::Spans] {
        let svg = figure(vec![curve("many", many.clone(), mark)]).svg();
        assert!(svg.len() < 20_000_000, "{mark:?}: {}", svg.len());
    }
    let corners = steps(&many, 1000.0);
    assert!(corners.len() <= 6 * 1001);
    let highest = corners.iter().map(|corner| corner.1).fold(0.0, f64::max);
    assert_eq!(highest, 976.0, "peaks stay");
}

#[test]
fn numbers_have_no_more_digits_than_needed() {
    for (value, text) in
        [(0.0, "0"), (10.0, "10"), (0.25, "0.25"), (1000.0, "1000"), (0.0005, "0.001")]
    {
        assert_eq!(number(value), text);
    }
}

#[test]
fn a_line_says_what_it_is_and_the_many_are_bounded() {
    let told = |at: f64, color, words: &str| Told {
        at,
        ends: [0.0, 5.0],
        color,
        bold: color > 0,
        words: words.to_owned(),
    };
    let spans = vec![told(1.0, 0, "a <segment> & more\n"), told(2.0, 1, "again")];
    let svg = Figure { spans, ..figure(Vec::new()) }.svg();
    assert!(svg.contains("stroke-width=\"4\">\n<path") && svg.contains("<title>again</title>"));
    assert!(svg.contains("<title>a &lt;segment&gt; &amp; more</title>"), "{svg}");
    assert!(svg.trim_end().ends_with("</svg>") && svg.matches("</svg>").count() == 1);

    let mut many: Vec<Told> =
        (0..100_000).map(|n| told(f64::from(n) / 100.0, 0, &"x".repeat(500))).collect();
    many.iter_mut().for_each(|told| told.ends = [told.at, told.at + 3.0]);
    many.push(told(999.0, 1, "the one"));
    let svg = Figure { spans: many, ..figure(Vec::new()) }.svg();
    assert!(svg.len() < 250_000, "{}", svg.len());
    assert!(svg.contains("<title>the one</title>"));
}

#[test]
fn a_band_has_the_colour_of_what_held_longest() {
    let band = |from, to, color| Band { name: String::new(), from, to, color };
    let bands = [band(0.0, 50.0, 1), band(50.0, 50.4, 2), band(50.4, 100.0, 3)];
    let pieces = columns(&bands, &(0.0..100.0), 100.0);
    assert_eq!(pieces, [(0.0, 50.0, 1), (50.0, 100.0, 3)]);
    assert_eq!(columns(&[band(-5.0, 1e9, 1)], &(0.0..10.0), 10.0), [(0.0, 10.0, 1)]);
    assert!(columns(&[], &(0.0..10.0), 10.0).is_empty());
}

#[test]
fn names_that_do_not_fit_go_on_below() {
    let names = |count: usize| -> Vec<Curve> {
        (0..count).map(|n| curve(&format!("a curve of number {n}"), vec![], Mark::Steps)).collect()
    };
    assert_eq!(figure(names(3)).size(), SIZE);
    assert_eq!(figure(names(9)).size().1, SIZE.1 + 2 * 20, "four in a line");
    let remark = Figure { remark: "something is missing".to_owned(), ..figure(names(1)) };
    assert_eq!(remark.size().1, SIZE.1 + 20);
    assert!(remark.svg().contains("something is missing"));
}

#[test]
fn of_many_lines_those_that_touch_are_one_and_few_lie_on_top() {
    let line = |at: f64, bytes: f64, color, bold| Told {
        at,
        ends: [bytes, bytes + 1.0],
        color,
        bold,
        words: format!("line at {at}"),
    };
    let mut spans: Vec<Told> =
        (0..20_000).map(|n| line(f64::from(n) / 1e3, f64::from(n), 0, false)).collect();
    spans.extend((0..10).map(|n| line(f64::from(n) * 2.0, f64::from(n) * 2000.0, 1, true)));
    let svg = Figure { spans, ..Figure::default() }.svg();
    let lines = svg.matches('M').count();
    assert!(lines < 2000, "{lines} lines");
    assert!(svg.contains("; and ") && svg.matches("<title>").count() <= 900);
    let (new, again) = (svg.find("<g stroke=\"#0072B2\""), svg.find("<g stroke=\"#D55E00\""));
    assert!(new.expect("drawn") < again.expect("drawn"), "what was sent again is on top");
}

#[test]
fn where_there_is_no_value_nothing_is_drawn() {
    let none = f64::NAN;
    let points = [(0.0, none), (1.0, 5.0), (2.0, none), (3.0, none), (4.0, 6.0), (5.0, 7.0)];
    let expected = [vec![(1.0, 5.0), (2.0, 5.0)], vec![(4.0, 6.0), (5.0, 7.0)]];
    assert_eq!(pieces::parts(&points), expected);
    assert!(pieces::parts(&[(1.0, none)]).is_empty());
}

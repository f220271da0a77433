use super::*;

#[test]
fn explore() {
    let wanted = std::env::var("LAB").unwrap_or_default();
    for lab in LABS.iter().filter(|lab| wanted.is_empty() || wanted.contains(lab.name)) {
        let begun = std::time::Instant::now();
        let done = lab.simulate().unwrap_or_else(|error| panic!("{error}"));
        println!("== {} {:?}", lab.name, begun.elapsed());
        for run in &done.runs {
            println!("   {}: {} KB events {} KB packets", run.name, run.events.len() >> 10, run.packets.len() >> 10);
        }
        for (claim, grade) in done.grades().unwrap_or_else(|error| panic!("{error}")) {
            println!("  {:8} {:60} {} {}", grade.verdict.name(), claim.rule, grade.seen, grade.connection);
        }
        for run in &done.runs { std::fs::write(format!("/tmp/labpics/{}-{}.jsonl", lab.name, run.name), &run.events).unwrap(); }
        for part in lab.ladders {
            println!("{}:\n{}", part.place, done.ladder(part).unwrap());
        }
        for drawing in done.pictures().unwrap() {
            std::fs::create_dir_all("/tmp/labpics").unwrap();
            std::fs::write(format!("/tmp/labpics/{}-{}.svg", lab.name, drawing.name), &drawing.svg).unwrap();
            println!("  picture {} {} KB", drawing.name, drawing.svg.len() >> 10);
        }
        for question in lab.questions {
            println!("  Q {}\n  A {}", question.asks, done.answer(question).unwrap());
        }
    }
}

use std::time::Duration;

use clap::Parser;
use glasstcp::client::tasks::Task;

use super::work::{Row, shown, table};
use super::*;

#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    args: Args,
}

fn parsed(words: &[&str]) -> Result<Args, String> {
    let words = ["task"].into_iter().chain(words.iter().copied());
    Command::try_parse_from(words).map(|task| task.args).map_err(|error| error.to_string())
}

fn file(name: &str) -> Task {
    Task::File(name.to_owned())
}

#[test]
fn tasks_are_kept_in_their_order() {
    let line = [
        "10.9.0.2", "--calc", "-1+2", "--file", "a", "--query", "x.org", "--calc=2", "--file", "b",
        "-o", "out", "-p", "99",
    ];
    let args = parsed(&line).unwrap();
    let calc = |text: &str| Task::Calc(text.to_owned());
    let dns = Task::Dns("x.org".to_owned());
    assert_eq!(args.tasks.0, [calc("-1+2"), file("a"), dns, calc("2"), file("b")]);
    assert_eq!((args.port, args.output, args.parallel), (99, "out".into(), 1));
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (line, part) in [
        (&["10.9.0.2"][..], "--file <NAME>|--calc <EXPRESSION>|--query <NAME>"),
        (&["--calc", "1"], "<HOST>"),
        (&["10.9.0.2", "--calc", ""], "--calc"),
        (&["10.9.0.2", "--calc", "1\n2"], "one line"),
        (&["10.9.0.2", "--calc", "1", "--parallel", "0"], "--parallel"),
        (&["10.9.0.2", "--calc", "1", "--drop", "data:x=3"], "--drop"),
        (&["10.9.0.2", "--calc", "1", "--transcript", "-v"], "cannot be used with"),
        (&["10.9.0.2", "--calc", "1", "--via", "x", "--transcript"], "cannot be used with"),
    ] {
        let error = parsed(line).expect_err("it is wrong");
        assert!(error.contains(part), "{line:?}: {error}");
    }
}

#[tokio::test]
async fn files_go_nowhere_but_into_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let open = |names: &[&str]| {
        let tasks: Vec<Task> = names.iter().map(|name| file(name)).collect();
        store::Store::open(folder.path().to_owned(), &tasks).map_err(|error| format!("{error:#}"))
    };
    for name in ["..", "a/..", "/", "", "a/"] {
        assert!(open(&[name]).unwrap_err().contains("is not the name of a file"), "{name}");
    }
    assert!(open(&["a/x", "b/x"]).unwrap_err().contains("would both become x"));
    let store = open(&["a/x", "a/x", "../../y"]).unwrap();
    let place = folder.path().join("y");
    std::fs::write(&place, "before").unwrap();
    let unfinished = store.begin("../../y").unwrap();
    drop(unfinished);
    assert_eq!(std::fs::read_to_string(&place).unwrap(), "before");
    let mut unfinished = store.begin("../../y").unwrap();
    assert!(unfinished.sink().0(0).is_ok());
    let error = unfinished.sink().0(u64::MAX).unwrap_err();
    assert!(unfinished.explain(&error).contains("has no room for so much"), "{error}");
    assert_eq!(unfinished.finish().await.unwrap(), place);
    assert_eq!(std::fs::read_to_string(&place).unwrap(), "");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
    std::fs::create_dir(folder.path().join("x")).unwrap();
    let error = store.begin("x").unwrap().finish().await.unwrap_err();
    assert!(format!("{error:#}").contains("something is in the way"), "{error:#}");
    let nowhere = store::Store::open("/nowhere".into(), &[file("a")]).unwrap_err();
    assert!(format!("{nowhere:#}").contains("give -o a folder that exists"));
    // Without files there is no need of a folder.
    assert!(store::Store::open("/nowhere".into(), &[Task::Calc("1".to_owned())]).is_ok());
}

#[test]
fn the_table_shows_what_came_of_each() {
    let tasks = [file("a"), Task::Calc("1+".repeat(50))];
    assert_eq!(shown(&tasks[1]).chars().count(), 40);
    let row = |result, bytes, ms| Row { result, bytes, time: Duration::from_millis(ms) };
    let rows =
        [row(Ok("./a, verified".to_owned()), 1234, 1500), row(Err("it ends".to_owned()), 0, 2)];
    assert_eq!(
        table(&tasks, &rows),
        "task                                             bytes        time  result\n\
         FILE a                                            1234     1.500 s  ./a, verified\n\
         CALC 1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+…             0     0.002 s  failed: it ends\n\
         1 of 2 tasks done, 1234 bytes\n"
    );
}

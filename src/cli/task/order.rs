//! Tasks in the order in which the command line has them.

use clap::builder::{NonEmptyStringValueParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, Error, FromArgMatches};
use glasstcp::client::tasks::Task;

/// What is to be done, in order. Clap's derived arguments keep an order for each option alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tasks(pub Vec<Task>);

/// Makes a task of what an option is given.
type Make = fn(String) -> Task;

/// The options: what they are called, what they take, what they make, and what they are for.
const OPTIONS: [(&str, &str, Make, &str); 3] = [
    ("file", "NAME", Task::File, "Fetch this file of the server's folder"),
    ("calc", "EXPRESSION", Task::Calc, "Have this calculated, as '2*(3+4)^2' or 'sqrt(2)'"),
    ("query", "NAME", Task::Dns, "Have the addresses of this name found"),
];

impl clap::Args for Tasks {
    fn augment_args(command: Command) -> Command {
        let arguments = OPTIONS.map(|(name, value, _, help)| {
            Arg::new(name)
                .long(name)
                .value_name(value)
                .help(format!("{help}; can be given several times"))
                .action(ArgAction::Append)
                // -1+2 is an expression.
                .allow_hyphen_values(name == "calc")
                .value_parser(NonEmptyStringValueParser::new().try_map(on_one_line))
        });
        let any = ArgGroup::new("tasks").args(OPTIONS.map(|(name, ..)| name));
        command.args(arguments).group(any.multiple(true).required(true))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Tasks::augment_args(command)
    }
}

impl FromArgMatches for Tasks {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Tasks, Error> {
        let mut tasks = Tasks::default();
        tasks.update_from_arg_matches(matches)?;
        Ok(tasks)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        let mut found = Vec::new();
        for (name, _, make, _) in OPTIONS {
            let values = matches.get_many::<String>(name).into_iter().flatten();
            let places = matches.indices_of(name).into_iter().flatten();
            found.extend(places.zip(values.map(|value| make(value.clone()))));
        }
        found.sort_by_key(|(place, _)| *place);
        self.0 = found.into_iter().map(|(_, task)| task).collect();
        Ok(())
    }
}

/// A task is a line of the protocol.
fn on_one_line(text: String) -> Result<String, &'static str> {
    match text.contains(char::is_control) {
        true => Err("it must be on one line, without control characters"),
        false => Ok(text),
    }
}

use clap::CommandFactory;

use super::*;

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_explains_itself() {
    for command in Cli::command().get_subcommands_mut() {
        let name = command.get_name().to_owned();
        assert!(command.get_about().is_some(), "{name} has no summary");
        let help = command.render_long_help().to_string();
        for part in ["Examples:", "Exit codes:"] {
            assert!(help.contains(part), "{name} --help lacks {part}");
        }
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{name} {argument}");
        }
    }
}

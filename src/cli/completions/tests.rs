use super::*;

#[test]
fn every_shell_gets_a_script_that_knows_the_options() {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "glasstcp", &mut script);
        let script = String::from_utf8(script).unwrap();
        assert!(script.contains("stack-addr"), "{shell}");
        // Those of Elvish and PowerShell complete no values.
        let values = script.contains("tahoe reno newreno") || script.contains("tahoe\\t");
        assert!(values || matches!(shell, Shell::Elvish | Shell::PowerShell), "{shell}");
    }
}

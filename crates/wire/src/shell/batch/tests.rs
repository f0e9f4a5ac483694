//! What scripts of `cmd` and PowerShell do, as their shells would read them.

use std::collections::BTreeMap;

use holdpoint_core::Effect;

use crate::{
    machine::Bare,
    shell::{Command, Dialect, interpret},
};

/// The resources that a command takes away, or that it was refused.
fn taken(dialect: Dialect, text: &str) -> Vec<String> {
    let environment = BTreeMap::new();
    let command = Command { dialect, text, directory: "/c/w/app", environment: &environment };
    let Ok(reading) = interpret(&command, &Bare::default()) else {
        return vec!["refused".to_owned()];
    };
    let takes = |effect: Effect| matches!(effect, Effect::Destroy | Effect::Remove);
    let taken = reading.steps.iter().filter(|step| takes(step.operation.effect));
    let mut taken: Vec<String> = taken.map(|step| step.operation.resource.id.to_string()).collect();
    taken.sort();
    taken.dedup();
    taken
}

#[test]
fn however_it_is_spelt_cmd_takes_the_same_away() {
    for text in [
        "rd /s /q C:\\x",
        "rd/s/q C:\\x",
        "R^D /S /Q \"C:\\x\"",
        "@rd /s /q C:\\x",
        "cmd /c rd /s /q C:\\x",
        "cmd /c \"cd C:\\ && rd /s /q x\"",
        "echo y | rd /s C:\\x",
        "if exist C:\\x rd /s /q C:\\x",
        "if not exist y (echo a) else rd /s /q C:\\x",
        "if \"%1\"==\"\" (echo a) else (rd /s /q C:\\x)",
        "if a EQU b rd /s /q C:\\x",
        "for %d in (C:\\x) do rd /s /q \"%d\"",
        "for %%d in (C:\\x) do @rd /s /q \"%%~fd\"",
        "for /f %i in ('echo C:\\x') do rd /s /q %i",
        "set p=C:\\x& rd /s /q %p%",
        "set a=r&& set b=d&& cmd /v /c \"!a!!b! /s /q C:\\x\"",
        "set p=C:\\yx& rd /s /q %p:y=%",
        "set p=C:\\xyz& rd /s /q %p:~0,4%",
        "call rd /s /q C:\\x",
        "start \"t\" /b cmd /c rd /s /q C:\\x",
        "powershell -Command \"Remove-Item -Recurse C:\\x\"",
        "pushd C:\\ & rd /s /q x & popd",
        "echo a\nrem no\nrd /s /q C:\\x",
        "del /f /s /q C:\\x",
    ] {
        assert_eq!(taken(Dialect::Cmd, text), ["file:/c/x"], "{text}");
    }
}

#[test]
fn however_it_is_spelt_powershell_takes_the_same_away() {
    for text in [
        "Remove-Item C:\\x -Recurse",
        "remove-item -recurse -path 'C:\\x'",
        "ri -r -fo C:\\x",
        "Re`move-Item C:\\x",
        "& 'Remove-Item' C:\\x",
        "& ('Remove' + '-Item') C:\\x",
        "&('{1}{0}' -f '-Item','Remove') C:\\x",
        "$p = 'C:\\x'; Remove-Item $p",
        "$d = 'x'; Remove-Item \"C:\\$d\"",
        "Remove-Item \"C:\\$('x')\"",
        "$o = @{Path='C:\\x'; Recurse=$true}; Remove-Item @o",
        "'C:\\x' | Remove-Item",
        "'C:\\x' | ForEach-Object { Remove-Item $_ }",
        "foreach ($f in 'C:\\x') { Remove-Item $f }",
        "if (Test-Path C:\\x) { Remove-Item C:\\x }",
        "try { Remove-Item C:\\x } catch { }",
        "function gone($p) { Remove-Item $p }\ngone C:\\x",
        "Set-Alias zap Remove-Item; zap C:\\x",
        "$b = { Remove-Item C:\\x }; & $b",
        "Invoke-Command -ScriptBlock { Remove-Item C:\\x }",
        "iex 'Remove-Item C:\\x'",
        "'Remove-Item C:\\x' | iex",
        "[scriptblock]::Create('Remove-Item C:\\x').Invoke()",
        "[IO.Directory]::Delete('C:\\x', $true)",
        "(Get-Item C:\\x).Delete()",
        "cmd /c rd /s /q C:\\x",
        "Start-Process cmd -ArgumentList '/c rd /s /q C:\\x'",
        "npm test && Remove-Item C:\\x",
        "Set-Location C:\\; Remove-Item x",
        "Remove-Item (Join-Path 'C:\\' x)",
    ] {
        assert_eq!(taken(Dialect::Powershell, text), ["file:/c/x"], "{text}");
    }
}

#[test]
fn what_is_only_said_is_not_done() {
    for (dialect, text) in [
        (Dialect::Cmd, "echo rd /s /q C:\\x"),
        (Dialect::Cmd, "rem rd /s /q C:\\x"),
        (Dialect::Cmd, ":: rd /s /q C:\\x"),
        (Dialect::Cmd, "echo a ^& rd /s /q C:\\x"),
        (Dialect::Cmd, "rd /s /q C:\\x /?"),
        (Dialect::Powershell, "# Remove-Item C:\\x"),
        (Dialect::Powershell, "'Remove-Item C:\\x'"),
        (Dialect::Powershell, "Write-Host \"Remove-Item C:\\x\""),
        (Dialect::Powershell, "Remove-Item C:\\x -WhatIf"),
        (Dialect::Powershell, "function clean { Remove-Item C:\\x }"),
        (Dialect::Powershell, "$b = { Remove-Item C:\\x }"),
        (Dialect::Powershell, "<# Remove-Item C:\\x #> Get-Date"),
    ] {
        assert_eq!(taken(dialect, text), Vec::<String>::new(), "{text}");
    }
}

/// What is no PowerShell is refused, not guessed at.
#[test]
fn what_cannot_be_read_is_refused() {
    for text in ["if (", "Remove-Item 'C:\\x", "}"] {
        assert_eq!(taken(Dialect::Powershell, text), ["refused"], "{text}");
    }
}

//! What an agent may do and spend.

use super::check;

#[test]
fn tools_and_their_policies() {
    check(
        "agents:
  ada: {provider: rehearsal, tools: {include: [shel, web_fetch, 5]}}
  max: {provider: rehearsal, tools: {exclude: shell}}
runtime: {default_agent: ada}
providers: {rehearsal: {}}
",
        r#"
f.yaml:2:48: agents.ada.tools.include: "shel" is not one of file_edit, file_read, file_send, file_write, shell
  hint: did you mean `shell`?
f.yaml:2:54: agents.ada.tools.include: `web_fetch` is not in this version
  hint: possible: file_edit, file_read, file_send, file_write, shell
f.yaml:2:65: agents.ada.tools.include: this is the number 5, but a text is needed
  hint: write it in quotes
f.yaml:3:47: agents.max.tools.exclude: this is the text "shell", but a list of tools is needed
  hint: for example [shell, file_read]
"#,
    );
    check(
        "agents:
  ada:
    provider: rehearsal
    default_thinking: lots
    tools: {policy: {shel: ask, shell: maybe}}
    budget: {day: -1, week: 3, turn: 0.5}
providers: {rehearsal: {context_window: 100}}
",
        r#"
f.yaml:4:23: agents.ada.default_thinking: "lots" is not one of off, low, medium, high
  hint: possible: off, low, medium, high
f.yaml:5:22: agents.ada.tools.policy.shel: unknown key
  hint: did you mean `shell`?
f.yaml:5:40: agents.ada.tools.policy.shell: "maybe" is not one of allow, ask, deny
  hint: possible: allow, ask, deny
f.yaml:6:19: agents.ada.budget.day: -1 is not between 0 and 1000000
f.yaml:6:23: agents.ada.budget.week: unknown key
  hint: possible here: day, month, turn
f.yaml:7:41: providers.rehearsal.context_window: 100 is not between 2048 and 4294967295
"#,
    );
    check(
        "agents: {ada: {provider: rehearsal, tools: {include: [shell], exclude: [shell]}}}
providers: {rehearsal: {}}
",
        "
warning: f.yaml:1:63: agents.ada.tools.exclude: this has no effect beside `include`
  hint: remove it
",
    );
}

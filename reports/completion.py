"""What a shell completes: the commands and their options, as a script made from the parsers."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torchproof.reports import Refusal


@dataclass(frozen=True)
class Option:
    """One option of a command: `choices` are what may follow it, `takes` whether anything does."""

    names: tuple[str, ...]
    says: str
    choices: tuple[str, ...]
    takes: bool


@dataclass(frozen=True)
class Command:
    """One command: its sentence and its options."""

    says: str
    options: tuple[Option, ...]


def read(parser: argparse.ArgumentParser) -> Command:
    """What a parser has to be completed."""
    options = tuple(
        Option(
            tuple(action.option_strings),
            _sentence(action.help or ""),
            tuple(map(str, action.choices or ())),
            action.nargs != 0,
        )
        for action in parser._actions
        if action.option_strings
    )
    return Command(_sentence(parser.description or ""), options)


def script(shell: str, commands: Mapping[str, Command]) -> str:
    """The script of a shell. Raises Refusal for one that is not known."""
    shells = {"bash": _bash, "zsh": _zsh, "fish": _fish}
    if shell not in shells:
        raise Refusal(f"there is no completion for {shell or 'no shell'}: {', '.join(shells)}")
    return "\n".join(shells[shell](commands))


def _sentence(text: str) -> str:
    """The first sentence, or what stands before a semicolon, without what shells would read."""
    first = re.split(r"[.;:](?:\s|$)", " ".join(text.split()))[0]
    return re.sub(r"""[\[\]'"`\\$%]""", "", first)


def _bash(commands: Mapping[str, Command]) -> Iterator[str]:
    yield "# source <(torchproof --completion bash), or in ~/.local/share/bash-completion/completions/torchproof"
    yield "_torchproof() {"
    yield '    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=""'
    yield "    if ((COMP_CWORD == 1)); then"
    yield f"        words={shlex.quote(' '.join([*commands, '--help', '--version']))}"
    yield "    else"
    yield "        case ${COMP_WORDS[1]}:$before in"
    for name, command in commands.items():
        for option in command.options:
            if option.choices:
                before = "|".join(f"{name}:{one}" for one in option.names)
                yield f"            {before}) words={shlex.quote(' '.join(option.choices))} ;;"
    for name, command in commands.items():
        options = " ".join(one for option in command.options for one in option.names)
        yield f"            {name}:*) [[ $current == -* ]] && words={shlex.quote(options)} ;;"
    yield from ("        esac", "    fi", '    COMPREPLY=($(compgen -W "$words" -- "$current"))', "}")
    yield "complete -o default -F _torchproof torchproof"


def _zsh(commands: Mapping[str, Command]) -> Iterator[str]:
    yield "#compdef torchproof"
    yield "# source <(torchproof --completion zsh), after compinit"
    yield from ("_torchproof() {", "    local -a commands", "    if ((CURRENT == 2)); then", "        commands=(")
    yield from (f"            {shlex.quote(f'{name}:{command.says}')}" for name, command in commands.items())
    yield from ("        )", "        _describe command commands", "        return", "    fi", "    case $words[2] in")
    for name, command in commands.items():
        yield f"        {name}) shift words; ((CURRENT--)); _arguments \\"
        for option in command.options:
            behind = (
                f":value:({' '.join(option.choices)})" if option.choices else ":value:_files" if option.takes else ""
            )
            yield from (f"            {shlex.quote(f'{one}[{option.says}]{behind}')} \\" for one in option.names)
        yield "            '*:file:_files' ;;"
    yield from ("    esac", "}", "compdef _torchproof torchproof")


def _fish(commands: Mapping[str, Command]) -> Iterator[str]:
    yield "# torchproof --completion fish > ~/.config/fish/completions/torchproof.fish"
    for name, command in commands.items():
        yield f"complete -c torchproof -n __fish_use_subcommand -f -a {name} -d {shlex.quote(command.says)}"
    for name, command in commands.items():
        for option in command.options:
            words = " ".join(f"-l {one[2:]}" if one.startswith("--") else f"-s {one[1:]}" for one in option.names)
            behind = (
                f" -x -a {shlex.quote(' '.join(option.choices))}" if option.choices else " -r" if option.takes else ""
            )
            seen = shlex.quote(f"__fish_seen_subcommand_from {name}")
            yield f"complete -c torchproof -n {seen} {words}{behind} -d {shlex.quote(option.says)}"

"""The command line: `forumpass`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from deploy import (
    audit_commands,
    doctor,
    operator_commands,
    people_files,
    simulate,
    staff_commands,
)
from deploy.operators import NotDone, operator
from shared.access import InvalidToken, Keyring, Purpose, Role, ShortSecret, open_keyring
from shared.settings import Settings, WrongSetting, load

if TYPE_CHECKING:
    from shared.platform import Platform

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
tokens = typer.Typer(no_args_is_help=True)
app.add_typer(tokens, name="token", help="Tokens with which staff programs call the API.")
app.add_typer(
    operator_commands.dead_letters, name="dead-letters", help="Events that failed to the end."
)
app.add_typer(operator_commands.keys, name="keys", help="The keys that sign badges.")
app.add_typer(staff_commands.staff, name="staff", help="Who may sign in, and what they may do.")
app.command("outbox")(operator_commands.show_outbox)
app.add_typer(
    operator_commands.rebuild, name="rebuild", help="Make anew what follows from elsewhere."
)
app.add_typer(audit_commands.audit, name="audit", help="What staff did.")
app.command("erase")(operator_commands.erase)
app.command("import")(people_files.import_people)
app.command("export")(people_files.export_people)
app.command("simulate")(simulate.simulate)
app.command("demo")(simulate.demo)

console = Console(highlight=False, soft_wrap=True)
complaints = Console(stderr=True, highlight=False, soft_wrap=True)


@app.command()
def up() -> None:
    """Run everything on this machine until Ctrl-C."""
    settings = load(Settings)
    from deploy import onemachine  # takes a second to load: only this command pays for it

    try:
        onemachine.run(settings, _announce)
    except (onemachine.AlreadyRunning, onemachine.CannotStart) as error:
        raise _failure(str(error)) from None


@tokens.command("create")
def create_token(
    role: Annotated[Role, typer.Option(help="What the token may do.", case_sensitive=False)],
    name: Annotated[str, typer.Option(help="Who holds it; stands in the history.")] = "",
) -> None:
    """Make a token; it is the last line printed."""
    settings = load(Settings)
    holder = name or f"token:{role}"
    try:
        with operator(settings) as running:
            token = running.token(role, holder)
    except NotDone as reason:
        # Whoever can read the secret can make tokens; but nobody then knows of it.
        complaints.print(f"Not in the audit log: {reason}", markup=False)
        token = open_keyring(settings.secret_path).staff_token(role, holder)
    complaints.print(f"A token for {role}, valid for a year. Keep it secret:")
    typer.echo(token)


@tokens.command("revoke")
def revoke_token(
    token: Annotated[
        str, typer.Argument(metavar="TOKEN_OR_ID", help="The id is in the audit log: token.create.")
    ],
) -> None:
    """Let a token open nothing any more, in any service."""
    settings = load(Settings)
    try:
        token_id = UUID(token)
    except ValueError:
        token_id = _id_of(token, open_keyring(settings.secret_path))
    with operator(settings) as running:
        running.revoke_token(token_id)
    console.print(f"Token {token_id.hex} is revoked.")


def _id_of(token: str, keyring: Keyring) -> UUID:
    try:
        return UUID(keyring.read(Purpose.staff_token, token)["id"])
    except InvalidToken:
        raise NotDone(
            "This is neither a token of this deployment that is valid, nor an id."
        ) from None


@app.command("doctor")
def examine() -> None:
    """Look at what Forum Pass needs, and say what is wrong and what to do."""
    table = Table(box=None, show_header=False)
    findings = doctor.examine(load(Settings))
    for finding in findings:
        mark = "[green]ok[/]" if finding.good else "[red]no[/]"
        table.add_row(mark, finding.about, finding.says)
    console.print(table)
    if not all(finding.good for finding in findings):
        raise typer.Exit(1)


def main() -> None:
    try:
        app()
    except (WrongSetting, ShortSecret) as error:
        complaints.print(str(error), markup=False)
        sys.exit(2)
    except NotDone as error:
        complaints.print(str(error), markup=False)
        sys.exit(1)


def _announce(given: Platform, has_mailbox: bool) -> None:
    from deploy.announcement import addresses, announce

    origin = given.settings.public_origin
    mail = ("Mailbox", f"{origin}/mailbox/")
    if not has_mailbox:
        mail = ("Mail goes to", (given.settings.smtp_url or "").rpartition("@")[2])
    lines = addresses(given.keyring, origin, mail)
    if given.clock.rehearsal:
        now = given.clock.now().astimezone(given.forum.timezone)
        lines.append(("Rehearsal", f"the forum's clock says {now:%A %d %B %Y, %H:%M}"))
    announce(console, lines)


def _failure(sentence: str) -> typer.Exit:
    complaints.print(sentence, markup=False)
    return typer.Exit(1)

"""`forumpass staff`: the accounts of staff, by way of the running system."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from deploy.operators import NotDone, Operator, operator
from shared.access import ACCOUNT_ROLES, Role, open_keyring
from shared.settings import Settings, load

console = Console(highlight=False, soft_wrap=True)
complaints = Console(stderr=True, highlight=False, soft_wrap=True)
staff = typer.Typer(no_args_is_help=True)
Email = Annotated[str, typer.Argument(help="The address of the account.")]


def _account_role(given: str) -> Role:
    if given.lower() not in ACCOUNT_ROLES:
        raise typer.BadParameter(f"an account can be {', '.join(ACCOUNT_ROLES)}")
    return Role(given.lower())


Roles = Annotated[
    list[Role],
    typer.Option(
        "--role",
        parser=_account_role,
        metavar="|".join(ACCOUNT_ROLES),
        help="What it may do; can be repeated. Security officers have a paired device.",
    ),
]


@staff.command("add")
def add(
    email: Email,
    role: Roles,
    name: Annotated[str, typer.Option(help="The holder's name; else what precedes the @.")] = "",
    language: Annotated[
        str, typer.Option(help="Of pages and mails: ar, zh, en, fr, ru, es.")
    ] = "en",
) -> None:
    """Make an account. Its holder is mailed a link; another one is the last line printed."""
    # The service's code takes a second to load: only this command pays for it.
    from services.registration.staff import INVITED_LIFETIME, account_link

    settings = load(Settings)
    with operator(settings) as one:
        account = one.add_account(email, name or email.partition("@")[0], role, language)
    link = account_link(
        open_keyring(settings.secret_path),
        settings.public_origin,
        UUID(account["id"]),
        INVITED_LIFETIME,
    )
    complaints.print(f"{account['email']} is {', '.join(account['roles'])}. Signs in once:")
    typer.echo(link)


@staff.command("list")
def list_accounts() -> None:
    """All accounts, ended ones last."""
    table = Table("address", "name", "roles", "ended", box=None)
    with operator(load(Settings)) as one:
        for account in one.accounts():
            roles = ", ".join(account["roles"])
            table.add_row(account["email"], account["name"], roles, account["ended_at"] or "")
    console.print(table)


@staff.command("change")
def change(email: Email, role: Roles) -> None:
    """Give an account these roles instead of those that it has; it holds at once."""
    with operator(load(Settings)) as one:
        one.change_account(_id_of(one, email), {"roles": role})
    console.print(f"{email} is {', '.join(role)}.", markup=False)


@staff.command("end")
def end(email: Email) -> None:
    """End an account: its holder is signed out everywhere, and signs in no more."""
    with operator(load(Settings)) as one:
        one.end_account(_id_of(one, email))
    console.print(f"{email} has ended.", markup=False)


def _id_of(one: Operator, email: str) -> str:
    for account in one.accounts():
        if account["email"].lower() == email.lower():
            return str(account["id"])
    raise NotDone(f"There is no account {email}.")

"""What the links in our mails open: the confirmation of the address, and the own page."""

from __future__ import annotations

import html
import re
from base64 import b64decode
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urljoin, urlsplit
from uuid import UUID

import httpx
import pytest

from deploy.private_servers import PostgreSQL
from services.registration import tables
from services.registration.showing import RegistrationOut
from shared import countries
from shared.forum import LANGUAGES, Language
from tests.registration import (
    API,
    NOBODY,
    Page,
    Registering,
    admitted,
    picture,
    running,
    sent_photo,
)


@pytest.fixture(scope="module")
async def registering(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Registering]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


@pytest.fixture
async def browser(registering: Registering) -> AsyncIterator[httpx.AsyncClient]:
    async with registering.browser() as browser:
        yield browser


# --- the mail's link -----------------------------------------------------------------------------


async def test_the_link_in_the_mail_confirms_by_its_button_only(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    registration_id = await registering.submitted()
    [fact] = await registering.said(UUID(registration_id))
    before = await registering.stored()
    page = Page(await browser.get(fact.confirm_link))
    assert page.says("Yes, this is my address")
    assert await registering.stored() == before
    assert await registering.status(registration_id) == "submitted"
    form = {name: values[0] for name, values in page.fields.items()}
    answer = await browser.post(page.actions[0], data=form)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/registration/me?token=")
    assert Page(await browser.get(answer.headers["Location"])).says("Confirmed")
    again = await browser.post(page.actions[0], data=form)
    assert again.status_code == 303


@pytest.mark.parametrize(
    "query", ["", "?id=", "?id=7&token=x", "?token=x", f"?id={NOBODY[:20]}", "?id=%00&token=%00"]
)
async def test_half_a_link_is_explained(registering: Registering, query: str) -> None:
    async with registering.browser("fr") as browser:
        answer = await browser.get(f"/registration/confirm{query}")
        assert answer.status_code == 403
        page = Page(answer)
        assert page.language == "fr"
        assert page.title.startswith("Ce lien n’est pas valable")
        sent = {name: values[0] for name, values in parse_qs(query[1:]).items()}
        assert (await browser.post("/registration/confirm", data=sent)).status_code == 403


async def test_a_wrong_link_is_explained(registering: Registering) -> None:
    registration_id = await registering.submitted()
    async with registering.browser("fr") as browser:
        answer = await browser.post(
            "/registration/confirm", data={"id": registration_id, "token": "wrong"}
        )
    assert answer.status_code == 403
    assert Page(answer).title.startswith("Ce lien n’est pas valable")
    assert await registering.status(registration_id) == "submitted"


async def test_who_has_cancelled_is_led_to_the_own_page_that_says_so(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    registration_id = await registering.submitted()
    sent = {"id": registration_id, "token": await registering.token(registration_id)}
    await registering.act(registration_id, "cancel")
    answer = await browser.post("/registration/confirm", data=sent)
    assert answer.status_code == 303
    assert Page(await browser.get(answer.headers["Location"])).says("Cancelled")


async def test_the_pages_that_a_mail_leads_to_speak_the_persons_own_language(
    registering: Registering,
) -> None:
    registration_id = await registering.submitted(language="ar")
    [fact] = await registering.said(UUID(registration_id))
    stranger = fact.confirm_link.replace("token=", "token=x")
    own = registering.me(registration_id)
    async with registering.browser("fr") as browser:
        assert Page(await browser.get(fact.confirm_link)).language == "ar"
        assert Page(await browser.get(own)).language == "ar"
        assert Page(await browser.get(stranger)).language == "fr"
        # What somebody has chosen on this device goes before it.
        assert Page(await browser.get(f"{own}&lang=ru")).language == "ru"
        assert Page(await browser.get(fact.confirm_link)).language == "ru"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_own_page_is_in_six_languages(
    registering: Registering, language: Language
) -> None:
    registration_id = await registering.confirmed_address(
        given_name="冲之", family_name="祖", title="博士", country="KP", language=language
    )
    async with registering.browser(language) as browser:
        answer = await browser.get(registering.me(registration_id))
    page = Page(answer)
    assert page.language == language
    assert page.says(countries.name("KP", language), "祖冲之博士")
    for isolated in ("祖冲之博士", "grace@example.org"):
        assert f"<bdi>{isolated}</bdi>" in answer.text


# --- the own page --------------------------------------------------------------------------------


async def test_the_own_page_shows_the_registration_and_the_badge(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    registration_id = await registering.confirmed_address(title="Dr", days=["2017-06-13"])
    answer = await browser.get(registering.me(registration_id))
    assert answer.headers["Cache-Control"] == "no-store"
    page = Page(answer)
    reference = (await registering.show(registration_id))["reference"]
    assert page.says("Confirmed", "Dr Grace Hopper", "United States", "Civil society", reference)
    assert page.says("Tue 13 Jun", "grace@example.org")
    token = parse_qs(urlsplit(str(answer.url)).query)["token"][0]
    assert f"/badging/me.pdf?token={token}" in page.links
    assert f'src="/badging/me.png?token={token}"' in answer.text


async def test_the_own_page_says_where_and_when_one_comes_in(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    registration_id = await registering.confirmed_address()
    page = Page(await browser.get(registering.me(registration_id)))
    assert page.says("Show this code at the entrance", "ITU Headquarters", "07:30–20:00")
    # The way into the room of the high-level track is none into the venue.
    assert page.says("Montbrillant · Tower · Varembé")
    assert not page.says("Popov")
    assert page.says("Montbrillant entrance, 2 rue de Varembé", "Fri 9 Jun (14:00–17:00)")
    assert page.says("Mon 12 Jun · Tue 13 Jun (07:30–17:30)")
    await registering.act(registration_id, "cancel")
    assert not Page(await browser.get(registering.me(registration_id))).says("07:30–20:00")


async def test_who_is_declined_reads_why_and_can_register_again(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    registration_id = await registering.confirmed_address(category="media")
    me = registering.me(registration_id)
    assert not Page(await browser.get(me)).says("Register again")
    await registering.act(registration_id, "decline", reason="No press card")
    page = Page(await browser.get(me))
    assert page.says("Declined", "Reason No press card", "Register again")


@pytest.mark.parametrize(
    ("category", "state"), [("media", "In review"), ("government", "Confirmed")]
)
async def test_the_own_page_says_how_it_stands(
    registering: Registering, browser: httpx.AsyncClient, category: str, state: str
) -> None:
    registration_id = await registering.submitted(category=category)
    me = registering.me(registration_id)
    assert Page(await browser.get(me)).says("Waiting for your confirmation")
    token = await registering.token(registration_id)
    await registering.act(registration_id, "confirm-email", token=token)
    page = Page(await browser.get(me))
    assert page.says(state)
    assert any("/badging/" in link for link in page.links) == (state == "Confirmed")


@pytest.mark.parametrize(("act", "state"), [("cancel", "cancelled"), ("erase", "erased")])
async def test_what_cannot_be_undone_is_asked_for_once_more(
    registering: Registering, browser: httpx.AsyncClient, act: str, state: str
) -> None:
    registration_id = await registering.confirmed_address()
    me = registering.me(registration_id)
    address = me.replace("/me?", f"/me/{act}?")
    assert address in Page(await browser.get(me)).links
    asked = Page(await browser.get(address))
    assert asked.says("This cannot be undone")
    assert me in asked.links
    assert await registering.status(registration_id) == "confirmed"
    [action] = asked.actions
    answer = await browser.post(action)
    assert (answer.status_code, answer.headers["Location"]) == (303, me)
    page = Page(await browser.get(me))
    assert page.says(state.capitalize())
    assert address not in page.links
    assert await registering.status(registration_id) == state
    for again in (await browser.get(address), await browser.post(action)):
        assert (again.status_code, again.headers["Location"]) == (303, f"{me}&done=overtaken")
    page = Page(await browser.get(f"{me}&done=overtaken"))
    assert page.says("changed in the meantime", state.capitalize())


async def test_another_site_cannot_cancel(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    registration_id = await registering.confirmed_address()
    cancel = registering.me(registration_id).replace("/me?", "/me/cancel?")
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert (await browser.post(cancel, headers=headers)).status_code == 403
    assert await registering.status(registration_id) == "confirmed"


async def test_the_badge_can_be_put_into_a_calendar(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    me = registering.me(await registering.confirmed_address())
    assert me.replace("/registration/me?", "/badging/me.ics?") in Page(await browser.get(me)).links


# --- corrections ---------------------------------------------------------------------------------


async def test_the_page_of_corrections_shows_what_we_know_and_saves_what_is_changed(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    known = {"title": "Dr", "gender": "female", "tracks": ["forum"], "sdgs": [4, 5]}
    registration_id = await registering.confirmed_address(
        days=["2017-06-13"], visa_letter=True, photo=sent_photo(picture()), **known
    )
    me = registering.me(registration_id)
    address = me.replace("/me?", "/me/correct?")
    assert address in Page(await browser.get(me)).links
    page = Page(await browser.get(address))
    shown = {name: values for name, values in page.fields.items() if name != "photo"}
    assert shown == {
        "given_name": ["Grace"],
        "family_name": ["Hopper"],
        "title": ["Dr"],
        "country": ["US"],
        "language": ["en"],
        "category": ["civil_society"],
        "organization": ["Eckert–Mauchly Computer Corporation"],
        "position": ["Programmer"],
        "days": ["2017-06-13"],
        "tracks": ["forum"],
        "sdgs": ["4", "5"],
        "accessibility_needs": [""],
        "visa_letter": ["yes"],
        "gender": ["female"],
    }
    # Saved as it is shown, it changes nothing.
    before = await registering.show(registration_id)
    assert (await browser.post(page.actions[0], data=shown)).status_code == 303
    assert await registering.show(registration_id) == before

    changed = shown | {"family_name": ["Murray"], "days": [], "tracks": [], "gender": [""]}
    del changed["visa_letter"]
    answer = await browser.post(page.actions[0], data=changed)
    assert answer.headers["Location"] == f"{me}&done=corrected"
    assert Page(await browser.get(answer.headers["Location"])).says("Your corrections are saved.")
    after = await registering.show(registration_id)
    changed_names = {name for name in after if after[name] != before[name]}
    assert changed_names - {"possible_duplicates"} == {
        "version",
        "family_name",
        "days",
        "tracks",
        "gender",
        "visa_letter",
    }
    facts = [fact.type for fact in await registering.said(UUID(registration_id))]
    assert facts[2:] == ["registration.amended.v1", "registration.contact_changed.v1"]


async def test_a_wrong_correction_is_explained_and_changes_nothing(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    registration_id = await registering.confirmed_address()
    address = registering.me(registration_id).replace("/me?", "/me/correct?")
    shown = Page(await browser.get(address))
    before = await registering.show(registration_id)
    sent = {name: values for name, values in shown.fields.items() if name != "photo"}
    answer = await browser.post(address, data=sent | {"given_name": ["7"], "country": ["XX"]})
    assert answer.status_code == 422
    page = Page(answer)
    assert set(page.errors) == {"given_name", "country"}
    assert page.fields["given_name"] == ["7"]
    assert await registering.show(registration_id) == before


async def test_the_photo_is_shown_replaced_and_removed(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    registration_id = await registering.confirmed_address(photo=sent_photo(picture()))
    me = registering.me(registration_id)
    photo, address = me.replace("/me?", "/me/photo.jpg?"), me.replace("/me?", "/me/correct?")
    first = await browser.get(photo)
    assert first.headers["Content-Type"] == "image/jpeg"
    assert f'src="{photo}"' in (await browser.get(me)).text
    fields = Page(await browser.get(address)).fields
    sent = {name: values for name, values in fields.items() if name != "photo"}
    new = {"photo": ("me.png", picture(color="navy"), "image/png")}
    assert (await browser.post(address, data=sent, files=new)).status_code == 303
    assert (await browser.get(photo)).content != first.content
    assert (await browser.post(address, data=sent)).status_code == 303
    assert (await browser.get(photo)).status_code == 200
    assert (await browser.post(address, data=sent | {"remove_photo": "yes"})).status_code == 303
    assert (await browser.get(photo)).status_code == 404
    assert photo not in (await browser.get(me)).text


async def test_who_has_cancelled_corrects_nothing(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    registration_id = await registering.confirmed_address()
    me = registering.me(registration_id)
    address = me.replace("/me?", "/me/correct?")
    typed = Page(await browser.get(address)).fields | {"given_name": ["Ada"], "photo": []}
    await registering.act(registration_id, "cancel")
    assert address not in Page(await browser.get(me)).links
    for answer in (await browser.get(address), await browser.post(address, data=typed)):
        assert (answer.status_code, answer.headers["Location"]) == (303, f"{me}&done=overtaken")
    assert (await registering.show(registration_id))["given_name"] == "Grace"


async def test_another_language_keeps_what_was_corrected_so_far(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    registration_id = await registering.confirmed_address()
    address = registering.me(registration_id).replace("/me?", "/me/correct?")
    shown = await browser.get(address)
    before = await registering.show(registration_id)
    [spanish] = re.findall(r'formaction="([^"]*lang=es)"', shown.text)
    typed = Page(shown).fields | {"given_name": ["Ada"], "photo": [], "read_in": ["es"]}
    there = urljoin(str(shown.url), html.unescape(spanish))
    page = Page(await browser.post(there, data=typed))
    assert (page.language, page.fields["given_name"]) == ("es", ["Ada"])
    assert await registering.show(registration_id) == before
    saved = await browser.post(page.actions[0], data=page.fields | {"photo": []})
    assert saved.status_code == 303
    assert (await registering.show(registration_id))["given_name"] == "Ada"


async def test_the_own_page_shows_all_that_was_said(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    registration_id = await registering.confirmed_address(
        tracks=["forum"],
        action_lines=["C5"],
        sdgs=[4],
        accessibility_needs="A ramp",
        visa_letter=True,
        gender="female",
    )
    page = Page(await browser.get(registering.me(registration_id)))
    assert page.says("Programmer", "Forum Track", "C5. ", "4. ", "A ramp", "requested", "Female")


# --- the data ------------------------------------------------------------------------------------


async def test_the_person_gets_all_that_we_hold(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    registration_id = await registering.confirmed_address(
        photo=sent_photo(picture()), accessibility_needs="A ramp", given_name="Grâce"
    )
    await registering.amend(registration_id, organization="US Navy")
    await registering.hear(admitted(registration_id, datetime(2017, 6, 12, 8, 30, tzinfo=UTC)))
    answer = await browser.get(registering.me(registration_id).replace("/me?", "/me/data.json?"))
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    data = answer.json()
    shown = await registering.show(registration_id)
    assert data["registration"] == shown | {"possible_duplicates": None}
    assert [(act["step"], act["by"], act["reason"]) for act in data["history"]] == [
        ("submit", "registrant", None),
        ("confirm_email", "registrant", None),
        ("amend", "Ada", "organization"),
    ]
    assert data["entries"] == ["2017-06-12T08:30:00Z"]
    assert data["name_for_comparison"] == "grace hopper"
    assert b64decode(data["photo"]).startswith(b"\xff\xd8")
    assert [told["event"] for told in data["told"]][:2] == [
        "forum.registration.submitted.v1",
        "forum.registration.confirmed.v1",
    ]
    # What opens the registration is no part of the data: they are shown around.
    assert "token=" not in answer.text
    by_program = await registering.http.get(
        f"{API}/{registration_id}/personal-data", headers=registering.registrant(registration_id)
    )
    assert by_program.json() == data
    other = registering.registrant(await registering.submitted())
    refused = await registering.http.get(f"{API}/{registration_id}/personal-data", headers=other)
    assert refused.status_code == 403


async def test_no_column_about_the_person_is_left_out(registering: Registering) -> None:
    """A new column must be handed out too, or be named here with the reason why not."""
    handed_out = set(RegistrationOut.model_fields) | {
        "consent_at",
        "queued_at",  # as waiting_since
        "link_number",  # as own_link_number
        "name_key",  # as name_for_comparison
        "state_since",  # as in_this_state_since
        "search_text",  # as words_for_search
        "delegation_id",  # by its name
        "place_held",
        "assigned_to",  # a reviewer: who decides is no datum of the person
    }
    assert {column.name for column in tables.registrations.columns} <= handed_out


# --- wrong links ---------------------------------------------------------------------------------


async def test_a_wrong_own_link_opens_nothing(registering: Registering) -> None:
    registration_id = await registering.confirmed_address()
    token = registering.keyring.registrant_token(UUID(registration_id))
    async with registering.browser("fr") as browser:
        for address in ("me", "me?token=", "me?token=wrong", f"me?token={token[:-5]}"):
            for method, path in (
                ("GET", ""),
                ("GET", "/correct"),
                ("GET", "/data.json"),
                ("POST", "/correct"),
                ("POST", "/cancel"),
                ("POST", "/erase"),
                ("POST", "/revoke"),
            ):
                url = f"/registration/{address.replace('me', f'me{path}', 1)}"
                answer = await browser.request(method, url)
                assert answer.status_code == 403, url
                assert Page(answer).title.startswith("Ce lien n’est pas valable")
        bearer = {"Authorization": f"Bearer {token}"}
        assert (await browser.get("/registration/me", headers=bearer)).status_code == 403
        gone = registering.keyring.registrant_token(UUID(NOBODY))
        assert (await browser.get(f"/registration/me?token={gone}")).status_code == 404

"""What a certificate says, in its holder's language. Pure, no I/O."""

from __future__ import annotations

from babel.dates import format_date

from services.badging.certificate_face import CertificateFace
from services.badging.certificates import Certificate, page
from services.badging.holders import Holder
from services.badging.words import days_in_words, days_of, gettext_in
from shared import countries, i18n
from shared.dates import period
from shared.forum import Forum
from shared.names import full_name


def certificate_face_of(
    forum: Forum, certificate: Certificate, holder: Holder, origin: str, *, rehearsal: bool
) -> CertificateFace:
    """A certificate's face: number and days are its own, the rest the person's of today.

    Args:
        origin: the public URL, where the certificate can be checked.
    """
    language = holder.language
    _ = gettext_in(language)
    name = forum.short_name.in_language(language)
    city = forum.venue.city.in_language(language)
    issued_on = format_date(
        forum.day_of(certificate.issued_at), "long", locale=i18n.locale(language)
    )
    return CertificateFace(
        forum_name=forum.name.in_language(language),
        forum_dates=f"{city} · {period(forum.days, language)}",
        title=_("Certificate of participation"),
        before_the_name=_("This is to certify that"),
        name=full_name(holder.title or "", holder.given_name, holder.family_name),
        organization=holder.organization,
        country=countries.name(holder.country, language),
        after_the_name=_("took part in the %(forum)s") % {"forum": name},
        days=days_in_words(days_of(forum, certificate.days), language),
        place_and_date=_("%(city)s, %(date)s") % {"city": city, "date": issued_on},
        issuer=_("The secretariat of the %(forum)s") % {"forum": name},
        organizers=" · ".join(forum.organizers.in_language(language)),
        number=_("No. %(number)s") % {"number": certificate.number},
        how_to_check=_("To check that it is genuine:"),
        address=f"{origin}{page(certificate.number)}",
        language=language,
        right_to_left=i18n.direction(language) == "rtl",
        rehearsal=_("Rehearsal: this certifies nothing") if rehearsal else "",
    )

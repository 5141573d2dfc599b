"""The gettext catalogues, brought up to date with the texts of code and templates: `make words`.

Babel finds the texts and merges them: what is new stands empty in each catalogue, what is gone is
removed, nothing is guessed (`tests/unit/test_catalogues.py` fails until the empty ones are filled).
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po, write_po

from shared.forum import Language
from shared.i18n import OFFERED

ROOT: Final = Path(__file__).parents[1]
SHARED: Final = ROOT / "shared"
SERVICES: Final = sorted(file.parent for file in ROOT.glob("services/*/__init__.py"))
TRANSLATED: Final = tuple(language for language in OFFERED if language != "en")
"""The texts themselves are English."""

METHODS: Final = [("**.py", "python"), ("**/templates/**", "jinja2.ext:babel_extract")]
# As the environments of shared/pages.py and services/notifications/texts.py: another setting would
# find other texts than those that are looked up. A template that cannot be read is an error.
OPTIONS: Final = {
    "**/templates/**": {
        "newstyle_gettext": "true",
        "trim_blocks": "true",
        "lstrip_blocks": "true",
        "silent": "false",
    }
}
OTHERS_CODE: Final = frozenset({"node_modules", "dist"})
WIDTH: Final = 98


def texts_of(folder: Path) -> Catalog:
    """The texts to be translated: what the folder's code and templates give to gettext."""
    found = Catalog()
    for _, _, text, _, context in extract_from_dir(
        folder, METHODS, OPTIONS, directory_filter=lambda path: Path(path).name not in OTHERS_CODE
    ):
        found.add(text, context=context)
    return found


def path_of(folder: Path, language: Language) -> Path:
    return folder / "locale" / language / "LC_MESSAGES" / "messages.po"


def catalogue_of(folder: Path, language: Language) -> Catalog:
    """A folder's catalogue in a language; empty when there is none."""
    path = path_of(folder, language)
    if not path.exists():
        return Catalog(locale=language, header_comment=f"# Texts of {folder.name}.")
    with path.open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def write(catalogue: Catalog, path: Path, language: Language) -> None:
    """The catalogue with a header of what readers need, and no dates that change with each run."""
    out = BytesIO()
    write_po(out, catalogue, WIDTH, no_location=True, omit_header=True, ignore_obsolete=True)
    comment = catalogue.header_comment
    fields = {
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": get_plural(language).plural_forms,
    }
    header = "".join(f'"{name}: {value}\\n"\n' for name, value in fields.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'{comment}\nmsgid ""\nmsgstr ""\n{header}\n{out.getvalue().decode().strip()}\n',
        encoding="utf-8",
    )


def main() -> None:
    for folder in (SHARED, *SERVICES):
        texts = texts_of(folder)
        if len(texts) == 0:
            continue
        # What all services share is translated once.
        for language in TRANSLATED:
            shared = catalogue_of(SHARED, language) if folder != SHARED else Catalog()
            catalogue = catalogue_of(folder, language)
            catalogue.update(_without(texts, shared), no_fuzzy_matching=True)
            write(catalogue, path_of(folder, language), language)


def _without(texts: Catalog, known: Catalog) -> Catalog:
    rest = Catalog()
    for text in texts:
        if text.id and known.get(text.id, text.context) is None:
            rest.add(text.id, context=text.context, flags=text.flags)
    return rest


if __name__ == "__main__":
    main()

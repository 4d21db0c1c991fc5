"""The pictures in the documentation show the screens as they are."""

import re
from pathlib import Path

from PIL import Image

from tests.tui.screenshots.freshness import FOLDER, ROOT, STAMP, sources_digest

PAGES = (ROOT / "README.md", ROOT / "docs" / "tui.md")


def test_the_pictures_are_as_new_as_the_screens() -> None:
    assert STAMP.read_text().strip() == sources_digest(), "run `make screenshots`"


def test_every_picture_is_there_in_both_forms() -> None:
    for picture in FOLDER.glob("*.svg"):
        with Image.open(picture.with_suffix(".png")) as image:
            assert image.width > 500


def test_pages_show_pictures_that_there_are() -> None:
    for page in PAGES:
        shown = re.findall(r"\]\(((?:\.\./)?screenshots/[^)]+)\)", page.read_text())
        assert shown
        for name in shown:
            assert (page.parent / Path(name)).is_file()

"""The scrollbar's thumb: whatever looks the same by our account, Textual draws the same."""

from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.scrollbar import ScrollBarRender

from vmedia_bench.tui.model.rows import Column, Row
from vmedia_bench.tui.widgets.table import RowTable
from vmedia_bench.tui.widgets.thumb import thumb


def drawn(size: int, virtual: int, window: int, position: float) -> list[tuple[str, bool]]:
    """The cells of a bar: glyph, and whether it is reversed."""
    segments = ScrollBarRender.render_bar(size, virtual, window, position).segments
    return [(text, bool(style and style.reverse)) for text, style, _ in segments]


@given(
    size=st.integers(1, 60),
    window=st.integers(1, 60),
    virtual=st.integers(61, 100_100),
    more=st.integers(0, 300),
    place=st.floats(0, 1),
    moved=st.floats(-0.01, 0.01),
)
def test_a_thumb_of_the_same_place_is_drawn_the_same(
    size: int, window: int, virtual: int, more: int, place: float, moved: float
) -> None:
    one = (size, virtual, window, place * (virtual - window))
    place = min(max(place + moved, 0), 1)
    other = (size, virtual + more, window, place * (virtual + more - window))
    if thumb(*one) == thumb(*other):
        assert drawn(*one) == drawn(*other)


def test_without_a_thumb() -> None:
    assert thumb(10, 5, 10, 0) == thumb(10, 10, 10, 0) == thumb(0, 100, 10, 0) == (0, 0)


class Tabled(App[None]):
    """A table, 200 rows long."""

    def compose(self) -> ComposeResult:
        yield RowTable([Column("what", flex=True)], id="table")


async def test_the_bar_goes_where_the_rows_go() -> None:
    app = Tabled()
    async with app.run_test(size=(40, 11)) as pilot:
        table = app.query_one(RowTable)
        table.set_rows([Row(key, (str(key),)) for key in range(200)])
        table.focus()
        await pilot.pause()
        bar = table.vertical_scrollbar
        assert (bar.window_virtual_size, bar.position) == (201, 0)
        await pilot.press("end")
        assert bar.position == 201 - 11
        table.set_rows([Row(key, (str(key),)) for key in range(500)])
        assert (bar.window_virtual_size, bar.position) == (501, 201 - 11)
        await pilot.press("home")
        assert bar.position == 0

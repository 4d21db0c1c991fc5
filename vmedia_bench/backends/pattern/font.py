"""The bitmap font of the burned-in caption: 5x7 glyphs, drawn for this project."""

from typing import Final

GLYPH_WIDTH: Final = 5
GLYPH_HEIGHT: Final = 7
CELL_WIDTH: Final = 6
CELL_HEIGHT: Final = 10
"""A glyph sits in its cell at (GLYPH_LEFT, GLYPH_TOP); even sizes, as 4:2:0 needs them."""
GLYPH_LEFT: Final = 0
GLYPH_TOP: Final = 1

GLYPHS: Final[dict[str, tuple[str, ...]]] = {
    " ": ("     ",) * 7,
    "0": (" ### ", "#   #", "#  ##", "# # #", "##  #", "#   #", " ### "),
    "1": ("  #  ", " ##  ", "  #  ", "  #  ", "  #  ", "  #  ", " ### "),
    "2": (" ### ", "#   #", "    #", "  ## ", " #   ", "#    ", "#####"),
    "3": (" ### ", "#   #", "    #", "  ## ", "    #", "#   #", " ### "),
    "4": ("   # ", "  ## ", " # # ", "#  # ", "#####", "   # ", "   # "),
    "5": ("#####", "#    ", "#### ", "    #", "    #", "#   #", " ### "),
    "6": ("  ## ", " #   ", "#    ", "#### ", "#   #", "#   #", " ### "),
    "7": ("#####", "    #", "   # ", "  #  ", " #   ", " #   ", " #   "),
    "8": (" ### ", "#   #", "#   #", " ### ", "#   #", "#   #", " ### "),
    "9": (" ### ", "#   #", "#   #", " ####", "    #", "   # ", " ##  "),
    ".": ("     ", "     ", "     ", "     ", "     ", " ##  ", " ##  "),
}
"""Each glyph as seven lines from the top, `#` where it is lit."""

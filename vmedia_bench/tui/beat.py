"""The beat of the screen: all that changes on it is asked for together, ten times a second."""

import asyncio
from typing import Final

PERIOD_S: Final = 0.1
BEATS: Final = 5
"""In a half second: rates and ages change on the first of them."""
_SHORTEST_S: Final = 0.02


async def next_beat() -> int:
    """
    Sleep until the next tenth of a second of the loop's clock, the same one for everybody.

    What is asked for at once interrupts the device once, and is drawn once. Who took so long that
    the next beat is near waits for the one after. Gives which of the half second's BEATS it is.
    """
    now = asyncio.get_running_loop().time()
    beat = int(now / PERIOD_S) + 1
    if beat * PERIOD_S - now < _SHORTEST_S:
        beat += 1
    await asyncio.sleep(beat * PERIOD_S - now)
    return beat % BEATS

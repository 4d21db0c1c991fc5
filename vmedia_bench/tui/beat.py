"""The beat of the screen: all that changes on it is asked for together, ten times a second."""

import asyncio
from typing import Final

PERIOD_S: Final = 0.1
_SHORTEST_S: Final = 0.02


async def next_beat() -> None:
    """
    Sleep until the next tenth of a second of the loop's clock, the same one for everybody.

    What is asked for at once interrupts the device once, and is drawn once. Who took so long that
    the next beat is near waits for the one after.
    """
    left = PERIOD_S - asyncio.get_running_loop().time() % PERIOD_S
    await asyncio.sleep(left if left >= _SHORTEST_S else left + PERIOD_S)

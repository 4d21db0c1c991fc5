"""Which pictures of a file are worth painting, lap after lap; no process, no clock."""

from __future__ import annotations

from collections.abc import Iterator

from vmedia_bench.backends.file.media import MediaError, Reader, Shot


class Player:
    """
    A file's pictures on one ever-growing time line.

    With `loop` the file begins again at its end, its times going on from there. `step_ns` is how
    far apart the frames to show are; pictures that nobody would see are left out (0: none are).
    """

    def __init__(self, reader: Reader, *, loop: bool) -> None:
        self.loop = loop
        self.step_ns = 0
        self._reader = reader
        self._shots: Iterator[Shot] = iter(())
        self._base_ns = 0
        self._end_ns = 0
        self._due_ns = 0
        self._seen = False
        self.seek(0)

    def seek(self, position_ns: int) -> None:
        """Go on from another place of the file; its end counts as its last picture."""
        duration = self._reader.info.duration_ns
        position = min(position_ns, max(0, duration - 1))
        self._shots = self._reader.play(position)
        self._base_ns = 0
        self._due_ns = self._end_ns = position
        self._seen = False

    def next(self) -> Shot | None:
        """Give the next picture worth painting; None at the end. Raises MediaError."""
        while True:
            shot = next(self._shots, None)
            if shot is None:
                if not self._again():
                    return None
                continue
            self._seen = True
            time_ns = self._base_ns + shot.time_ns
            self._end_ns = max(self._end_ns, time_ns + shot.duration_ns)
            if 2 * self.step_ns > 3 * shot.duration_ns and shot.duration_ns:
                if time_ns + shot.duration_ns // 2 < self._due_ns:
                    continue
                self._due_ns = max(self._due_ns + self.step_ns, time_ns)
            return shot._replace(time_ns=time_ns)

    def _again(self) -> bool:
        """Begin the next lap; False where there is none."""
        if not self.loop or not self._reader.info.duration_ns:
            return False
        if not self._seen:
            raise MediaError("the file holds nothing that can be shown from there on")
        self._base_ns = self._end_ns
        self._shots = self._reader.play(0)
        self._seen = False
        return True

"""Which armed rules are worth a look: what no rule is about costs a lookup."""

from collections.abc import Iterable

from vmedia_bench.faults.entry import Entry
from vmedia_bench.faults.rule import Do, On
from vmedia_bench.wire import media

Entries = tuple[Entry, ...]

_WITHOUT_ANSWER = frozenset((Do.ERRNO, Do.HEADER_ONLY, Do.CORRUPT))


class Index:
    """The armed rules by what they are about, each list in the order of the rules."""

    def __init__(self, armed: Iterable[Entry] = ()) -> None:
        places: dict[On, list[Entry]] = {on: [] for on in On}
        for entry in armed:
            places[entry.plan.rule.match.on].append(entry)
        self.frame: Entries = tuple(places[On.FRAME])
        self.shmem_map: Entries = tuple(places[On.SHMEM_MAP])
        self._index_commands(places[On.COMMAND])
        self._index_events(places[On.EVENT])
        self.any = any(entries for on, entries in places.items() if on is not On.NOW)

    def for_command(self, key: tuple[int, int]) -> Entries:
        """Rules that a command may match, by command and ioctl number."""
        command, ioctl = key
        if command == media.CMD_IOCTL:
            return self._by_ioctl.get(ioctl, self._any_ioctl)
        return self._by_command.get(command, self._any_command)

    def for_event(self, kind: int) -> Entries:
        """Rules that an event may match, by its kind."""
        return self._by_event.get(kind, self._any_event)

    def _index_commands(self, entries: list[Entry]) -> None:
        def about(command: int) -> Entries:
            found = (e for e in entries if e.plan.target.command in {None, command})
            if command != media.CMD_CLOSE:
                return tuple(found)
            return tuple(e for e in found if e.plan.rule.action.do not in _WITHOUT_ANSWER)

        ioctls = [e for e in about(media.CMD_IOCTL) if e.plan.target.ioctl is not None]
        self._any_command = tuple(e for e in entries if e.plan.target.command is None)
        self._by_command = {number: about(number) for number in media.COMMAND_NAMES}
        self._any_ioctl = tuple(e for e in about(media.CMD_IOCTL) if e.plan.target.ioctl is None)
        self._by_ioctl = {
            e.plan.target.ioctl.number: tuple(
                other for other in entries if other.plan.target.may_be(e.plan.target.ioctl.number)
            )
            for e in ioctls
            if e.plan.target.ioctl is not None
        }

    def _index_events(self, entries: list[Entry]) -> None:
        self._any_event = tuple(e for e in entries if e.plan.target.event is None)
        self._by_event = {
            kind: tuple(e for e in entries if e.plan.target.event in {None, kind})
            for kind in media.EVENT_NAMES
        }

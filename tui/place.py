"""Where the operator is: which screen, about which service, with the cursor where."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tui.screens.scene import PageName

SPARK_WINDOWS = (300.0, 900.0, 3600.0, 6 * 3600.0)
LIST_WINDOWS = (3600.0, 6 * 3600.0, 24 * 3600.0, 48 * 3600.0, 7 * 86400.0)


@dataclass(frozen=True, slots=True)
class Spot:
    """One screen as it was left. `cursor` is None until the operator moves it."""

    page: PageName
    service: str | None = None
    cursor: str | None = None
    top: int = 0
    filter: str = ""


@dataclass
class Place:
    """The spot, the way that led there, and the windows that [ and ] choose."""

    spot: Spot
    trail: list[Spot] = field(default_factory=list)
    _spark: int = 1
    _list: int = 3

    def go(self, page: PageName, service: str | None) -> None:
        """To another screen; esc leads back. Going where one is changes nothing."""
        if (self.spot.page, self.spot.service) != (page, service):
            self.trail = [*self.trail, self.spot][-20:]
            self.spot = Spot(page, service)

    def back(self) -> None:
        """A filter first, then the screen that was left, at last the first one."""
        if self.spot.filter:
            self.spot = replace(self.spot, filter="", top=0)
        elif self.trail:
            left, self.spot = self.spot, self.trail.pop()
            if left.page == "version" and self.spot.page == "service":
                # The version that was looked at last is the one that P and C are about.
                self.spot = replace(self.spot, cursor=left.cursor)
        elif self.spot.page in ("overview", "gpus"):
            self.spot = Spot(self.spot.page)
        else:
            self.spot = Spot("overview")

    def narrow(self, text: str) -> None:
        self.spot = replace(self.spot, filter=text, top=0)

    def put(self, cursor: str | None, top: int) -> None:
        self.spot = replace(self.spot, cursor=cursor, top=top)

    @property
    def window(self) -> float:
        return LIST_WINDOWS[self._list] if self._lists else SPARK_WINDOWS[self._spark]

    def widen(self, by: int) -> None:
        if self._lists:
            self._list = max(0, min(self._list + by, len(LIST_WINDOWS) - 1))
        else:
            self._spark = max(0, min(self._spark + by, len(SPARK_WINDOWS) - 1))

    @property
    def _lists(self) -> bool:
        return self.spot.page == "changes"

"""Which function draws which page; each is imported when it is first shown."""

from __future__ import annotations

from collections.abc import Mapping

from tui.screens.scene import PageName, Picture, Scene
from tui.seam import Answer, SourceKind

KINDS: Mapping[PageName, frozenset[SourceKind]] = {
    "overview": frozenset({"figures", "ways"}),
    "service": frozenset(
        {"figures", "ways", "versions", "traffic", "slots", "releases", "gate", "lineage", "card"}
    ),
    "version": frozenset({"versions", "gate", "lineage", "card"}),
}
"""What a page shows of the service that it is about, beside what is polled for the fleet."""


def draw_page(page: PageName, scene: Scene, answer: Answer | None) -> Picture:
    if page == "service":
        from tui.screens.service import service

        return service(scene)
    if page == "version":
        from tui.screens.version import version

        return version(scene)
    if page == "gpus":
        from tui.screens.gpus import gpus

        return gpus(scene)
    if page == "changes":
        from tui.screens.changes import changes

        return changes(scene)
    if page == "help":
        from tui.screens.help import help_page

        return help_page(scene)
    if page == "answer" and answer is not None:
        from tui.screens.answer import answer_page

        return answer_page(scene, answer)
    from tui.screens.overview import overview

    return overview(scene)

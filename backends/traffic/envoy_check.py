"""What `doctor` says about an Envoy router."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from backends.base import Health
from backends.traffic import envoy_routes as routes
from core.errors import BackendError
from core.text import clean

if TYPE_CHECKING:
    from backends.traffic.envoy import EnvoyRouter


async def examine(router: EnvoyRouter) -> list[Health]:
    """The route file, then the admin interface, then whether the two agree."""
    return [*await _file(router), *await _admin(router)]


async def _file(router: EnvoyRouter) -> list[Health]:
    path = router.file.path
    label = f"routes {clean(path)}"
    started = time.monotonic()
    try:
        now = await router.file.read("read the routes")
    except BackendError as error:
        return [Health(label, False, error.message, hint=error.hint)]
    lines = [Health(label, True, clean(now.split), time.monotonic() - started)]
    folder = path.parent
    may = os.access(folder, os.W_OK | os.X_OK) and not path.is_symlink()
    detail = "yes" if may else f"no: {clean(folder)} takes no new file"
    if path.is_symlink():
        detail = "no: it is a symbolic link, which whoever made it will make again"
    hint = None if may else "a new file is written beside the old one, then renamed"
    lines.append(Health(f"{label}: may write", may, detail, hint=hint))
    if b"#" in now.text and not now.text.lstrip().startswith(b"{"):
        lines.append(Health(f"{label}: comments", None, "a write does not keep them"))
    forced = routes.forced(now.config, router.clusters)
    if forced:
        said = f"{forced} routes send to one slot by a header, whatever the split says"
        lines.append(Health(f"{label}: forced variants", True, said))
    return lines


async def _admin(router: EnvoyRouter) -> list[Health]:
    label = router.admin.http.backend
    started = time.monotonic()
    try:
        version = await router.admin.version()
        lines = [Health(label, True, f"Envoy {version}", time.monotonic() - started)]
    except BackendError as error:
        return [Health(label, False, error.message, time.monotonic() - started, error.hint)]
    return lines + await _clusters(router) + await _agreement(router)


async def _clusters(router: EnvoyRouter) -> list[Health]:
    named = router.clusters
    wanted = [*named.live.values(), *named.fallback.values(), *named.shadow.values()]
    try:
        loaded = await router.admin.loaded(
            router.route_config, router.stat_prefix, wanted, timeout=router.timeout
        )
    except BackendError as error:
        return [Health("Envoy: clusters", False, error.message, hint=error.hint)]
    if loaded.unknown:
        said = f"unknown to Envoy: {clean(', '.join(loaded.unknown))}"
        return [Health("Envoy: clusters", False, said)]
    lines = [Health("Envoy: clusters", True, f"{len(wanted)} known")]
    dotted = sorted(name for name in named.live.values() if "." in name)
    if dotted:
        said = f"none for {clean(', '.join(dotted))}: Envoy cuts a cluster's name at its first dot"
        hint = "name the clusters without dots"
        lines.append(Health("Envoy: metrics", False, said, hint=hint))
    return lines


async def _agreement(router: EnvoyRouter) -> list[Health]:
    label = "Envoy: uses the routes of the file"
    try:
        split = (await router.file.read("read the routes")).split
        active = await router.active()
        overrides = await router.overrides()
    except BackendError as error:
        return [Health(label, False, error.message, hint=error.hint)]
    if active is None:
        name = clean(router.route_config)
        lines = [Health(label, False, f"no listener uses the route configuration {name}")]
    elif active != split:
        lines = [Health(label, False, f"no: it sends {clean(active)}", hint="see Envoy's log")]
    else:
        lines = [Health(label, True, "yes")]
    for key, value in overrides.items():
        said = f"{clean(key)} = {value}, whatever the file says"
        hint = "clear it: POST /runtime_modify with an empty value on Envoy's admin"
        lines.append(Health("Envoy: runtime override", False, said, hint=hint))
    return lines

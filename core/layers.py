"""From figures and thresholds to the state of each layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.config import LAYERS, Layer, Threshold
from core.figures import Figure
from core.status import LayerState, State, judge, worst
from core.units import show_value
from core.versions import version_name


def judge_layers(
    figures: Iterable[Figure], thresholds: Mapping[str, Threshold]
) -> dict[Layer, LayerState]:
    """Each layer by its worst figure: of the whole service, and of each version with traffic.

    A layer without a threshold is unknown, and so is one whose figures cannot be told.
    """
    told: dict[Layer, list[LayerState]] = {layer: [] for layer in LAYERS}
    untold: dict[Layer, str] = {}
    for figure in figures:
        threshold = thresholds.get(figure.concept)
        if threshold is None:
            continue
        title = (
            figure.title
            if figure.version is None
            else f"{version_name(figure.version)} {figure.title}"
        )
        if figure.value is None:
            if figure.version is None:
                untold.setdefault(threshold.layer, f"{title}: {figure.why}")
            continue
        state = judge(figure.value, threshold)
        because = f"{title} {show_value(figure.value, figure.unit)}"
        if state is not State.OK:
            beyond = threshold.critical if state is State.CRITICAL else threshold.warning
            sign = "<" if threshold.below else ">"
            because += f" {sign} {show_value(beyond, figure.unit)}"
        told[threshold.layer].append(LayerState(state, because))
    layers: dict[Layer, LayerState] = {}
    for layer in LAYERS:
        if told[layer]:
            layers[layer] = worst(told[layer])
        else:
            why = untold.get(layer, "nothing measures this layer yet")
            layers[layer] = LayerState(State.UNKNOWN, why)
    return layers

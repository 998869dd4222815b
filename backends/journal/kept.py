"""What the journal keeps of texts that came from outside: everything but secrets.

Refs and values are kept as they are, since `recover` sets them; so are the holders of leases,
which are compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from core.plan import Finding, Plan
from core.redaction import redact, redacted
from core.refs import Ref, Value


def kept(plan: Plan) -> Plan:
    return replace(
        plan,
        title=redact(plan.title),
        findings=tuple(Finding.from_json(redacted(item.to_json())) for item in plan.findings),
        evidence=redacted(plan.evidence),
    )


def kept_readings(
    readings: Mapping[Ref, tuple[Value, str]],
) -> dict[Ref, tuple[Value, str]]:
    return {ref: (value, redact(who)) for ref, (value, who) in readings.items()}


def kept_verdicts(verdicts: Mapping[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    return {layer: (state, redact(because)) for layer, (state, because) in verdicts.items()}

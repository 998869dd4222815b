"""The quality gate: what a version must show before it may go to Production.

`limits` is what the config asks for, `evidence` what was found, `judge` compares the two, and
`report` is the answer.
"""

from core.gate.report import Check, GateReport, Verdict

__all__ = ["Check", "GateReport", "Verdict"]

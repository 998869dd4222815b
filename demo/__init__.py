"""The embedded fleet: real models, a real registry, a real proxy and real load, to practise on.

`fleet.Fleet` runs it, `faults.switch` stages an incident in it, `services.SERVICES` lists what it
serves. Nothing in here is imported by a command that does not need the fleet.
"""

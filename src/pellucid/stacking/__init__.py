"""Stacking: several trainings of one recipe in one pass, where their nets allow it and where it pays.

groups = group(members, execution)               # who can learn together, and why the others cannot
measured = pays(group, execution)                # seconds of a step, stacked and one after another
trained = fit(group, execution, folder)          # each as if it had been alone
"""

from __future__ import annotations

from pellucid.stacking.carrying import Job, Together, carry_out
from pellucid.stacking.fitting import Trained, fit
from pellucid.stacking.groups import Group, Member, group
from pellucid.stacking.measuring import Measured, pays

__all__ = ["Group", "Job", "Measured", "Member", "Together", "Trained", "carry_out", "fit", "group", "pays"]

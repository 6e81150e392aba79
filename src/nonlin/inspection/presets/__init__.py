"""The rules by which other tools judge a network, on the quantities that they measure."""

from nonlin.inspection.presets.measuring import Measurements, WeightGradient
from nonlin.inspection.presets.rules import PRESETS, Preset, preset_findings, preset_of

__all__ = ["PRESETS", "Measurements", "Preset", "WeightGradient", "preset_findings", "preset_of"]

"""Models that are trained from data that ships with scikit-learn or is generated."""

from typing import Final

from models.presets.breast_cancer import BREAST_CANCER
from models.presets.diabetes import DIABETES
from models.presets.digits import DIGITS
from models.presets.iris import IRIS
from models.presets.preset import Data, Preset
from models.presets.students import STUDENTS

PRESETS: Final = {
    preset.name: preset for preset in (IRIS, BREAST_CANCER, DIGITS, DIABETES, STUDENTS)
}
"""Every preset by name, in the order in which they are trained."""

__all__ = ["PRESETS", "Data", "Preset"]

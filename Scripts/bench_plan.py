"""How a stream is laid out, as `wtserial plan --json` tells."""

import json
import math
from dataclasses import dataclass

PLANE_PASSES = "significance", "refinement"


@dataclass(frozen=True)
class Plan:
    """The parts of a stream in their order. A unit is one tensor's part of one pass."""

    total_bytes: int
    milestones: list[dict]  # name, bytes (from the start), seconds, snr_db
    units: list[dict]  # tensor, plane (0 is the most significant), pass, bytes, gain

    @classmethod
    def parse(cls, text):
        fields = json.loads(text)
        return cls(fields["total_bytes"], fields["milestones"], fields["units"])

    def belongs_to(self, unit, plane_count):
        return unit["pass"] in PLANE_PASSES and unit["plane"] < plane_count

    def plane_bytes(self, plane_count):
        """What the first planes of all tensors take, wherever in the stream they are."""
        units = (unit for unit in self.units if self.belongs_to(unit, plane_count))
        return round(sum(unit["bytes"] for unit in units))

    def bytes_until(self, plane_count):
        """Where the first planes are there and no later one; None where no place is like that."""
        ours = [i for i, unit in enumerate(self.units) if self.belongs_to(unit, plane_count)]
        if not ours:
            return None
        before, after = self.units[: ours[-1]], self.units[ours[-1] + 1 :]
        later = [unit for unit in before if unit["pass"] in PLANE_PASSES]
        if len(later) + 1 != len(ours):
            return None
        # From the end, for what comes before the first unit is in the total only.
        return math.ceil(self.total_bytes - sum(unit["bytes"] for unit in after))

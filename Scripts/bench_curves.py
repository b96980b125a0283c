"""Quality against bytes received, and how many bytes it takes to have a share of it for good."""

import math

THRESHOLDS = 0.90, 0.95, 0.99
RESOLUTION = 0.015
# The grid begins here, as a share of all bytes: less is of use to nobody.
FIRST_SHARE = 1 / 300


def grid(total_bytes, count):
    """Byte counts in equal ratios, ascending; the last is `total_bytes`."""
    ratio = FIRST_SHARE ** (1 / (count - 1))
    return sorted({max(1, round(total_bytes * ratio**i)) for i in range(count)})


def settled(points, wanted):
    """The last byte count of less than the wanted quality, and the first after which none is.

    `points` maps byte counts to qualities. 0 and None stand for what there is not.
    """
    below = max((count for count, quality in points.items() if quality < wanted), default=0)
    return below, min((count for count in points if count > below), default=None)


class Curve:
    """What bytes are worth. `points` maps byte counts to qualities by measure.

    A curve that is not progressive has a file of its own at each point.
    """

    def __init__(self, name, points, is_progressive=True):
        self.name = name
        self.is_progressive = is_progressive
        self.points = dict(sorted(points.items()))

    def values(self, measure):
        return {count: qualities[measure] for count, qualities in self.points.items()}

    def bytes_until(self, measure, wanted):
        """Where the quality reaches what is wanted and never again falls below; None: nowhere."""
        return settled(self.values(measure), wanted)[1]


def wanted_qualities(final):
    """Pairs of a measure and a quality to reach, for each threshold."""
    return [
        (measure, share * quality) for measure, quality in final.items() for share in THRESHOLDS
    ]


def trace(name, total_bytes, qualities_at, final, point_count):
    """The curve on a grid, with more points where a threshold is crossed for the last time."""
    points = {count: qualities_at(count) for count in grid(total_bytes, point_count)}
    for measure, wanted in wanted_qualities(final):
        while True:
            curve = {count: qualities[measure] for count, qualities in points.items()}
            below, good = settled(curve, wanted)
            if not below or not good or good - below <= max(1, RESOLUTION * below):
                break
            between = math.isqrt(below * good)
            # Neighbours have no byte count between them.
            between = min(max(between, below + 1), good - 1)
            points[between] = qualities_at(between)
    return Curve(name, points)

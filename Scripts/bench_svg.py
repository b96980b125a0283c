"""A chart of quality against bytes as SVG, with nothing but text."""

import math
from html import escape

WIDTH, HEIGHT = 900, 520
LEFT, RIGHT, TOP, BOTTOM = 64, 100, 110, 64
# Distinct for the colour-blind too (Okabe and Ito).
COLORS = "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"
LEGEND_STEP = 18
LEGEND_WIDTH = 230
LABEL_GAP = 11
LABEL_LENGTH = 24
BYTES_PER_SECOND = 11520  # 115200 baud, 8N1


def short(byte_count):
    """1500 → 1.5 KB"""
    for limit, unit in ((1e6, "MB"), (1e3, "KB")):
        if byte_count >= limit:
            return f"{byte_count / limit:g} {unit}"
    return f"{byte_count:g} B"


def duration(seconds):
    if seconds >= 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def ticks(first, last):
    """1, 2 and 5 times the powers of ten between the two."""
    powers = range(math.floor(math.log10(first)), math.ceil(math.log10(last)) + 1)
    values = [step * 10**power for power in powers for step in (1, 2, 5)]
    return [value for value in values if first <= value <= last]


class Scale:
    """Where in the picture a byte count and a quality lie."""

    def __init__(self, first, last):
        self.first, self.last = first, last

    def x(self, byte_count):
        share = math.log(byte_count / self.first) / math.log(self.last / self.first)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, quality):
        return TOP + (1 - min(max(quality, 0), 1)) * (HEIGHT - TOP - BOTTOM)


def text(x, y, words, **attributes):
    extra = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in attributes.items())
    return f'<text x="{x:.1f}" y="{y:.1f}"{extra}>{escape(words)}</text>'


def line(x1, y1, x2, y2, style):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>'


def axes(scale):
    bottom = HEIGHT - BOTTOM
    for value in ticks(scale.first, scale.last):
        x = scale.x(value)
        yield line(x, TOP, x, bottom, 'stroke="#e4e4e4"')
        yield text(x, bottom + 18, short(value), text_anchor="middle")
        seconds = duration(value / BYTES_PER_SECOND)
        yield text(x, bottom + 34, seconds, text_anchor="middle", fill="#777")
    for percent in range(0, 101, 20):
        y = scale.y(percent / 100)
        yield line(LEFT, y, WIDTH - RIGHT, y, 'stroke="#e4e4e4"')
        yield text(LEFT - 8, y + 4, f"{percent} %", text_anchor="end")
    caption = "bytes received; below, the time they take at 115200 baud"
    yield text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, caption, text_anchor="middle")


def milestone_marks(scale, milestones):
    """Dashed lines; a label that would touch its neighbour is left out."""
    free_from = LEFT
    for milestone in sorted(milestones, key=lambda it: it["bytes"]):
        if not scale.first <= milestone["bytes"] <= scale.last:
            continue
        x = scale.x(milestone["bytes"])
        yield line(x, TOP, x, HEIGHT - BOTTOM, 'stroke="#999" stroke-dasharray="3 4"')
        if x >= free_from:
            turn = f"rotate(-35 {x:.1f} {TOP - 6})"
            name = milestone["name"][:LABEL_LENGTH]
            yield text(x, TOP - 6, name, transform=turn, fill="#555", font_size=11)
            free_from = x + LABEL_GAP


def drawn(scale, curve, measure, color):
    """A line, or dots where no point leads to the next."""
    places = [(scale.x(it), scale.y(quality)) for it, quality in curve.values(measure).items()]
    if curve.is_progressive:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        yield f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>'
    else:
        for x, y in places:
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>'


def legend(colored):
    height = LEGEND_STEP * len(colored) + 6
    place = f'x="{LEFT + 6}" y="{TOP + 4}" width="{LEGEND_WIDTH}" height="{height}"'
    yield f'<rect {place} fill="white" fill-opacity="0.85"/>'
    for i, (curve, color) in enumerate(colored):
        y = TOP + 18 + LEGEND_STEP * i
        yield line(LEFT + 12, y - 4, LEFT + 36, y - 4, f'stroke="{color}" stroke-width="3"')
        yield text(LEFT + 42, y, curve.name)


def chart(title, curves, measure, milestones):
    """An SVG file's text. The curves share their axes; milestones are those of the first."""
    colored = list(zip(curves, COLORS))
    counts = [count for curve in curves for count in curve.points]
    scale = Scale(min(counts), max(counts))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        text(LEFT, 22, title, font_size=16),
        *axes(scale),
        *milestone_marks(scale, milestones),
        *(part for curve, color in colored for part in drawn(scale, curve, measure, color)),
        *legend(colored),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"

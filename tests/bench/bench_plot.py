# SPDX-License-Identifier: BSD-2-Clause
"""Draws small line charts side by side as SVG, and needs nothing for it.

Colours follow the reader's: dark on light, or light on dark.
"""
import math
from collections import namedtuple

# TOP: a bound that is drawn as a dashed line, or None. FORM writes a value.
Panel = namedtuple("Panel", "title values top form")

COLUMNS = 3
WIDTH, HEIGHT = 250, 170  # of a panel, with its margins
LABEL = 40  # room for a value
LEFT, RIGHT, ABOVE, BELOW = 24, 24, 42, 28

STYLE = """
  text { font: 12px sans-serif; fill: #24292f; }
  .title { font-weight: bold; }
  .axis { stroke: #8c959f; }
  .bound { stroke: #cf222e; stroke-dasharray: 4 3; }
  .line { fill: none; stroke: #0969da; stroke-width: 2; }
  .dot { fill: #0969da; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .axis { stroke: #6e7681; }
    .bound { stroke: #ff7b72; }
    .line { stroke: #58a6ff; }
    .dot { fill: #58a6ff; }
  }
"""


def text(x, y, words, anchor="middle", cls=""):
    kind = f' class="{cls}"' if cls else ""
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}>'
            f"{words}</text>")


def rule(x1, y1, x2, y2, cls):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'class="{cls}"/>')


def heights(panel):
    """Where each value lies between 0 (the axis) and 1, and the bound.
    What grows by more than a hundred times is drawn by its logarithm."""
    values = [max(value, 1e-9) for value in panel.values]
    if max(values) / min(values) > 100:
        low, high = math.log(min(values) / 2), math.log(max(values))
        return [(math.log(v) - low) / (high - low) for v in values], None
    high = max(values + ([panel.top] if panel.top else []))
    return ([v / high for v in values], panel.top / high if panel.top else None)


def draw_panel(panel, labels, x0, y0):
    width = WIDTH - LEFT - RIGHT
    height = HEIGHT - ABOVE - BELOW
    bottom = y0 + ABOVE + height
    points, bound = heights(panel)
    xs = [x0 + LEFT + width * i / (len(labels) - 1) for i in range(len(labels))]
    ys = [bottom - height * point for point in points]
    out = [text(x0 + WIDTH / 2, y0 + 16, panel.title, cls="title"),
           rule(x0 + LEFT, bottom, x0 + WIDTH - RIGHT, bottom, "axis")]
    if bound is not None:
        out.append(rule(x0 + LEFT, bottom - height * bound,
                        x0 + WIDTH - RIGHT, bottom - height * bound, "bound"))
    out.append('<polyline class="line" points="' + " ".join(
        f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys)) + '"/>')
    for x, y, label, value in zip(xs, ys, labels, panel.values):
        out += [f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3"/>',
                text(x, y - 8, panel.form.format(value)),
                text(x, bottom + 17, label)]
    return out


def draw_curve(panel, xs, unit, x0, y0):
    """Of so many values that each is but a point of a line; the axis is 0.
    Written are the first value and the last."""
    width = WIDTH - LEFT - RIGHT
    height = HEIGHT - ABOVE - BELOW
    bottom = y0 + ABOVE + height
    points, _ = heights(panel)
    at = [(x0 + LEFT + width * x / xs[-1], bottom - height * point)
          for x, point in zip(xs, points)]
    out = [text(x0 + WIDTH / 2, y0 + 16, panel.title, cls="title"),
           rule(x0 + LEFT, bottom, x0 + WIDTH - RIGHT, bottom, "axis"),
           '<polyline class="line" points="' + " ".join(
               f"{x:.1f},{y:.1f}" for x, y in at) + '"/>']
    for x, anchor, value in ((x0 + LEFT, "start", panel.values[0]),
                             (x0 + WIDTH - RIGHT, "end", panel.values[-1])):
        top = min(ay for ax, ay in at if abs(ax - x) < LABEL)
        out.append(text(x, top - 8, panel.form.format(value), anchor))
    for part in range(4):
        out.append(text(x0 + LEFT + width * part / 3, bottom + 17,
                        f"{xs[-1] * part / 3:.0f}" +
                        (f" {unit}" if part == 3 else "")))
    return out


def draw(labels, panels):
    """PANELS over the same LABELS along the x axis; the whole SVG."""
    return draw_all(panels, lambda panel, x0, y0: draw_panel(panel, labels, x0,
                                                             y0))


def draw_curves(xs, unit, panels):
    """PANELS over the same XS, which are in UNIT and rise; the whole SVG."""
    return draw_all(panels, lambda panel, x0, y0: draw_curve(panel, xs, unit,
                                                             x0, y0))


def draw_all(panels, draw_one):
    rows = -(-len(panels) // COLUMNS)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" '
           f'viewBox="0 0 {COLUMNS * WIDTH} {rows * HEIGHT}" '
           f'width="{COLUMNS * WIDTH}" height="{rows * HEIGHT}" '
           'role="img">', f"<style>{STYLE}</style>"]
    for i, panel in enumerate(panels):
        out += draw_one(panel, i % COLUMNS * WIDTH, i // COLUMNS * HEIGHT)
    return "\n".join(out + ["</svg>", ""])

"""What was measured, as tables and plots of docs/performance.md.

Of each part the page has a block between `<!-- bench: PART -->` and `<!-- end -->`; the rest is written by people and
stays as it is.
"""

import datetime
import os
import pathlib
import platform
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/performance.md"
PLOTS = ROOT / "docs/performance"
# gnuplot's own default colours are hard to tell apart on a white page.
COLOURS = ("#4c72b0", "#dd8452", "#55a868", "#c44e52", "#8172b3")


def number(value):
    """Three digits that count, and no more."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = max(0, 2 - len(str(int(abs(value)))) + (1 if abs(value) >= 1 else 2))
    return f"{value:.{digits}f}"


def machine():
    model = platform.machine()
    with open("/proc/cpuinfo") as cpus:
        for line in cpus:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores of {model}, {memory_gib:.0f} GiB, Linux {platform.release().split('-')[0]}"


class Part:
    """Tables and plots of one part, in the order they were made."""

    def __init__(self, name, quick):
        self.name, self.quick = name, quick
        self.load = os.getloadavg()[0]
        self.blocks = []

    def table(self, unit, samples, notes=None):
        """`samples`: name → Sample. `notes`: name → text of a last column."""
        lines = [f"| | median, {unit} | middle half | p99 | n |" + (" |" if notes else ""),
                 "|---|--:|--:|--:|--:|" + ("---|" if notes else "")]  # fmt: skip
        for name, sample in samples.items():
            cells = [name, number(sample.median), f"{number(sample.low)} – {number(sample.high)}",
                     number(sample.quantile(0.99)), str(len(sample))]  # fmt: skip
            if notes:
                cells.append(notes.get(name, ""))
            lines.append("| " + " | ".join(cells) + " |")
        self.blocks.append("\n".join(lines))
        print("\n".join(lines), flush=True)

    def ratios(self, rows):
        """`rows`: (what, figure, "≤" or "≥" or "", target or None, unit)."""
        lines = ["| ratio | figure | target | |", "|---|--:|--:|---|"]
        for what, figure, relation, target, unit in rows:
            met = ""
            if target is not None:
                met = "met" if (figure <= target if relation == "≤" else figure >= target) else "**short**"
            wanted = f"{relation} {number(target)}{unit}" if target is not None else ""
            lines.append(f"| {what} | {number(figure)}{unit} | {wanted} | {met} |")
        self.blocks.append("\n".join(lines))
        print("\n".join(lines), flush=True)

    def text(self, text):
        self.blocks.append(text)
        print(text, flush=True)

    def bars(self, title, unit, values):
        """`values`: name → number."""
        data = "\n".join(f'"{name}" {value}' for name, value in values.items())
        left = max(len(name) for name in values)
        self._plot(title, 60 + 34 * len(values), f"""
            set style fill solid
            set yrange [-0.6:{len(values) - 0.4}] reverse
            set xrange [0:*]
            set xlabel "{unit}"
            set lmargin {left + 2}
            set grid xtics
            unset key
            $data << EOD\n{data}\nEOD
            plot $data using (0.5*$2):0:(0.5*$2):(0.35):yticlabels(1) with boxxyerror linecolor "{COLOURS[0]}"
        """)

    def lines(self, title, x, y, series, options=""):
        """`series`: name → list of (x, y)."""
        blocks, plots = [], []
        for index, (name, points) in enumerate(series.items()):
            rows = "\n".join(f"{a} {b}" for a, b in points)
            blocks.append(f"$s{index} << EOD\n{rows}\nEOD")
            plots.append(f'$s{index} with linespoints linewidth 2 pointtype 7 pointsize 0.5 linecolor "{COLOURS[index]}"'
                         f' title "{name}"')
        # gnuplot's data blocks end at the beginning of a line.
        self._plot(title, 320, f"""
            set xlabel "{x}"
            set ylabel "{y}"
            set grid
            set key top left
            {options}
            """ + "\n" + "\n".join(blocks) + "\nplot " + ", ".join(plots))

    def _plot(self, title, height, commands):
        name = f"{self.name}-{re.sub('[^a-z0-9]+', '-', title.lower()).strip('-')}.svg"
        if not self.quick:
            PLOTS.mkdir(exist_ok=True)
            script = "\n".join(line.strip() for line in commands.splitlines())
            subprocess.run(["gnuplot"], input=f"""set terminal svg size 760,{height} font "sans-serif,13" background "white"
set output "{PLOTS / name}"
set title "{title}" noenhanced
set termoption noenhanced
{script}
""", text=True, check=True)
        self.blocks.append(f"![{title}](performance/{name})")

    def write(self):
        """Into the page."""
        page = PAGE.read_text()
        when = datetime.date.today().isoformat()
        # Of a machine that had nothing else to do, it is well under 1.
        where = f"Measured {when} on {machine()}; its load average was {self.load:.1f} at the beginning."
        body = "\n\n".join([where, *self.blocks])
        pattern = re.compile(rf"(<!-- bench: {self.name} -->\n).*?(<!-- end -->)", re.S)
        if not pattern.search(page):
            raise SystemExit(f"{PAGE} has no block for {self.name}")
        PAGE.write_text(pattern.sub(lambda found: f"{found[1]}\n{body}\n\n{found[2]}", page))

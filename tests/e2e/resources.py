"""What a process holds, sampled over time, and whether that grows."""

import os

KIB = 1024
MIB = 1024 * KIB


def sample(pid):
    """Bytes, and counts, of one process; None when it is gone."""
    try:
        with open(f"/proc/{pid}/status") as lines:
            status = dict(line.split(":", 1) for line in lines)
        return {
            "rss_bytes": int(status["VmRSS"].split()[0]) * KIB,
            "peak_bytes": int(status["VmHWM"].split()[0]) * KIB,
            "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
            "threads": int(status["Threads"]),
        }
    except (FileNotFoundError, ProcessLookupError, KeyError):
        return None


def folder_bytes(path):
    """What its files take on the disk; a file that goes meanwhile counts nothing."""
    total = 0
    for entry in os.scandir(path):
        try:
            total += entry.stat().st_blocks * 512
        except FileNotFoundError:
            pass
    return total


def slope(points):
    """Least squares through (x, y): y per x."""
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


class Series:
    """Samples of one process. `at` is seconds since the start, `done` the requests accepted until then."""

    def __init__(self, name):
        self.name, self.rows = name, []

    def add(self, at, done, values):
        self.rows.append({"at": at, "done": done, **values})

    def after(self, warm_up_s):
        return [row for row in self.rows if row["at"] >= warm_up_s]

    def growth(self, field, warm_up_s):
        """By the fitted line, from the end of the warm-up to the end."""
        rows = self.after(warm_up_s)
        return slope([(row["at"], row[field]) for row in rows]) * (rows[-1]["at"] - rows[0]["at"])

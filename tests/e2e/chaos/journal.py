"""What happened, in order, for whoever has to find out why a run failed."""

import collections
import json
import threading
import time


class Journal:
    """Thread-safe. The transcript has one JSON object per line, with seconds since the start as "t"."""

    def __init__(self, folder):
        self.began = time.monotonic()
        self.violations = []
        self.counts = collections.defaultdict(collections.Counter)
        self.greatest = {}
        self._lock = threading.Lock()
        self._file = open(f"{folder}/transcript.jsonl", "w", buffering=1)

    def now(self):
        return time.monotonic() - self.began

    def note(self, kind, **fields):
        with self._lock:
            self._file.write(json.dumps({"t": round(self.now(), 3), "kind": kind, **fields}, default=str) + "\n")

    def say(self, text):
        self.note("say", text=text)
        print(f"{self.now():7.1f}  {text}", flush=True)

    def violation(self, rule, text):
        """A promise that was broken. The run goes on, so that one run shows all of them."""
        self.note("violation", rule=rule, text=text)
        with self._lock:
            self.violations.append(f"after {self.now():.1f} s: {rule}: {text}")
        print(f"{self.now():7.1f}  VIOLATION {rule}: {text}", flush=True)

    def check(self, rule, good, text=""):
        """Counts that `rule` was checked; a violation unless good. `text` may be a function that makes it."""
        self.count("checks", rule)
        if not good:
            self.violation(rule, text() if callable(text) else text)
        return good

    def count(self, group, name, number=1):
        with self._lock:
            self.counts[group][name] += number

    def measure(self, name, value):
        """Keeps the greatest."""
        with self._lock:
            self.greatest[name] = max(value, self.greatest.get(name, value))

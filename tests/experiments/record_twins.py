"""Trains ReLU with 200 seeds on the digits and writes the test scores from which `test_statistics.py` draws twins.

Run it once: `python tests/experiments/record_twins.py`. The learning rate is given and the budget is small, so that the
scores vary as those of a real short study do.
"""

import json
from pathlib import Path

import nonlin

ASKED = {"functions": "relu,tanh", "task": "digits", "seeds": 200, "budget": 100, "rates": [0.003]}


def main():
    study = nonlin.compare(**ASKED)
    found = {
        "asked": ASKED,
        "environment": {key: study.environment[key] for key in ("torch", "numpy", "scipy")},
        "test_score": [round(trial.test_score, 6) for trial in study.trials if trial.function == "relu"],
    }
    Path(__file__).with_name("recorded_trials.json").write_text(json.dumps(found) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

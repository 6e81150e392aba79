"""Settles the claims of the five articles and writes docs/claims.md: python examples/claims."""

import argparse
from pathlib import Path

import activation_functions
import breaking_linearity
import folding
import mathematics
import shown
import torch
import why_relu
from writing import written

DOCS = Path(__file__).parents[2] / "docs"
ARTICLES = (breaking_linearity, folding, activation_functions, why_relu, mathematics)


def main() -> None:
    """Run everything, article by article."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder for claims.md and its pictures")
    docs = parser.parse_args().docs
    torch.set_num_threads(1)
    settled = []
    for article in ARTICLES:
        settled.append((article.TITLE, article.claims()))
        for claim in settled[-1][1]:
            print(f"{claim.verdict:10}  {claim.said}", flush=True)
    (docs / "images" / "claims").mkdir(parents=True, exist_ok=True)
    shown.draw(docs / "images" / "claims")
    (docs / "claims.md").write_text(written(settled), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Rigorous evaluation: balls and intervals of python-flint's arb, expansions at infinity, charts of signs."""

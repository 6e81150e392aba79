"""Cells of the activation patterns of a piecewise linear network: certified, depth first, in flat memory."""

"""See, measure and choose the non-linearity in neural networks."""

__all__: list[str] = []

"""Recording of a PyTorch model in use. Importing this loads torch; nothing else of nonlin's inspection does."""

from nonlin.inspection.torch.recorder import record

__all__ = ["record"]

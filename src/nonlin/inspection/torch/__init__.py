"""Recording of a PyTorch model in use. Importing this loads torch; nothing else of nonlin's inspection does."""

from nonlin.inspection.torch.program import open_program
from nonlin.inspection.torch.recorder import record

__all__ = ["open_program", "record"]

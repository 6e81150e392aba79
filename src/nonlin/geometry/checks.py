"""What every exact question asks of a network first."""

from nonlin.errors import InvalidInputError, UnsupportedModelError
from nonlin.networks import Network
from nonlin.networks.activation import Activation

__all__ = ["check_piecewise_linear"]


def check_piecewise_linear(network: Network) -> None:
    """Refuse a network that has no folds.

    Raises:
        UnsupportedModelError: if it is not piecewise linear; the first node that is not is named.
        InvalidInputError: if it has several inputs.
    """
    bent = [n for n in network.nodes if n.operator.kind not in ("affine", "piecewise linear")]
    if bent:
        operator = bent[0].operator
        called = operator.function.label if isinstance(operator, Activation) else ""
        what = called or getattr(operator, "operator", operator.kind)
        raise UnsupportedModelError(
            f"expected a piecewise linear network, but node '{bent[0].name}' is not ({what}); "
            "folds exist only where every activation is made of straight pieces"
        )
    if len(network.inputs) != 1:
        raise InvalidInputError(
            f"expected a network with one input, got {len(network.inputs)}; fix the others first"
        )

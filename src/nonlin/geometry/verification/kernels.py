"""The inner loop of a batched relaxation: weights through the lines of a layer, in one pass over memory."""

from numba import njit

__all__ = ["through", "through_windows"]


# a sum in whatever order is covered by the bound on its rounding, so that it may be vectorised
@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"})
def through(weights, lines, shift, spread, sums):  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN001, ANN201
    """Take weights on a layer's outputs to weights on its pre-activations, in place; from above.

    Args:
        weights: shape (boxes, rows, units).
        lines: upper slope, upper shift, lower slope, lower shift, shape (4, boxes, units).
        shift: what the affine map adds, shape (units,).
        spread: what a unit of weight loses by rounding, shape (units,).
        sums: shape (3, boxes, rows): the constant part, the sum of absolute values in it, and the loss; added to.
    """
    boxes, rows, units = weights.shape
    for b in range(boxes):
        for r in range(rows):
            value, size, loss = 0.0, 0.0, 0.0
            for j in range(units):
                a = weights[b, r, j]
                positive = a > 0.0
                made = a * (lines[0, b, j] if positive else lines[2, b, j])
                constant = a * (lines[1, b, j] if positive else lines[3, b, j])
                added = made * shift[j]
                value += constant + added
                size += abs(constant) + abs(added)
                loss += abs(made) * spread[j]
                weights[b, r, j] = made
            sums[0, b, r] += value
            sums[1, b, r] += size
            sums[2, b, r] += loss


@njit(cache=True, nogil=True, error_model="numpy")
def through_windows(weights, upper, highest, lower, made, sums):  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN001, ANN201
    """Take weights on pooled outputs to weights on the pools' entries.

    Args:
        weights: shape (boxes, rows, windows).
        upper: the entry that surely is the largest, or −1, shape (boxes, windows).
        highest: an upper bound of the maximum, shape (boxes, windows).
        lower: an entry that bounds the maximum from below, shape (boxes, windows).
        made: shape (boxes, rows, units); added to.
        sums: as for `through`.
    """
    boxes, rows, windows = weights.shape
    for b in range(boxes):
        for r in range(rows):
            for w in range(windows):
                a = weights[b, r, w]
                if a > 0.0 and upper[b, w] < 0:
                    sums[0, b, r] += a * highest[b, w]
                    sums[1, b, r] += abs(a * highest[b, w])
                elif a > 0.0:
                    made[b, r, upper[b, w]] += a
                else:
                    made[b, r, lower[b, w]] += a

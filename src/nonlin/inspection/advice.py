"""One line of advice for each kind of finding: what to try, likeliest cause first. None of it has been tried here."""

__all__ = ["DIVERGED", "SURE", "advice"]

SURE = (
    "nothing, if the answers are right; in training take the loss from what goes in, not from what comes out"
)
"""Where the answer itself is saturated."""

DIVERGED = (
    "load weights from before the training diverged: no change to the network brings these back; then train on with a "
    "lower learning rate or a clipped gradient"
)
"""Where weights are NaN or infinite."""

_KNOWN_LEAKY = ("relu", "relu6", "relu2")

_ADVICE = {
    "dead": "lower the learning rate or warm it up, and scale the inputs; dead units do not come back by themselves",
    "saturated": "scale the inputs, lower the learning rate or the initial weights, or normalise before the call",
    "linear": "the biases or the input scale keep it on one side: centre the inputs, or leave it out",
    "collapse": "put an activation between them, or merge them into one layer",
    "vanishing": "initialise with the function's own gain, use one whose slope does not decay, or add residual paths",
    "exploding": "lower the initial weights or the learning rate, clip the gradient, or normalise between the layers",
    "nonfinite": "lower the learning rate, check the data's scale, and look at the first call that is named here",
    "uncentred": "a zero-centred function (tanh, ELU) or a normalisation behind it speeds up training",
    "dormant": "nothing at once; if their share grows in training, lower the learning rate or reset these units (ReDo)",
    "low-rank": "scale each input, lower the learning rate; look for equal rows in its layer's weights",
    "massive": "known from transformers; take care when quantising, and look at normalisation and outliers in the data",
}


def advice(kind: str, function: str) -> str:
    """Return the line for a kind of finding at a function."""
    line = _ADVICE[kind]
    if kind == "dead" and function in _KNOWN_LEAKY:
        line += "; a leaky ReLU cannot die"
    return line

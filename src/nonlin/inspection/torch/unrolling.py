"""One recurrent layer in one direction, step by step, with the gradient at each of its gates.

All pre-activations, gates and gradients of a layer stand in a few tensors over all time steps: the steps are what its
equations need and no more, and PyTorch's autograd sees one operation. The rows of a tensor are the time steps one
after the other, each with the sequences that go on until then, the longest first: a step works on the first rows of
the state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nonlin.inspection.torch.measurement import Squares

__all__ = ["GATES", "Unrolled", "unroll"]

GATES = {
    "lstm": {
        "input_gate": "sigmoid",
        "forget_gate": "sigmoid",
        "cell_gate": "tanh",
        "output_gate": "sigmoid",
        "cell_output": "tanh",
    },
    "gru": {"reset_gate": "sigmoid", "update_gate": "sigmoid", "new_gate": "tanh"},
    "tanh": {"tanh": "tanh"},
    "relu": {"relu": "relu"},
}
"""The gates of each kind of layer in the order of its weights, with their functions."""


_sigmoid_backward, _tanh_backward = (
    torch.ops.aten.sigmoid_backward.grad_input,
    torch.ops.aten.tanh_backward.grad_input,
)


@dataclass(slots=True, kw_only=True)
class Unrolled:
    """A layer to run, and what is seen of it.

    Args:
        kind: one of `GATES`.
        sizes: how many sequences each time step has.
        reverse: whether the last step comes first.
        squares: for each gate, where the backward pass puts the norm of its gradient.
        pres: after the run, the pre-activations of each gate, shape (rows, units).
        outputs: the gates themselves, the same shape.
    """

    kind: str
    sizes: Sequence[int]
    reverse: bool
    squares: Sequence[Squares]
    pres: Sequence[Tensor] = ()
    outputs: Sequence[Tensor] = ()

    def steps(self, *tensors: Tensor, backwards: bool = False) -> list[tuple[Tensor, ...]]:
        """Return the parts of tensors at each time step, in the order of the run, or against it."""
        parts = list(zip(*(tensor.split(list(self.sizes)) for tensor in tensors), strict=True))
        return parts[::-1] if self.reverse != backwards else parts

    def before(self, after: Tensor, initial: Tensor) -> list[Tensor]:
        """Return the state before each step, against the order of the run, from that after each."""
        found, state = [], initial
        for (now,) in self.steps(after):
            more = initial[len(state) : len(now)]
            state = torch.cat([state, more]) if len(more) else state[: len(now)]
            found.append(state)
            state = now
        return found[::-1]

    def joined(self, states: list[Tensor]) -> Tensor:
        """Return what `before` returns as rows."""
        return torch.cat(states if self.reverse else states[::-1])

    def note(self, squares: Tensor) -> None:
        """Note the norms of the gradients at the gates, from sums of squares that stand side by side."""
        for norms, total in zip(self.squares, squares.sum(0).chunk(len(self.squares)), strict=True):
            norms.append(total.sum().sqrt())


def unroll(
    run: Unrolled, projected: Tensor, weights: Sequence[Tensor | None], states: Sequence[Tensor]
) -> Any:
    """Run a layer.

    Args:
        run: what to run; it gets the gates.
        projected: the inputs times their weights, with all biases that are not inside a gate, shape
            (rows, gates · units); the pre-activations take its memory.
        weights: of the state; the bias in a GRU's; an LSTM's projection.
        states: before the first step, shape (sequences, units) each.

    Returns:
        The outputs, shape (rows, units), and the states after the last step of each sequence. They can be
        differentiated once: where a model differentiates them itself, no gradient goes on through what it gets.
    """
    kind = torch.promote_types(projected.dtype, states[0].dtype)
    tensors = [None if tensor is None else tensor.to(kind) for tensor in (*weights, *states)]
    return _KINDS[run.kind].apply(run, projected.to(kind), *tensors)


class _Plain(torch.autograd.Function):  # type: ignore[misc]  # torch is not followed, so its type is Any
    @staticmethod
    def forward(
        ctx: Any, run: Unrolled, x: Tensor, weight: Tensor, _bias: None, _projection: None, initial: Tensor
    ) -> Any:
        state, output = initial.clone(), torch.empty_like(x)
        function = torch.tanh if run.kind == "tanh" else torch.relu
        for u, y in run.steps(x, output):
            u.addmm_(state[: len(u)], weight.t())
            y.copy_(function(u))
            state[: len(u)] = y
        run.pres, run.outputs = (x,), (output,)
        ctx.run, ctx.states, ctx.inner = run, (weight, initial), _is_inner(weight)
        return output.clone(), state

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Tensor, final: Tensor) -> Any:
        run, (weight, initial), (output,) = ctx.run, ctx.states, ctx.run.outputs
        at_state, at_pre, squares = final.clone(), torch.empty_like(output), torch.zeros_like(final)
        for given, y, d_pre in run.steps(gradient, output, at_pre, backwards=True):
            carried = at_state[: len(given)]
            carried += given
            squares[: len(given)].addcmul_(carried, carried)
            if run.kind == "tanh":
                _tanh_backward(carried, y, grad_input=d_pre)
            else:
                torch.mul(carried, y > 0, out=d_pre)
            torch.mm(d_pre, weight, out=carried)
        run.note(squares)
        at_weight = at_pre.t() @ run.joined(run.before(output, initial)) if ctx.inner else None
        return None, at_pre, at_weight, None, None, at_state


class _Gru(torch.autograd.Function):  # type: ignore[misc]  # as above
    @staticmethod
    def forward(
        ctx: Any,
        run: Unrolled,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        _projection: None,
        initial: Tensor,
    ) -> Any:
        units, state = initial.shape[1], initial.clone()
        gates, hidden, output = torch.empty_like(x), *(x.new_empty(len(x), units) for _ in range(2))
        for u, y, h, out in run.steps(x, gates, hidden, output):
            carried = state[: len(u)]
            given = torch.nn.functional.linear(carried, weight, bias)
            h.copy_(given[:, 2 * units :])
            (u_rz, u_n), (y_rz, n) = (tensor.split([2 * units, units], -1) for tensor in (u, y))
            u_rz += given[:, : 2 * units]
            torch.sigmoid(u_rz, out=y_rz)
            u_n.addcmul_(y_rz[:, :units], h)
            torch.tanh(u_n, out=n)
            torch.addcmul(n, y_rz[:, units:], carried - n, out=out)
            carried.copy_(out)
        run.pres, run.outputs = x.chunk(3, -1), gates.chunk(3, -1)
        ctx.run, ctx.states, ctx.inner = run, (weight, initial), _is_inner(weight) or _is_inner(bias)
        ctx.made = hidden, output
        return output.clone(), state

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Tensor, final: Tensor) -> Any:
        run, (weight, initial), (hidden, output) = ctx.run, ctx.states, ctx.made
        r, z, n = run.outputs
        units, before, at_state = output.shape[1], run.before(output, initial), final.clone()
        at_pre, at_hidden = (output.new_empty(len(output), 3 * units) for _ in range(2))
        at_gates, squares = (output.new_zeros(len(final), 3 * units) for _ in range(2))
        pieces = run.steps(gradient, hidden, r, z, n, at_pre, at_hidden, backwards=True)
        for b, (given, h, rt, zt, nt, pre, d_h) in zip(before, pieces, strict=True):
            carried, gate = at_state[: len(given)], at_gates[: len(given)]
            carried += given
            (d_r, d_z, d_n), (u_r, u_z, u_n) = gate.chunk(3, -1), pre.chunk(3, -1)
            torch.mul(carried, b - nt, out=d_z)
            torch.mul(carried, 1 - zt, out=d_n)
            _tanh_backward(d_n, nt, grad_input=u_n)
            torch.mul(u_n, h, out=d_r)
            _sigmoid_backward(d_r, rt, grad_input=u_r)
            _sigmoid_backward(d_z, zt, grad_input=u_z)
            squares[: len(given)].addcmul_(gate, gate)
            d_h.copy_(pre)
            d_h[:, 2 * units :] *= rt
            carried *= zt
            carried.addmm_(d_h, weight)
        run.note(squares)
        inner = (at_hidden.t() @ run.joined(before), at_hidden.sum(0)) if ctx.inner else (None, None)
        return None, at_pre, inner[0], inner[1], None, at_state


class _Lstm(torch.autograd.Function):  # type: ignore[misc]  # as above
    @staticmethod
    def forward(  # noqa: PLR0913, PLR0917 - the operands of an operator
        ctx: Any,
        run: Unrolled,
        x: Tensor,
        weight: Tensor,
        _bias: None,
        projection: Tensor | None,
        initial: Tensor,
        initial_cell: Tensor,
    ) -> Any:
        units, state, cell = initial_cell.shape[1], initial.clone(), initial_cell.clone()
        gates, cells, bounded, hidden = torch.empty_like(x), *(x.new_empty(len(x), units) for _ in range(3))
        output = hidden if projection is None else x.new_empty(len(x), len(projection))
        for u, y, c, b, h, out in run.steps(x, gates, cells, bounded, hidden, output):
            carried, memory = state[: len(u)], cell[: len(u)]
            u.addmm_(carried, weight.t())
            torch.sigmoid(u, out=y)
            i, f, g, o = y.chunk(4, -1)
            torch.tanh(u[:, 2 * units : 3 * units], out=g)
            torch.mul(memory, f, out=c)
            c.addcmul_(i, g)
            memory.copy_(c)
            torch.tanh(c, out=b)
            torch.mul(o, b, out=h)
            if projection is not None:
                torch.mm(h, projection.t(), out=out)
            carried.copy_(out)
        run.pres, run.outputs = (*x.chunk(4, -1), cells), (*gates.chunk(4, -1), bounded)
        ctx.run, ctx.states = run, (weight, projection, initial, initial_cell)
        ctx.inner = _is_inner(weight) or _is_inner(projection)
        # what is returned must not be kept as it is: it would keep itself alive, and the model may overwrite it
        ctx.made = cells, gates, hidden if ctx.inner else None, output.clone() if ctx.inner else None
        return output, state, cell

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Tensor, final: Tensor, final_cell: Tensor) -> Any:
        run, (weight, projection, initial, initial_cell) = ctx.run, ctx.states
        (cells, gates, hidden, output), (i, f, g, o, bounded) = ctx.made, run.outputs
        both = slice(2 * cells.shape[1])  # the input and the forget gate, whose slopes are taken together
        before, at_pre = run.before(cells, initial_cell), torch.empty_like(gates)
        at_state, at_cell, at_outputs = final.clone(), final_cell.clone(), []
        at_gates, squares = (cells.new_zeros(len(final), 5 * cells.shape[1]) for _ in range(2))
        pieces = run.steps(gradient, gates[:, both], i, f, g, o, bounded, at_pre, backwards=True)
        for ct, (given, y_if, it, ft, gt, ot, bt, pre) in zip(before, pieces, strict=True):
            carried, memory, gate = (state[: len(given)] for state in (at_state, at_cell, at_gates))
            carried += given
            d_h = carried if projection is None else carried @ projection
            if ctx.inner:
                at_outputs.append(carried.clone())
            d_i, d_f, d_g, d_o, d_b = gate.chunk(5, -1)
            u_g, u_o = pre.chunk(4, -1)[2:]
            torch.mul(d_h, bt, out=d_o)
            torch.mul(d_h, ot, out=d_b)
            memory += _tanh_backward(d_b, bt, grad_input=u_o)
            torch.mul(memory, gt, out=d_i)
            torch.mul(memory, ct, out=d_f)
            torch.mul(memory, it, out=d_g)
            _sigmoid_backward(gate[:, both], y_if, grad_input=pre[:, both])
            _tanh_backward(d_g, gt, grad_input=u_g)
            _sigmoid_backward(d_o, ot, grad_input=u_o)
            squares[: len(given)].addcmul_(gate, gate)
            memory *= ft
            torch.mm(pre, weight, out=carried)
        run.note(squares)
        at_weight = at_projection = None
        if ctx.inner:
            at_weight = at_pre.t() @ run.joined(run.before(output, initial))
            at_projection = None if projection is None else run.joined(at_outputs).t() @ hidden
        return None, at_pre, at_weight, None, at_projection, at_state, at_cell


def _is_inner(weight: Tensor | None) -> bool:
    """Return whether a weight was computed, perhaps from the inputs, so that the gradient goes on through it."""
    return weight is not None and weight.requires_grad and not weight.is_leaf


_KINDS: dict[str, Any] = {"lstm": _Lstm, "gru": _Gru, "tanh": _Plain, "relu": _Plain}

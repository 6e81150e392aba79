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

from nonlin.functions import function

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


_TANH = function("tanh")
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
        """Return the rows of tensors at each time step, in the order of the run, or against it."""
        parts = list(zip(*(tensor.split(list(self.sizes), dim=-2) for tensor in tensors), strict=True))
        return parts[::-1] if self.reverse != backwards else parts

    def alive(self, *states: Tensor, backwards: bool = False) -> list[tuple[Tensor, ...]]:
        """Return the first rows of states, of the sequences that each time step has, ordered as `steps`."""
        rows = {size: tuple(state[..., :size, :] for state in states) for size in set(self.sizes)}
        parts = [rows[size] for size in self.sizes]
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
        """Note the norms of the gradients at the gates, from sums of squares, shape (gates, sequences, units)."""
        for norms, total in zip(self.squares, squares.sum((1, 2)), strict=True):
            norms.append(total.sqrt())


def unroll(
    run: Unrolled, projected: Tensor, weights: Sequence[Tensor | None], states: Sequence[Tensor]
) -> Any:
    """Run a layer.

    Args:
        run: what to run; it gets the gates.
        projected: the inputs times their weights, with all biases that are not inside a gate, shape
            (gates, rows, units); the pre-activations take its memory.
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
        state, output = initial.clone(), torch.empty_like(x[0])
        for (u, y), (carried,) in zip(run.steps(x[0], output), run.alive(state), strict=True):
            u.addmm_(carried, weight.t())
            if run.kind == "tanh":
                _tanh(u, y)
            else:
                y.copy_(torch.relu(u))
            carried.copy_(y)
        run.pres, run.outputs = x, (output,)
        ctx.run, ctx.states, ctx.inner = run, (weight, initial), _is_inner(weight)
        return output.clone(), state

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Tensor, final: Tensor) -> Any:
        run, (weight, initial), (output,) = ctx.run, ctx.states, ctx.run.outputs
        at_state, at_pre, squares = final.clone(), torch.empty_like(output), torch.zeros_like(final)
        pieces = run.steps(gradient, output, at_pre, backwards=True)
        states = run.alive(at_state, squares, backwards=True)
        for (given, y, d_pre), (carried, square) in zip(pieces, states, strict=True):
            carried.add_(given)
            square.addcmul_(carried, carried)
            if run.kind == "tanh":
                _tanh_backward(carried, y, grad_input=d_pre)
            else:
                torch.mul(carried, y > 0, out=d_pre)
            torch.mm(d_pre, weight, out=carried)
        run.note(squares.unsqueeze(0))
        at_weight = at_pre.t() @ run.joined(run.before(output, initial)) if ctx.inner else None
        return None, at_pre.unsqueeze(0), at_weight, None, None, at_state


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
        state, gates = initial.clone(), torch.empty_like(x)
        hidden, output = torch.empty_like(x[0]), torch.empty_like(x[0])
        pieces = run.steps(x[:2], x[2], gates[:2], gates[2], hidden, output)
        for (u_rz, u_n, y_rz, n, h, out), (carried,) in zip(pieces, run.alive(state), strict=True):
            given = _by_gate(torch.nn.functional.linear(carried, weight, bias), 3)
            h.copy_(given[2])
            u_rz.add_(given[:2])
            r, z = torch.sigmoid(u_rz, out=y_rz)
            u_n.addcmul_(r, h)
            _tanh(u_n, n)
            torch.addcmul(n, z, carried - n, out=out)
            carried.copy_(out)
        run.pres, run.outputs = x, gates
        ctx.run, ctx.states, ctx.inner = run, (weight, initial), _is_inner(weight) or _is_inner(bias)
        ctx.made = hidden, output
        return output.clone(), state

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Tensor, final: Tensor) -> Any:
        run, (weight, initial), (hidden, output) = ctx.run, ctx.states, ctx.made
        before, at_state = run.before(output, initial), final.clone()
        at_pre, at_hidden = (output.new_empty(len(output), 3 * output.shape[1]) for _ in range(2))
        at_gates, squares = (final.new_zeros(3, *final.shape) for _ in range(2))
        pieces = run.steps(gradient, hidden, run.outputs, at_pre, at_hidden, backwards=True)
        states = run.alive(at_state, at_gates, squares, backwards=True)
        for b, (given, h, y, pre, d_h), (carried, gate, square) in zip(before, pieces, states, strict=True):
            carried.add_(given)
            (r, z, n), (d_r, d_z, d_n), (u_r, u_z, u_n) = y, gate, _by_gate(pre, 3)
            torch.mul(carried, b - n, out=d_z)
            torch.mul(carried, 1 - z, out=d_n)
            _tanh_backward(d_n, n, grad_input=u_n)
            torch.mul(u_n, h, out=d_r)
            _sigmoid_backward(d_r, r, grad_input=u_r)
            _sigmoid_backward(d_z, z, grad_input=u_z)
            square.addcmul_(gate, gate)
            d_h.copy_(pre)
            _by_gate(d_h, 3)[2] *= r
            carried.mul_(z)
            carried.addmm_(d_h, weight)
        run.note(squares)
        inner = (at_hidden.t() @ run.joined(before), at_hidden.sum(0)) if ctx.inner else (None, None)
        return None, _by_gate(at_pre, 3), inner[0], inner[1], None, at_state


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
        state, cell, by_gate = initial.clone(), initial_cell.clone(), _by_gate(weight.t(), 4)
        gates, (cells, bounded, hidden) = torch.empty_like(x), (torch.empty_like(x[0]) for _ in range(3))
        output = hidden if projection is None else x.new_empty(x.shape[1], len(projection))
        pieces = run.steps(
            x, x[:2], x[2], x[3], gates[:2], gates[2], gates[3], cells, bounded, hidden, output
        )
        for piece, (carried, memory) in zip(pieces, run.alive(state, cell), strict=True):
            u, u_if, u_g, u_o, y_if, g, o, c, b, h, out = piece
            u.baddbmm_(carried.expand(4, *carried.shape), by_gate)
            i, f = torch.sigmoid(u_if, out=y_if)
            _tanh(u_g, g)
            torch.sigmoid(u_o, out=o)
            torch.mul(memory, f, out=c)
            c.addcmul_(i, g)
            memory.copy_(c)
            _tanh(c, b)
            torch.mul(o, b, out=h)
            if projection is not None:
                torch.mm(h, projection.t(), out=out)
            carried.copy_(out)
        run.pres, run.outputs = (*x, cells), (*gates, bounded)
        ctx.run, ctx.states = run, (weight, projection, initial, initial_cell)
        ctx.inner = _is_inner(weight) or _is_inner(projection)
        # what is returned must not be kept as it is: it would keep itself alive, and the model may overwrite it
        ctx.made = gates[:2], hidden if ctx.inner else None, output.clone() if ctx.inner else None
        return output, state, cell

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Tensor, final: Tensor, final_cell: Tensor) -> Any:
        run, (weight, projection, initial, initial_cell) = ctx.run, ctx.states
        (both, hidden, output), cells = ctx.made, run.pres[4]
        before, at_pre = run.before(cells, initial_cell), cells.new_empty(len(cells), 4 * cells.shape[1])
        by_gate = _by_gate(at_pre, 4)
        at_state, at_cell, at_outputs = final.clone(), final_cell.clone(), []
        at_gates, squares = (final_cell.new_zeros(5, *final_cell.shape) for _ in range(2))
        through = torch.empty_like(final_cell)
        pieces = run.steps(gradient, both, *run.outputs, at_pre, by_gate[:2], *by_gate[2:], backwards=True)
        states = run.alive(
            at_state, at_cell, through, squares, at_gates, at_gates[:2], *at_gates, backwards=True
        )
        for ct, piece, rows in zip(before, pieces, states, strict=True):
            given, y_if, i, f, g, o, b, pre, u_if, u_g, u_o = piece
            carried, memory, more, square, gate, d_if, d_i, d_f, d_g, d_o, d_b = rows
            carried.add_(given)
            d_h = carried if projection is None else carried @ projection
            if ctx.inner:
                at_outputs.append(carried.clone())
            torch.mul(d_h, b, out=d_o)
            torch.mul(d_h, o, out=d_b)
            memory.add_(_tanh_backward(d_b, b, grad_input=more))
            torch.mul(memory, g, out=d_i)
            torch.mul(memory, ct, out=d_f)
            torch.mul(memory, i, out=d_g)
            _sigmoid_backward(d_if, y_if, grad_input=u_if)
            _tanh_backward(d_g, g, grad_input=u_g)
            _sigmoid_backward(d_o, o, grad_input=u_o)
            square.addcmul_(gate, gate)
            memory.mul_(f)
            torch.mm(pre, weight, out=carried)
        run.note(squares)
        at_weight = at_projection = None
        if ctx.inner:
            at_weight = at_pre.t() @ run.joined(run.before(output, initial))
            at_projection = None if projection is None else run.joined(at_outputs).t() @ hidden
        return None, by_gate, at_weight, None, at_projection, at_state, at_cell


def _tanh(u: Tensor, out: Tensor) -> Tensor:
    # torch's own takes three times as long on a processor
    return out.copy_(_TANH(u)) if u.is_cpu else torch.tanh(u, out=out)


def _by_gate(side_by_side: Tensor, gates: int) -> Tensor:
    """Return what stands side by side gate by gate, shape (gates, rows, units)."""
    return side_by_side.unflatten(-1, (gates, -1)).movedim(1, 0)


def _is_inner(weight: Tensor | None) -> bool:
    """Return whether a weight was computed, perhaps from the inputs, so that the gradient goes on through it."""
    return weight is not None and weight.requires_grad and not weight.is_leaf


_KINDS: dict[str, Any] = {"lstm": _Lstm, "gru": _Gru, "tanh": _Plain, "relu": _Plain}

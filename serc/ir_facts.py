"""What can be said of conditions and bodies of the program without changing them."""

from __future__ import annotations

from serc import ir


def pure(condition: ir.Condition) -> bool:
    """True if evaluating it changes nothing, so that it may be evaluated twice or not at all."""
    if isinstance(condition, ir.Succeeds):
        return condition.call.is_pure
    if isinstance(condition, ir.Not):
        return pure(condition.operand)
    if isinstance(condition, (ir.And, ir.Or)):
        return all(pure(item) for item in condition.items)
    return True


def can_err(condition: ir.Condition) -> bool:
    """True if it can be an error, which is neither true nor false (reference core, 5.2)."""
    if isinstance(condition, ir.Operand):
        return condition.opposite != ""
    if isinstance(condition, ir.Succeeds):
        return condition.call.returns is ir.Returns.VERDICT
    if isinstance(condition, ir.Not):
        return can_err(condition.operand)
    if isinstance(condition, (ir.And, ir.Or)):
        return any(can_err(item) for item in condition.items)
    return False


def can_stop(condition: ir.Condition) -> bool:
    """True if a call in it can end the route."""
    if isinstance(condition, ir.Succeeds):
        returns = condition.call.returns
        return returns is ir.Returns.STOPS or (returns is ir.Returns.VERDICT and condition.call.can_stop)
    if isinstance(condition, ir.Not):
        return can_stop(condition.operand)
    if isinstance(condition, (ir.And, ir.Or)):
        return any(can_stop(item) for item in condition.items)
    return False


def leaf(condition: ir.Condition) -> ir.Condition:
    """What is left of `condition` without its negations."""
    while isinstance(condition, ir.Not):
        condition = condition.operand
    return condition


def ends(s: ir.Statement) -> bool:
    """True if nothing that follows `s` in its list can run."""
    if isinstance(s, (ir.Stop, ir.Return)):
        return True
    return isinstance(s, ir.If) and bool(s.otherwise) and all(body_ends(b) for b in (*_bodies(s), s.otherwise))


def body_ends(body: ir.Body) -> bool:
    return bool(body) and ends(body[-1])


def _bodies(s: ir.If) -> list[ir.Body]:
    return [arm.body for arm in s.arms]

"""method=="ACK" || method=="CANCEL" as one membership test: shorter to read, and one attribute access instead of two."""

from __future__ import annotations

from serc import ir
from serc.passes.rewrite import rewrite_conditions


def one_of(program: ir.Program) -> ir.Program:
    return rewrite_conditions(program, _merged)


def _merged(condition: ir.Condition) -> ir.Condition:
    """Neighbours in an OR only, and the same under `!=` in an AND: what stands between keeps its turn."""
    if isinstance(condition, ir.Or):
        items = _neighbours(condition.items, "==")
        return items[0] if len(items) == 1 else ir.Or(items)
    if isinstance(condition, ir.And):
        items = _neighbours(condition.items, "!=")
        return items[0] if len(items) == 1 else ir.And(items)
    return condition


def _neighbours(items: tuple[ir.Condition, ...], operator: str) -> tuple[ir.Condition, ...]:
    groups: list[list[ir.Condition]] = []
    for item in items:
        last = groups[-1][-1] if groups else None
        if (
            _comparison(item, operator)
            and last is not None
            and _comparison(last, operator) == _comparison(item, operator)
        ):
            groups[-1].append(item)
        else:
            groups.append([item])
    return tuple(g[0] if len(g) == 1 else _test(g, operator) for g in groups)


def _comparison(item: ir.Condition, operator: str) -> str:
    """The attribute that `item` compares with `operator`; "" if it is something else. `!(a == b)` is `a != b`."""
    if isinstance(item, ir.Not) and isinstance(item.operand, ir.Compare):
        turned = {"==": "!=", "!=": "=="}.get(item.operand.operator, "")
        return item.operand.attribute if turned == operator else ""
    return item.attribute if isinstance(item, ir.Compare) and item.operator == operator else ""


def _test(group: list[ir.Condition], operator: str) -> ir.Condition:
    values: list[int | ir.Symbol] = []
    for item in group:
        compare = item.operand if isinstance(item, ir.Not) else item
        assert isinstance(compare, ir.Compare)
        if compare.value not in values:
            values.append(compare.value)
    if len(values) == 1:
        return group[0]
    test = ir.OneOf(_comparison(group[0], operator), tuple(values))
    return test if operator == "==" else ir.Not(test)

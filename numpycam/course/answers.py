"""Finds in a file of solutions what one exercise needs: its definition, and what that uses."""

import ast
from symtable import SymbolTable, symtable

_FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


def names_in(source: str) -> list[str]:
    """Return the names that the cell of an exercise defines: what the learner writes."""
    return [name for statement in ast.parse(source).body for name in _defined(statement)]


def defines_a_function(source: str) -> bool:
    """Whether the learner writes a function: it can be tried on any numbers."""
    return any(isinstance(statement, _FUNCTION) for statement in ast.parse(source).body)


def answer_to(stub: str, solutions: str) -> str:
    r"""Return the solutions of the names that a stub defines, after whatever they use.

    >>> solutions = "import math\ntau = 2 * math.pi\n\ndef mine(r):\n    return tau * r\n\nother = 1\n"
    >>> print(answer_to("def mine(r):\n    return ...", solutions))
    import math
    <BLANKLINE>
    tau = 2 * math.pi
    <BLANKLINE>
    <BLANKLINE>
    def mine(r):
        return tau * r
    """
    statements = ast.parse(solutions).body
    wanted, used = {*names_in(stub)}, set[int]()
    while True:
        more = {n for n, statement in enumerate(statements) if n not in used and wanted & {*_defined(statement)}}
        if not more:
            break
        used |= more
        for n in more:
            wanted |= _used(statements[n])
    ends = [0, *(statement.end_lineno or 0 for statement in statements)]  # before statement n, the last one ends there
    return _joined({statements[n]: _text(statements[n], solutions, ends[n]) for n in sorted(used)})


def _joined(statements: dict[ast.stmt, str]) -> str:
    """Return the statements as one text: two empty lines around a definition, one between two imports and the rest."""
    joined, before = "", None
    for statement, text in statements.items():
        if before is not None:
            both_import = isinstance(statement, ast.Import | ast.ImportFrom) and type(before) is type(statement)
            has_definition = any(isinstance(one, _FUNCTION | ast.ClassDef) for one in (statement, before))
            joined += "\n" if both_import else "\n\n\n" if has_definition else "\n\n"
        joined += text
        before = statement
    return joined


def _text(statement: ast.stmt, source: str, after: int) -> str:
    """Return a statement as it was written: below its decorators and comments, with the comment at its end.

    Only lines that follow line ``after`` are its own. There the statement before ends.
    """
    lines = source.split("\n")
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    start = min([statement.lineno, *(one.lineno for one in decorators)]) - 1
    while start > after and lines[start - 1].startswith("#"):
        start -= 1
    rest = lines[(statement.end_lineno or 0) - 1].encode()[statement.end_col_offset :].decode()  # it counts bytes
    comment = rest if rest.lstrip().startswith("#") else ""
    return "\n".join([*lines[start : statement.lineno - 1], f"{ast.get_source_segment(source, statement)}{comment}"])


def _defined(node: ast.AST) -> list[str]:
    """Return the names that a statement gives a value to, or puts something into: in a loop, too."""
    if isinstance(node, _FUNCTION | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Lambda):
        return []
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).split(".")[0] for alias in node.names]
    if isinstance(node, ast.Name):
        return [node.id] if isinstance(node.ctx, ast.Store) else []
    if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
        return _whose(node)  # findings["grass"] = ...
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return [*_whose(node.value), *_defined(node.value)]  # findings.append(...)
    if isinstance(node, ast.comprehension):  # its names end with it, but for those that := names
        return [name for part in node.ifs for name in _defined(part)]
    if isinstance(node, ast.MatchAs | ast.MatchStar | ast.MatchMapping):
        name = node.rest if isinstance(node, ast.MatchMapping) else node.name
        return [*([name] if name else []), *(more for part in ast.iter_child_nodes(node) for more in _defined(part))]
    return [name for part in ast.iter_child_nodes(node) for name in _defined(part)]


def _whose(node: ast.AST) -> list[str]:
    """Return the name that an item, an attribute or what a method returns belongs to, or none."""
    if isinstance(node, ast.Call):
        node = node.func
    if not isinstance(node, ast.Subscript | ast.Attribute):
        return []
    return [node.value.id] if isinstance(node.value, ast.Name) else _whose(node.value)


def _used(statement: ast.stmt) -> set[str]:
    """Return the names that a statement needs from outside: none of a function's own."""
    if isinstance(statement, _FUNCTION):
        return _from_outside(symtable(ast.unparse(statement), "solutions", "exec"))
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


def _from_outside(table: SymbolTable) -> set[str]:
    """Return the names that Python looks up outside of the functions of this table, and of those inside them."""
    names = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
    return names.union(*map(_from_outside, table.get_children()))

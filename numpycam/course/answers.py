"""Finds in a file of solutions what one exercise needs: its definition, and what that uses."""

import ast


def names_in(source: str) -> list[str]:
    """Return the names that the cell of an exercise defines: what the learner writes."""
    return [name for statement in ast.parse(source).body for name in _defined(statement)]


def defines_a_function(source: str) -> bool:
    """Whether the learner writes a function: it can be tried on any numbers."""
    return any(isinstance(statement, ast.FunctionDef) for statement in ast.parse(source).body)


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
    return _joined([statements[n] for n in sorted(used)], solutions)


def _joined(statements: list[ast.stmt], source: str) -> str:
    """Return the statements as text: two empty lines around a function, one between two imports and the rest."""
    text, before = "", None
    for statement in statements:
        if before is not None:
            both_import = isinstance(statement, ast.Import | ast.ImportFrom) and type(before) is type(statement)
            has_function = isinstance(statement, ast.FunctionDef) or isinstance(before, ast.FunctionDef)
            text += "\n" if both_import else "\n\n\n" if has_function else "\n\n"
        text += ast.get_source_segment(source, statement) or ""
        before = statement
    return text


def _defined(node: ast.AST) -> list[str]:
    """Return the names that a statement gives a value to, or puts something into: in a loop, too."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).split(".")[0] for alias in node.names]
    if isinstance(node, ast.Name):
        return [node.id] if isinstance(node.ctx, ast.Store) else []
    if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
        return _whose(node)  # findings["grass"] = ...
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return _whose(node.value.func)  # findings.append(...)
    if isinstance(node, ast.comprehension):
        return []  # its names end with it
    return [name for part in ast.iter_child_nodes(node) for name in _defined(part)]


def _whose(node: ast.AST) -> list[str]:
    """Return the name that an item or an attribute belongs to, or none."""
    if not isinstance(node, ast.Subscript | ast.Attribute):
        return []
    return [node.value.id] if isinstance(node.value, ast.Name) else _whose(node.value)


def _used(statement: ast.stmt) -> set[str]:
    """Return the names that a statement needs from outside: none of a function's own."""
    names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
    if not isinstance(statement, ast.FunctionDef):
        return {name.id for name in names}
    own = {node.arg for node in ast.walk(statement) if isinstance(node, ast.arg)}
    own |= {name.id for name in names if isinstance(name.ctx, ast.Store)}
    return {name.id for name in names} - own

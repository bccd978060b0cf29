"""Whether a call of torchvision may resample a tensor: it is given an image of PIL, or reads the nearest pixels alone.

It is read from the file alone. Where that does not show it, it may be a tensor.
"""

from __future__ import annotations

import ast

from torchproof.reports.code.syntax import Tree, nodes, parameters, word

_NEAREST = {"NEAREST", "NEAREST_EXACT"}
_PLACE = {"Resize": 1, "resize": 2, "RandomResizedCrop": 3, "resized_crop": 6}  # of what is interpolated by
_TAKE_PICTURES = {"ToTensor", "PILToTensor"}  # and refuse tensors
_GIVE_PICTURES = {"ToPILImage", "to_pil_image"}
_OPEN = {"open", "fromarray", "new", "frombytes", "frombuffer", "merge"}  # of PIL.Image
# Methods of an image, and functions of torchvision, that give an image for an image.
_KEEP = {"convert", "copy", "crop", "resize", "rotate", "transpose", "filter", "resized_crop", "center_crop", "pad",
         "hflip", "vflip", "affine", "perspective", "exif_transpose"}  # fmt: skip
_ANNOTATIONS = {"Image.Image", "PIL.Image.Image", "PILImage.Image", "PIL.Image"}
_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


class Pictures:
    """Answers for the calls of one file."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._parents = tree.parents
        imports = [node for node in tree.nodes if isinstance(node, ast.ImportFrom) and node.module == "PIL.Image"]
        self._names = {one.asname or one.name for node in imports for one in node.names}

    def may_be_tensor(self, line: int, name: str) -> bool:
        """Whether a call of this name on a line may resample one."""
        return self._tree.may(line, name, lambda call: not (_is_nearest(call, name) or self._is_of_picture(call)))

    def _is_of_picture(self, call: ast.Call) -> bool:
        given = next((one.value for one in call.keywords if one.arg == "img"), call.args[0] if call.args else None)
        is_class = (word(call.func) or "")[:1].isupper()
        return self._stands_before_one(call) if is_class else given is not None and self._is_picture(given, call)

    # Transforms in a list

    def _stands_before_one(self, call: ast.Call) -> bool:
        """Whether what follows takes images alone, or what is before gives one, in a list around."""
        node: ast.AST = call
        while isinstance(above := self._parents.get(node), ast.expr):
            row = above.elts if isinstance(above, (ast.List, ast.Tuple)) else []
            row = above.args if isinstance(above, ast.Call) and word(above.func) in ("Compose", "Sequential") else row
            if node in row:
                place = row.index(node)  # type: ignore[arg-type]
                after, before = _first_of(row[place + 1 :]), _first_of(row[:place][::-1])
                if after in _TAKE_PICTURES or before in _GIVE_PICTURES:
                    return True
            node = above
        return False

    # What a function is given

    def _is_picture(self, node: ast.expr, call: ast.Call) -> bool:
        """Whether an expression is an image of PIL where a call stands."""
        if isinstance(node, ast.Name):
            return self._is_bound_to_picture(node.id, call)
        if not isinstance(node, ast.Call):
            return False
        name, owner = word(node.func), node.func.value if isinstance(node.func, ast.Attribute) else None
        if name in _GIVE_PICTURES:
            return True
        if name in _OPEN and (name in self._names or (owner and word(owner) in ("Image", "PILImage"))):
            return True
        given = [one for one in (owner, *node.args[:1]) if one]
        return name in _KEEP and any(self._is_picture(one, node) for one in given)

    def _is_bound_to_picture(self, name: str, call: ast.Call) -> bool:
        """Whether a name is one by all that the function binds it to before, or by its annotation."""
        function = self._tree.around(call, _Function)
        if function is None:
            return False
        annotated = {one.arg: one.annotation for one in parameters(function.args)[0]}
        bound = self._bound(name, function, call)
        is_replaced = any(self._parents[self._parents[target]] is function for target in bound)  # whatever else runs
        if name in annotated and not (is_replaced or self._says_picture(annotated[name])):
            return False
        is_one = all(value and self._is_picture(value, call) for value in bound.values())
        return bool(bound or name in annotated) and is_one

    def _bound(self, name: str, function: ast.AST, call: ast.Call) -> dict[ast.Name, ast.expr | None]:
        """What a name is assigned before a call, by the places that do; None where that is not shown."""
        given: dict[ast.expr, ast.expr] = {}
        every = nodes(function)
        for one in every:
            if isinstance(one, (ast.Assign, ast.AnnAssign)) and one.value:
                given.update(dict.fromkeys(one.targets if isinstance(one, ast.Assign) else [one.target], one.value))
            elif isinstance(one, ast.With):
                given.update({item.optional_vars: item.context_expr for item in one.items if item.optional_vars})
        names = [one for one in every if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)]
        return {one: given.get(one) for one in names if one.id == name and one.lineno < call.lineno}

    def _says_picture(self, annotation: ast.expr | None) -> bool:
        if annotation is None:
            return False
        text = annotation.value if isinstance(annotation, ast.Constant) else ast.unparse(annotation)
        return text in _ANNOTATIONS or (text in self._names and text == "Image")


def _first_of(row: list[ast.expr]) -> str:
    """The first in a row of transforms that makes an image a tensor, or a tensor an image."""
    names = (word(one.func) if isinstance(one, ast.Call) else "" for one in row)
    return next((one for one in names if one in _TAKE_PICTURES | _GIVE_PICTURES), "") or ""


def _is_nearest(call: ast.Call, name: str) -> bool:
    by = next((one.value for one in call.keywords if one.arg == "interpolation"), None)
    if by is None and len(call.args) > _PLACE.get(name, len(call.args)):
        by = call.args[_PLACE[name]]
    return by is not None and ((isinstance(by, ast.Constant) and by.value == 0) or word(by) in _NEAREST)

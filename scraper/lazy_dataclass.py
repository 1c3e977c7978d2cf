"""Dataclasses that cost next to nothing until they are used.

The standard library writes and compiles all methods of a dataclass when it is defined: half a millisecond each, a
fifth of a second for those of this package, of which a process uses some. Here a method is compiled when it is first
called. `fields`, `replace`, `asdict`, `copy`, `pickle` and `match` work as with any dataclass.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, dataclass_transform

C = TypeVar("C", bound=type)

_MISSING: Any = dataclasses.MISSING
#: What an argument is that was left out, where a default is made for each object.
_LEFT_OUT = object()


class _Field(NamedTuple):
    name: str
    annotation: Any
    default: Any = _MISSING
    factory: Any = _MISSING
    kw_only: bool = False
    repr: bool = True


@dataclass_transform(field_specifiers=(dataclasses.field,))
def dataclass(*, frozen: bool = False, slots: bool = False, eq: bool = True) -> Callable[[C], C]:
    """Make a class a dataclass; the arguments are those of the standard library's."""

    def decorate(cls: C) -> C:
        own = _own_fields(cls)
        inherited = {field.name: field for base in cls.__mro__[:0:-1] for field in vars(base).get("_lazy_fields", ())}
        fields = tuple({**inherited, **own}.values())
        methods = _methods(fields, frozen=frozen, eq=eq, slots=slots)
        attributes = {name: value for name, value in methods.items() if name not in vars(cls)}
        attributes["__match_args__"] = tuple(field.name for field in fields if not field.kw_only)
        attributes["_lazy_fields"] = fields
        if slots:
            return _with_slots(cls, own, attributes)
        for field in own.values():
            if field.default is not _MISSING:
                setattr(cls, field.name, field.default)
            elif field.factory is not _MISSING:
                delattr(cls, field.name)
        for name, value in attributes.items():
            setattr(cls, name, value)
        return cls

    return decorate


def _own_fields(cls: type) -> dict[str, _Field]:
    fields = {}
    for name, annotation in vars(cls).get("__annotations__", {}).items():
        if str(annotation).startswith("ClassVar"):
            continue
        given = vars(cls).get(name, _MISSING)
        if isinstance(given, dataclasses.Field):
            kw_only = given.kw_only is True
            fields[name] = _Field(name, annotation, given.default, given.default_factory, kw_only, given.repr)
        else:
            fields[name] = _Field(name, annotation, given)
    return fields


def _with_slots(cls: C, own: dict[str, _Field], attributes: dict[str, Any]) -> C:
    """Return the class made again, since slots are laid out when a class is made."""
    left_out = {"__dict__", "__weakref__", *own}
    kept = {name: value for name, value in vars(cls).items() if name not in left_out}
    made: Any = type(cls)(cls.__name__, cls.__bases__, {**kept, **attributes, "__slots__": tuple(own)})
    made.__qualname__ = cls.__qualname__
    return made  # type: ignore[no-any-return]


def _methods(fields: tuple[_Field, ...], *, frozen: bool, eq: bool, slots: bool) -> dict[str, Any]:
    methods: dict[str, Any] = {
        "__init__": _late("__init__", lambda: _init(fields, frozen=frozen)),
        "__repr__": _repr,
        "__dataclass_fields__": _Standard("__dataclass_fields__", fields, frozen),
        "__dataclass_params__": _Standard("__dataclass_params__", fields, frozen),
    }
    if eq:
        methods["__eq__"] = _late("__eq__", lambda: _eq(fields))
        methods["__hash__"] = _late("__hash__", lambda: _hash(fields)) if frozen else None
    if frozen:
        methods |= {"__setattr__": _refuse, "__delattr__": _refuse}
        if slots:
            methods |= {"__getstate__": _get_state, "__setstate__": _set_state}
    return methods


def _late(name: str, make: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
    """Return a method that puts the true one in its place when it is called first."""

    def late(self: Any, *arguments: Any, **named: Any) -> Any:
        owner = next((cls for cls in type(self).__mro__ if vars(cls).get(name) is late), None)
        if owner is None:  # another thread was first
            return getattr(type(self), name)(self, *arguments, **named)
        method = make()
        method.__qualname__ = f"{owner.__qualname__}.{name}"
        setattr(owner, name, method)
        return method(self, *arguments, **named)

    return late


def _compiled(text: str, names: dict[str, Any]) -> Callable[..., Any]:
    exec(text, names)
    method: Callable[..., Any] = names["method"]
    return method


def _init(fields: tuple[_Field, ...], *, frozen: bool) -> Callable[..., Any]:
    names: dict[str, Any] = {"_set": object.__setattr__, "_left_out": _LEFT_OUT}
    arguments, lines = ["self"], []
    for field in sorted(fields, key=lambda field: field.kw_only):
        name = value = field.name
        if field.kw_only and "*" not in arguments:
            arguments.append("*")
        if field.factory is not _MISSING:
            names[f"_made_{name}"] = field.factory
            value = f"_made_{name}() if {name} is _left_out else {name}"
            arguments.append(f"{name}=_left_out")
        elif field.default is not _MISSING:
            names[f"_default_{name}"] = field.default
            arguments.append(f"{name}=_default_{name}")
        else:
            arguments.append(name)
        lines.append(f" _set(self, {name!r}, {value})" if frozen else f" self.{name} = {value}")
    return _compiled(f"def method({', '.join(arguments)}):\n" + ("\n".join(lines) or " pass"), names)


def _values(fields: tuple[_Field, ...], of: str) -> str:
    return "(" + "".join(f"{of}.{field.name}, " for field in fields) + ")"


def _eq(fields: tuple[_Field, ...]) -> Callable[..., Any]:
    lines = (
        "def method(self, other):",
        " if other.__class__ is not self.__class__: return NotImplemented",
        f" return {_values(fields, 'self')} == {_values(fields, 'other')}",
    )
    return _compiled("\n".join(lines), {})


def _hash(fields: tuple[_Field, ...]) -> Callable[..., Any]:
    return _compiled(f"def method(self):\n return hash({_values(fields, 'self')})", {})


def _repr(self: Any) -> str:
    shown = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in self._lazy_fields if field.repr)
    return f"{type(self).__qualname__}({shown})"


def _refuse(self: Any, name: str, *_: Any) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _get_state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in self._lazy_fields]


def _set_state(self: Any, state: list[Any]) -> None:
    for field, value in zip(self._lazy_fields, state, strict=True):
        object.__setattr__(self, field.name, value)


class _Standard:
    """What `dataclasses.fields` and the like read, taken from a standard dataclass of the same fields."""

    def __init__(self, name: str, fields: tuple[_Field, ...], frozen: bool) -> None:
        self._name = name
        self._fields = fields
        self._frozen = frozen

    def __get__(self, _instance: Any, owner: type) -> Any:
        # For `fields` and `asdict` no method is compiled; only who inherits asks for the parameters.
        is_whole = self._name == "__dataclass_params__"
        twin = dataclasses.make_dataclass(
            owner.__name__,
            [(each.name, each.annotation, _standard_field(each)) for each in self._fields],
            namespace={"__doc__": owner.__doc__ or owner.__name__},  # else it is written from the signature, in 3 ms
            init=is_whole,
            repr=is_whole,
            eq=is_whole,
            frozen=is_whole and self._frozen,
        )
        found = getattr(twin, self._name)
        for cls in owner.__mro__:
            if vars(cls).get("_lazy_fields") is self._fields:
                setattr(cls, self._name, found)
        return found


def _standard_field(field: _Field) -> Any:
    given: dict[str, Any] = {"kw_only": field.kw_only, "repr": field.repr}
    if field.factory is not _MISSING:
        given["default_factory"] = field.factory
    elif field.default is not _MISSING:
        given["default"] = field.default
    return dataclasses.field(**given)

"""Parts of a package without what the package itself would load: some `__init__`s import all that they have.

`import kubernetes` loads two clients, OAuth and websockets where a kubeconfig's loader is wanted; `import uvicorn` its
supervisors.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec


@contextmanager
def bare(*packages: str) -> Iterator[None]:
    """Within it, modules of these packages can be imported while the packages' own `__init__` is not run.

    A package inside of another comes after that one. All modules that are needed later on must be imported within:
    outside, the packages are as if nobody had imported them yet. One that is loaded already is taken as it is.
    """
    made: list[str] = []
    for name in packages:
        if name in sys.modules:
            continue
        spec = find_spec(name)
        if spec is None or spec.submodule_search_locations is None:
            raise ModuleNotFoundError(f"there is no package {name}", name=name)
        _put(spec)
        made.append(name)
    try:
        yield
    finally:
        for name in made:
            del sys.modules[name]


def _put(spec: ModuleSpec) -> None:
    """The package as an empty module that knows where its parts are."""
    sys.modules[spec.name] = module_from_spec(spec)

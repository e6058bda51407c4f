"""How to get the packages of an extra of this project."""


def install_extra(name: str) -> str:
    """The sentence that says how; the project is not on PyPI, where its name is somebody else's."""
    return f'In the folder of the pack, run: pip install -e ".[{name}]"'

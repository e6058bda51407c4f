"""Reports what learns and what is frozen before the first step, and checks it against ``learn``."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import nn

from ...errors import TrainingError
from ..groups import Group, group_of
from ..stage import Stage


@dataclass(frozen=True, kw_only=True)
class GroupCount:
    """Parameters of a group."""

    group: Group
    total: int
    learning: int

    @property
    def state(self) -> str:
        """The state of the group in a word: learns, frozen or partly frozen."""
        if not self.learning:
            return "frozen"
        return "learns" if self.learning == self.total else "learns in part"


def count_groups(stage: Stage) -> list[GroupCount]:
    """Parameters of every group of the stage, and how many of them learn."""
    learning = {id(p): key for player in stage.players for key, p in stage.learners(player)}
    totals: dict[Group, int] = {}
    learners: dict[Group, int] = {}
    for key, parameter in _all_parameters(stage):
        group = group_of(key)
        totals[group] = totals.get(group, 0) + parameter.numel()
        if id(parameter) in learning:
            learners[group] = learners.get(group, 0) + parameter.numel()
    return [
        GroupCount(group=group, total=totals[group], learning=learners.get(group, 0))
        for group in Group
        if group in totals
    ]


def check_mixture(
    stage: Stage,
    learn: Sequence[Group],
    known: Sequence[frozenset[Group]],
    allow_other: bool,
    in_part: frozenset[Group] = frozenset(),
) -> None:
    """``TrainingError`` unless exactly the groups in ``learn`` learn, each as a whole.

    ``known`` are the combinations that the stage has presets for; another one must be allowed.
    Groups ``in_part`` have parameters that the stage does not use.
    """
    counts = count_groups(stage)
    there = {count.group for count in counts}
    if absent := [group.value for group in learn if group not in there]:
        raise TrainingError(
            f"This stage has no parameters of {', '.join(absent)} that could learn: it has "
            f"{', '.join(sorted(group.value for group in there))}. Change 'learn'."
        )
    for count in counts:
        is_named = count.group in learn or count.group is Group.CRITIC
        if count.learning and not is_named:
            raise TrainingError(
                f"{count.learning:,} parameters of {count.group.value} would learn, but 'learn' "
                f"names {_names(learn)}."
            )
        if is_named and count.group not in in_part and count.learning != count.total:
            raise TrainingError(
                f"Only {count.learning:,} of {count.total:,} parameters of {count.group.value} "
                "would learn, and 'learn' names it as a whole."
            )
    if frozenset(learn) not in known and not allow_other:
        choices = "; ".join(_names(sorted(mix, key=lambda g: g.value)) for mix in known)
        raise TrainingError(
            f"No preset of this stage trains {_names(learn)} together; they train {choices}. To "
            "train it all the same, set allow_other_mixture=true."
        )


def freeze_report(stage: Stage) -> str:
    """A table of the groups: parameters, and what learns."""
    counts = count_groups(stage)
    rows = [(c.group.value, f"{c.total:,}", f"{c.learning:,}", c.state) for c in counts]
    total, learning = (sum(getattr(c, name) for c in counts) for name in ("total", "learning"))
    rows.append(("together", f"{total:,}", f"{learning:,}", ""))
    lines = [("group", "parameters", "learning", ""), *rows]
    widths = [max(len(row[i]) for row in lines) for i in range(3)]
    return "\n".join(
        f"{name:<{widths[0]}}  {total:>{widths[1]}}  {learning:>{widths[2]}}  {state}".rstrip()
        for name, total, learning, state in lines
    )


def _all_parameters(stage: Stage) -> Iterator[tuple[str, nn.Parameter]]:
    """Every parameter once, official keys first."""
    seen: set[int] = set()
    own = ((key, p) for player in stage.players for key, p in stage.learners(player))
    for source in (stage.official_parameters(), own):
        for key, parameter in source:
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield key, parameter


def _names(groups: Sequence[Group]) -> str:
    return ", ".join(group.value for group in groups) or "nothing"
